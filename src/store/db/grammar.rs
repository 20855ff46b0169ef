//! Set-based UPDATE and DELETE, whose grammar differs too much between the databases for a token.
//!
//! Invariant: `r` is the batch (`{rows:…}`), `t` the table; both functions give a text with tokens for
//! `Statement::built`. MariaDB reads the batch first (`STRAIGHT_JOIN`), so rows are locked in the batch's order.

use super::super::options::Dialect;

/// `UPDATE table SET assignments` for the rows of the batch that match. An assignment is a column and an expression;
/// in expressions the table's own columns are `t.column`.
pub(in crate::store) fn update_rows(
    dialect: Dialect,
    table: &str,
    batch: &str,
    matching: &str,
    assignments: &[(&str, String)],
) -> String {
    let prefix = if dialect == Dialect::Mariadb { "t." } else { "" };
    let list: Vec<String> = assignments.iter().map(|(column, value)| format!("{prefix}{column} = {value}")).collect();
    let list = list.join(", ");
    match dialect {
        Dialect::Mariadb => {
            format!("UPDATE {{rows:{batch}}} AS r STRAIGHT_JOIN {table} AS t ON {matching} SET {list}")
        }
        Dialect::Sqlite | Dialect::Postgres => {
            format!("UPDATE {table} AS t SET {list} FROM {{rows:{batch}}} AS r WHERE {matching}")
        }
    }
}

/// `DELETE FROM table` for the rows of the batch whose `keys` match.
pub(in crate::store) fn delete_rows(dialect: Dialect, table: &str, batch: &str, keys: &[&str]) -> String {
    let matching: Vec<String> = keys.iter().map(|key| format!("t.{key} = r.{key}")).collect();
    let matching = matching.join(" AND ");
    match dialect {
        Dialect::Mariadb => {
            format!("DELETE t FROM {{rows:{batch}}} AS r STRAIGHT_JOIN {table} AS t ON {matching}")
        }
        Dialect::Postgres => format!("DELETE FROM {table} AS t USING {{rows:{batch}}} AS r WHERE {matching}"),
        Dialect::Sqlite => {
            let keys = keys.join(", ");
            format!("DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM {{rows:{batch}}} AS r)")
        }
    }
}
