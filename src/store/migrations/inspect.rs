//! What the database's catalogue says about a table.
//!
//! Invariant: only reads, and only the schema that our statements would use. What follows from the answers is decided
//! in `adopt` and in the runner.

use super::super::Dialect;
use super::super::db::{Arg, Conn, Statement};
use super::super::transact::Fault;

/// A column as the catalogue describes it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its type, lower case (`integer`, `bigint unsigned`, `text` …).
    pub(super) kind: String,
    /// Not null, and nothing fills it by itself.
    pub(super) demanding: bool,
}

static COLUMNS: Statement = Statement::built(|dialect| {
    match dialect {
        Dialect::Sqlite => {
            r#"SELECT name, lower(type) AS kind, CAST("notnull" = 1 AND dflt_value IS NULL AND pk = 0 AS INTEGER) AS demanding
               FROM pragma_table_info(?) ORDER BY cid"#
        }
        Dialect::Postgres => {
            "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS kind,
                {flag:is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'}
                AS demanding
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?
             ORDER BY ordinal_position"
        }
        Dialect::Mariadb => {
            "SELECT column_name AS name, LOWER(column_type) AS kind,
                {flag:is_nullable = 'NO' AND column_default IS NULL AND extra NOT LIKE '%auto_increment%'
                      AND is_generated = 'NEVER'} AS demanding
             FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
             ORDER BY ordinal_position"
        }
    }
    .to_owned()
});

static UNIQUE: Statement = Statement::built(|dialect| {
    match dialect {
        Dialect::Sqlite => {
            r#"SELECT COUNT(*) AS found FROM pragma_index_list('customers') AS i WHERE i."unique" = 1 AND i.partial = 0
               AND (SELECT group_concat(name) FROM pragma_index_info(i.name)) = 'erpnext_id'"#
        }
        Dialect::Postgres => {
            "SELECT COUNT(*) AS found FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid
               AND a.attnum = i.indkey[0]
             WHERE i.indrelid = to_regclass('customers') AND i.indisunique AND i.indpred IS NULL AND i.indnatts = 1
               AND a.attname = 'erpnext_id'"
        }
        Dialect::Mariadb => {
            "SELECT COUNT(*) AS found FROM (SELECT index_name FROM information_schema.statistics
               WHERE table_schema = DATABASE() AND table_name = 'customers' AND non_unique = 0
               GROUP BY index_name HAVING COUNT(*) = 1 AND MAX(column_name) = 'erpnext_id') AS i"
        }
    }
    .to_owned()
});

/// The columns of a table; empty where there is no such table.
pub(super) async fn columns(conn: &mut Conn, table: &str) -> Result<Vec<Column>, Fault> {
    let mut columns = Vec::new();
    for row in conn.fetch(&COLUMNS, &[Arg::Text(table)]).await? {
        columns.push(Column { name: row.text("name")?, kind: row.text("kind")?, demanding: row.flag("demanding")? });
    }
    Ok(columns)
}

/// Whether there is a table of that name.
pub(super) async fn table_exists(conn: &mut Conn, table: &str) -> Result<bool, Fault> {
    Ok(!columns(conn, table).await?.is_empty())
}

/// Whether `customers.erpnext_id` alone is unique.
pub(super) async fn erpnext_id_is_unique(conn: &mut Conn) -> Result<bool, Fault> {
    let rows = conn.fetch(&UNIQUE, &[]).await?;
    Ok(rows.first().map(|row| row.int("found")).transpose()?.unwrap_or_default() > 0)
}

/// The type of `customers.id`, for columns that refer to it.
pub(super) async fn id_type(conn: &mut Conn) -> Result<String, Fault> {
    let columns = columns(conn, "customers").await?;
    Ok(columns.into_iter().find(|column| column.name == "id").map_or_else(|| "bigint".to_owned(), |column| column.kind))
}
