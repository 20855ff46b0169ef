-- The index of words of 0008_list, but of the beginnings of long texts: PostgreSQL refuses to index one of more than a mebibyte, and so
-- the row of whichever program writes it. What is not indexed is not searched either (`domain::search`).
DROP INDEX IF EXISTS sync_customers_words;
CREATE INDEX sync_customers_words ON customers USING gin (to_tsvector('pg_catalog.simple'::regconfig, translate(
    left(coalesce(CAST(name AS TEXT), ''), 500) || ' ' || left(coalesce(CAST(erpnext_id AS TEXT), ''), 500)
    || ' ' || left(coalesce(CAST(email AS TEXT), ''), 500) || ' ' || left(coalesce(CAST(phone AS TEXT), ''), 500)
    || ' ' || left(coalesce(CAST(tax_number AS TEXT), ''), 500)
    || ' ' || translate(left(coalesce(CAST(phone AS TEXT), ''), 500), '-+ ()/.', '')
    || ' ' || translate(left(coalesce(CAST(tax_number AS TEXT), ''), 500), '-+ ()/.', ''),
    '@./-_+:&;<>%#=~''"\', '                  ')));
ANALYZE customers;
