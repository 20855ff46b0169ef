-- Public: when the personal data of the row was erased.
ALTER TABLE customers ADD COLUMN IF NOT EXISTS erased_at DATETIME(3);

-- Keyed hashes of what an erased customer was called in ERPNext, so that it is not filled again. Not tied to `customers`: they
-- count also where the row itself was deleted.
CREATE TABLE IF NOT EXISTS sync_erased (
    mark VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (mark, customer_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
