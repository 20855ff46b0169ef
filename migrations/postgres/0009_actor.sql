-- Public: the name of the user or token that made the change by hand; null for what came from ERPNext.
ALTER TABLE customer_changes ADD COLUMN actor TEXT;
