-- Who may use the service, and who did what. Of passwords, tokens and sessions only hashes are stored; times are milliseconds UTC.
ALTER TABLE sync_tokens ADD COLUMN IF NOT EXISTS expires_at BIGINT;
ALTER TABLE sync_tokens ADD COLUMN IF NOT EXISTS last_used_at BIGINT;

CREATE TABLE IF NOT EXISTS sync_users (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    role VARCHAR(32) NOT NULL,
    password VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT,
    UNIQUE KEY sync_users_name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_sessions (
    hash VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    KEY sync_sessions_user (user_id),
    CONSTRAINT sync_sessions_user FOREIGN KEY (user_id) REFERENCES sync_users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS sync_audit (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor VARCHAR(16) NOT NULL,
    actor_id BIGINT,
    actor_name VARCHAR(255),
    address VARCHAR(64),
    action VARCHAR(64) NOT NULL,
    target VARCHAR(255),
    status BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
