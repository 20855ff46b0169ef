-- What the list of customers is sorted and filtered by. There is no index of words: programs with an older
-- SQLite could not write to `customers` any more once it holds a full-text index that forgets what is erased.
CREATE INDEX sync_customers_name ON customers (name COLLATE NOCASE, id);
CREATE INDEX sync_customers_updated ON customers (updated_at, id);
CREATE INDEX sync_customers_created ON customers (created_at, id);
CREATE INDEX sync_customers_kind ON customers (deleted_at, origin, is_active);
