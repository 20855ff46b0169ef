-- The index of words for searches. Only customer-sync writes `sync_words`: programs with an older SQLite could not, and what is
-- erased must be overwritten in it at once. The triggers, which every program runs, only note whose words are to be looked at.
-- May run again on tables that are there: so an index is made anew.
CREATE TABLE IF NOT EXISTS sync_unindexed (customer_id INTEGER PRIMARY KEY);

-- Its words come in the form that searches have, lower case and separated by blanks; so this only splits at blanks.
CREATE VIRTUAL TABLE IF NOT EXISTS sync_words USING fts5 (words, tokenize = 'ascii', detail = 'none', columnsize = 0);
INSERT INTO sync_words (sync_words, rank) VALUES ('secure-delete', 1);

-- Not `OR IGNORE`, which the statement that fires a trigger may overrule.
DROP TRIGGER IF EXISTS sync_words_insert;
CREATE TRIGGER sync_words_insert AFTER INSERT ON customers BEGIN
    INSERT INTO sync_unindexed SELECT new.id WHERE new.id NOT IN (SELECT customer_id FROM sync_unindexed);
END;
DROP TRIGGER IF EXISTS sync_words_update;
CREATE TRIGGER sync_words_update AFTER UPDATE OF id, name, erpnext_id, email, phone, tax_number ON customers
WHEN new.id IS NOT old.id OR new.name IS NOT old.name OR new.erpnext_id IS NOT old.erpnext_id
  OR new.email IS NOT old.email OR new.phone IS NOT old.phone OR new.tax_number IS NOT old.tax_number
BEGIN
    INSERT INTO sync_unindexed SELECT old.id WHERE old.id NOT IN (SELECT customer_id FROM sync_unindexed);
    INSERT INTO sync_unindexed SELECT new.id WHERE new.id NOT IN (SELECT customer_id FROM sync_unindexed);
END;
DROP TRIGGER IF EXISTS sync_words_delete;
CREATE TRIGGER sync_words_delete AFTER DELETE ON customers BEGIN
    INSERT INTO sync_unindexed SELECT old.id WHERE old.id NOT IN (SELECT customer_id FROM sync_unindexed);
END;

INSERT INTO sync_unindexed
    SELECT id FROM customers WHERE true UNION SELECT rowid FROM sync_words WHERE true ON CONFLICT DO NOTHING;
