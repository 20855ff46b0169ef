-- When a turn last came to its end without a failure; questions to people are counted all the time.
ALTER TABLE sync_schedules ADD COLUMN IF NOT EXISTS succeeded_at BIGINT;
CREATE INDEX IF NOT EXISTS sync_suggestions_state ON sync_suggestions (state);
