-- What the list of customers is sorted, filtered and searched by. The database keeps it itself, so that rows are found, too, that another
-- program has written. An index takes no long texts, so names are sorted by their beginning.
CREATE INDEX sync_customers_name ON customers (left(name, 200), id);
CREATE INDEX sync_customers_updated ON customers (updated_at, id);
CREATE INDEX sync_customers_created ON customers (created_at, id);
CREATE INDEX sync_customers_kind ON customers (deleted_at, origin, is_active);

-- The words of a customer. Punctuation becomes blanks, because PostgreSQL takes an e-mail or a path for one word; numbers stand there
-- without what separates their digits, too. `store::customers::proposal` asks with the same expression.
CREATE INDEX sync_customers_words ON customers USING gin (to_tsvector('pg_catalog.simple'::regconfig, translate(
    coalesce(CAST(name AS TEXT), '') || ' ' || coalesce(CAST(erpnext_id AS TEXT), '') || ' ' || coalesce(CAST(email AS TEXT), '')
    || ' ' || coalesce(CAST(phone AS TEXT), '') || ' ' || coalesce(CAST(tax_number AS TEXT), '')
    || ' ' || translate(coalesce(CAST(phone AS TEXT), ''), '-+ ()/.', '')
    || ' ' || translate(coalesce(CAST(tax_number AS TEXT), ''), '-+ ()/.', ''),
    '@./-_+:&;<>%#=~''"\', '                  ')));
ANALYZE customers;
