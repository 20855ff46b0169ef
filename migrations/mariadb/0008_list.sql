-- What the list of customers is sorted, filtered and searched by. The database keeps it itself, so that rows are found, too, that another
-- program has written. `{name_key}` is the name, or its beginning where an adopted table has a type that cannot be indexed whole.
CREATE INDEX IF NOT EXISTS sync_customers_name ON customers ({name_key}, id);
CREATE INDEX IF NOT EXISTS sync_customers_updated ON customers (updated_at, id);
CREATE INDEX IF NOT EXISTS sync_customers_created ON customers (created_at, id);
CREATE INDEX IF NOT EXISTS sync_customers_kind ON customers (deleted_at, origin, is_active);

-- The words of a customer, which no program sees that does not ask for the column by its name. Each has two letters in front, so that
-- the shortest is long enough for a full-text index and none is left out as too common.
ALTER TABLE customers ADD COLUMN IF NOT EXISTS sync_words TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci AS (
    REGEXP_REPLACE(CONCAT_WS(' ', '', name, erpnext_id, email, phone, tax_number,
        REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(phone, '-', ''), '+', ''), ' ', ''), '(', ''), ')', ''), '/', ''), '.', ''),
        REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(tax_number, '-', ''), '+', ''), ' ', ''), '(', ''), ')', ''), '/', ''), '.', '')),
    '[^\\pL\\pN]+', ' zz')
) PERSISTENT INVISIBLE;
SET SESSION innodb_ft_enable_stopword = OFF;
CREATE FULLTEXT INDEX IF NOT EXISTS sync_customers_words ON customers (sync_words);
