-- Public: the name of the user or token that made the change by hand; null for what came from ERPNext.
ALTER TABLE customer_changes ADD COLUMN IF NOT EXISTS actor VARCHAR(255);
