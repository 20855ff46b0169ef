-- Private to customer-sync; times are milliseconds UTC. Key columns compare bytes: names that differ in case, accents or
-- trailing spaces are different names. `{customer_id}` is the type of `customers.id`.
CREATE TABLE IF NOT EXISTS sync_state (
    customer_id {customer_id} NOT NULL PRIMARY KEY,
    document LONGTEXT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    document_hash VARCHAR(64) NOT NULL,
    base LONGTEXT NOT NULL,
    creation VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    modified VARCHAR(255) NOT NULL,
    gone VARCHAR(16),
    unknown TEXT,
    problems TEXT,
    synced_at BIGINT NOT NULL,
    KEY sync_state_creation (creation),
    KEY sync_state_unknown (unknown(64)),
    CONSTRAINT sync_state_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_aliases (
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    creation VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    customer_id {customer_id} NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (name, creation),
    CONSTRAINT sync_aliases_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_counters (
    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
INSERT IGNORE INTO sync_counters (name, value) VALUES ('changes', 0);

CREATE TABLE IF NOT EXISTS sync_jobs (
    doctype VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    lane BIGINT NOT NULL,
    run_at BIGINT,
    token BIGINT,
    generation BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    delivery_id VARCHAR(36),
    absent BOOLEAN NOT NULL,
    last_error TEXT,
    error_label VARCHAR(64),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (doctype, name),
    KEY sync_jobs_due (lane, run_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_deliveries (
    id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL,
    event TEXT,
    doctype TEXT,
    name TEXT,
    body MEDIUMTEXT NOT NULL,
    verdict VARCHAR(16) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_tokens (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    role VARCHAR(32) NOT NULL,
    hash VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE KEY sync_tokens_hash (hash)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_meta (
    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
    value LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
