-- Who may use the service, and who did what. Of passwords, tokens and sessions only hashes are stored; times are milliseconds UTC.
ALTER TABLE sync_tokens ADD COLUMN expires_at INTEGER;
ALTER TABLE sync_tokens ADD COLUMN last_used_at INTEGER;

CREATE TABLE sync_users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    signed_in_at INTEGER
);

CREATE TABLE sync_sessions (
    hash TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES sync_users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
CREATE INDEX sync_sessions_user ON sync_sessions (user_id);

CREATE TABLE sync_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_id INTEGER,
    actor_name TEXT,
    address TEXT,
    action TEXT NOT NULL,
    target TEXT,
    status INTEGER
);
