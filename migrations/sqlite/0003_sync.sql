-- Private to customer-sync; times are milliseconds UTC.
CREATE TABLE sync_state (
    customer_id INTEGER PRIMARY KEY REFERENCES customers (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    hash TEXT NOT NULL,
    document_hash TEXT NOT NULL,
    base TEXT NOT NULL,
    creation TEXT NOT NULL,
    modified TEXT NOT NULL,
    gone TEXT,
    unknown TEXT,
    problems TEXT,
    synced_at INTEGER NOT NULL
);
CREATE INDEX sync_state_creation ON sync_state (creation);
CREATE INDEX sync_state_unknown ON sync_state (unknown) WHERE unknown IS NOT NULL;

CREATE TABLE sync_aliases (
    name TEXT NOT NULL,
    creation TEXT NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    since INTEGER NOT NULL,
    PRIMARY KEY (name, creation)
);

CREATE TABLE sync_counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO sync_counters (name, value) VALUES ('changes', 0);

CREATE TABLE sync_jobs (
    doctype TEXT NOT NULL,
    name TEXT NOT NULL,
    lane INTEGER NOT NULL,
    run_at INTEGER,
    token INTEGER,
    generation INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    delivery_id TEXT,
    absent BOOLEAN NOT NULL,
    last_error TEXT,
    error_label TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (doctype, name)
);
CREATE INDEX sync_jobs_due ON sync_jobs (lane, run_at);

CREATE TABLE sync_deliveries (
    id TEXT PRIMARY KEY,
    received_at INTEGER NOT NULL,
    event TEXT,
    doctype TEXT,
    name TEXT,
    body TEXT NOT NULL,
    verdict TEXT NOT NULL
);

CREATE TABLE sync_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
);

CREATE TABLE sync_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
