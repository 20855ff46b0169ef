-- Private to customer-sync: runs, polling and schedules; times are milliseconds UTC.
CREATE TABLE sync_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    -- The kind while it is running, so that there is one of each kind (one that was held and goes on has a key of its own);
    -- null afterwards and while held.
    active_key TEXT UNIQUE,
    cause TEXT NOT NULL,
    -- Where the listing goes on after a crash; done when `listed_all`.
    position TEXT,
    listed_all BOOLEAN NOT NULL,
    total INTEGER,
    listed INTEGER NOT NULL,
    put INTEGER NOT NULL,
    candidates INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    linked INTEGER NOT NULL,
    tombstoned INTEGER NOT NULL,
    not_permitted INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    message TEXT,
    paused TEXT,
    -- Which process conducts it, and until when without a sign of life.
    owner INTEGER,
    owner_until INTEGER,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX sync_runs_last ON sync_runs (kind, state, id);

-- What a held run would remove.
CREATE TABLE sync_candidates (
    run_id INTEGER NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
);

ALTER TABLE sync_jobs ADD COLUMN run_id INTEGER;
ALTER TABLE sync_jobs ADD COLUMN modified TEXT;
CREATE INDEX sync_jobs_run ON sync_jobs (run_id) WHERE run_id IS NOT NULL;

-- What catch-up has put already.
CREATE TABLE sync_seen (
    doctype TEXT NOT NULL,
    name TEXT NOT NULL,
    modified TEXT NOT NULL,
    PRIMARY KEY (doctype, modified, name)
);

CREATE TABLE sync_watermarks (
    doctype TEXT PRIMARY KEY,
    modified TEXT NOT NULL,
    -- When catch-up last met something new, by our clock.
    moved_at INTEGER NOT NULL,
    -- Whether a look 65 minutes or more after that found nothing new: then none is left with an earlier stamp.
    quiet BOOLEAN NOT NULL
);

CREATE TABLE sync_schedules (
    name TEXT PRIMARY KEY,
    -- The configured interval or pattern that `next_at` was made from.
    spec TEXT NOT NULL,
    paused BOOLEAN NOT NULL,
    next_at INTEGER,
    -- Which process is at it, and until when without a sign of life.
    token INTEGER,
    busy_until INTEGER,
    -- How often in a row there was nothing to do.
    idle INTEGER NOT NULL,
    last_started_at INTEGER,
    last_finished_at INTEGER,
    last_result TEXT
);

-- A row and a document of ERPNext that may be, or shall be, the same customer.
CREATE TABLE sync_suggestions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    creation TEXT NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    matched_by TEXT NOT NULL,
    -- open, accepted, rejected or done
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_at INTEGER
);
CREATE UNIQUE INDEX sync_suggestions_pair ON sync_suggestions (name, customer_id);
CREATE INDEX sync_suggestions_customer ON sync_suggestions (customer_id);
