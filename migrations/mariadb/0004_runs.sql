-- Private to customer-sync: runs, polling and schedules; times are milliseconds UTC. `{customer_id}` is the type of `customers.id`.
CREATE TABLE IF NOT EXISTS sync_runs (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    -- The kind while it is running, so that there is one of each kind (one that was held and goes on has a key of its own);
    -- null afterwards and while held.
    active_key VARCHAR(32) UNIQUE,
    cause VARCHAR(16) NOT NULL,
    -- Where the listing goes on after a crash; done when `listed_all`.
    position TEXT,
    listed_all BOOLEAN NOT NULL,
    total BIGINT,
    listed BIGINT NOT NULL,
    put BIGINT NOT NULL,
    candidates BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    linked BIGINT NOT NULL,
    tombstoned BIGINT NOT NULL,
    not_permitted BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    message TEXT,
    paused TEXT,
    -- Which process conducts it, and until when without a sign of life.
    owner BIGINT,
    owner_until BIGINT,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
CREATE INDEX IF NOT EXISTS sync_runs_last ON sync_runs (kind, state, id);

-- What a held run would remove.
CREATE TABLE IF NOT EXISTS sync_candidates (
    run_id BIGINT NOT NULL,
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    customer_id BIGINT NOT NULL,
    reason VARCHAR(16) NOT NULL,
    PRIMARY KEY (run_id, name),
    CONSTRAINT sync_candidates_run FOREIGN KEY (run_id) REFERENCES sync_runs (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

ALTER TABLE sync_jobs ADD COLUMN IF NOT EXISTS run_id BIGINT;
ALTER TABLE sync_jobs ADD COLUMN IF NOT EXISTS modified VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS sync_jobs_run ON sync_jobs (run_id);

-- What catch-up has put already.
CREATE TABLE IF NOT EXISTS sync_seen (
    doctype VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    modified VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    PRIMARY KEY (doctype, modified, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_watermarks (
    doctype VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
    modified VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    -- When catch-up last met something new, by our clock.
    moved_at BIGINT NOT NULL,
    -- Whether a look 65 minutes or more after that found nothing new: then none is left with an earlier stamp.
    quiet BOOLEAN NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_schedules (
    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
    -- The configured interval or pattern that `next_at` was made from.
    spec TEXT NOT NULL,
    paused BOOLEAN NOT NULL,
    next_at BIGINT,
    -- Which process is at it, and until when without a sign of life.
    token BIGINT,
    busy_until BIGINT,
    -- How often in a row there was nothing to do.
    idle BIGINT NOT NULL,
    last_started_at BIGINT,
    last_finished_at BIGINT,
    last_result TEXT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- A row and a document of ERPNext that may be, or shall be, the same customer.
CREATE TABLE IF NOT EXISTS sync_suggestions (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    creation VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    customer_id {customer_id} NOT NULL,
    kind VARCHAR(16) NOT NULL,
    matched_by TEXT NOT NULL,
    -- open, accepted, rejected or done
    state VARCHAR(16) NOT NULL,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    UNIQUE KEY sync_suggestions_pair (name, customer_id),
    KEY sync_suggestions_customer (customer_id),
    CONSTRAINT sync_suggestions_customer_id FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
