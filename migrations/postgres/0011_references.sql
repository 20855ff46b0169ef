-- A deleted customer takes its former names along, and an erased one's are looked for: by its id.
CREATE INDEX sync_aliases_of_customer ON sync_aliases (customer_id);
-- Whoever removes a customer, an application's own DELETE included, has those looked for that were merged into it.
CREATE INDEX sync_customers_merged ON customers (merged_into) WHERE merged_into IS NOT NULL;
