-- A deleted customer takes its former names along, and an erased one's are looked for: by its id.
CREATE INDEX sync_aliases_of_customer ON sync_aliases (customer_id);
