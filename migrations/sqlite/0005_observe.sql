-- When a turn last came to its end without a failure; questions to people are counted all the time.
ALTER TABLE sync_schedules ADD COLUMN succeeded_at INTEGER;
CREATE INDEX sync_suggestions_state ON sync_suggestions (state);
