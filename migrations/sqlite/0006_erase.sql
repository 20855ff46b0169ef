-- Public: when the personal data of the row was erased.
ALTER TABLE customers ADD COLUMN IF NOT EXISTS erased_at DATETIME;

-- Keyed hashes of what an erased customer was called in ERPNext, so that it is not filled again. Not tied to `customers`: they
-- count also where the row itself was deleted.
CREATE TABLE sync_erased (
    mark TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    PRIMARY KEY (mark, customer_id)
);
