//! Taking over a `customers` table that the user already has.
//!
//! Invariant: rows, ids and the columns that are there stay; what is added may be null or has a default, so that the
//! application that owns the table keeps working. Only integer ids: other tables of ours refer to them.

use super::super::db::{Tx, expand};
use super::super::transact::Fault;
use super::super::{Dialect, StoreError};
use super::inspect::{self, Column};

/// The columns that `customers` needs, with their types where they have to be added (SQLite, PostgreSQL, MariaDB).
/// `id` is not among them: a table without one cannot be adopted.
const NEEDED: &[(&str, [&str; 3])] = &[
    ("erpnext_id", ["TEXT", "TEXT", "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"]),
    ("name", ["TEXT NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''", "VARCHAR(255) NOT NULL DEFAULT ''"]),
    ("company_name", SHORT),
    ("contact_person", SHORT),
    ("email", SHORT),
    ("phone", SHORT),
    ("address", ["TEXT", "TEXT", "VARCHAR(1000)"]),
    ("city", SHORT),
    ("state", SHORT),
    ("postal_code", SHORT),
    ("country", SHORT),
    ("tax_number", SHORT),
    ("credit_limit", ["TEXT", "NUMERIC(21, 9)", "DECIMAL(21, 9)"]),
    ("payment_terms", SHORT),
    ("notes", ["TEXT", "TEXT", "MEDIUMTEXT"]),
    ("is_active", ["BOOLEAN NOT NULL DEFAULT 1", "BOOLEAN NOT NULL DEFAULT TRUE", "BOOLEAN NOT NULL DEFAULT TRUE"]),
    ("customer_type", SHORT),
    ("customer_group", SHORT),
    ("territory", SHORT),
    ("currency", SHORT),
    ("price_list", SHORT),
    ("language", SHORT),
    ("tax_category", SHORT),
    ("is_frozen", ["BOOLEAN NOT NULL DEFAULT 0", "BOOLEAN NOT NULL DEFAULT FALSE", "BOOLEAN NOT NULL DEFAULT FALSE"]),
    ("website", SHORT),
    ("extra", ["TEXT NOT NULL DEFAULT '{}'", "JSONB NOT NULL DEFAULT '{}'", "JSON NOT NULL DEFAULT '{}'"]),
    (
        "origin",
        ["TEXT NOT NULL DEFAULT 'local'", "TEXT NOT NULL DEFAULT 'local'", "VARCHAR(16) NOT NULL DEFAULT 'local'"],
    ),
    ("merged_into", ["INTEGER", "BIGINT", "BIGINT"]),
    ("deleted_at", TIME),
    ("erased_at", TIME),
    ("created_at", TIME),
    ("updated_at", TIME),
];

/// Rows that were copied in with their ids did not move the sequence: the next new customer would get an id that is taken.
/// A sequence is never moved back; a table without one is left alone (both functions give null for null).
const NEXT_ID: &str = "SELECT setval(seq, greatest(max(id), nextval(seq))) FROM customers \
    RIGHT JOIN (SELECT pg_get_serial_sequence('customers', 'id')) AS s (seq) ON true GROUP BY seq";

const SHORT: [&str; 3] = ["TEXT", "TEXT", "VARCHAR(255)"];
const TIME: [&str; 3] = ["DATETIME", "TIMESTAMPTZ(3)", "DATETIME(3)"];

/// Whether the table may be adopted at all, and whether that was asked for.
pub(super) fn check(dialect: Dialect, table: &[Column], asked: bool) -> Result<(), StoreError> {
    let id = table.iter().find(|column| column.name == "id");
    let kind = id.map_or("no column", |column| column.kind.as_str());
    let integer = match dialect {
        // Only this spelling makes SQLite number the rows.
        Dialect::Sqlite => kind == "integer",
        Dialect::Postgres => matches!(kind, "smallint" | "integer" | "bigint"),
        Dialect::Mariadb => {
            ["tinyint", "smallint", "mediumint", "int", "bigint"].iter().any(|int| kind.starts_with(int))
        }
    };
    if !integer {
        return Err(StoreError::TextIds { kind: kind.to_owned() });
    }
    let demanding: Vec<String> = table
        .iter()
        .filter(|column| column.demanding && !NEEDED.iter().any(|(name, _)| *name == column.name))
        .map(|column| column.name.clone())
        .collect();
    if !demanding.is_empty() {
        return Err(StoreError::Demanding { columns: demanding });
    }
    let missing: Vec<String> = missing(table).map(|(name, _)| (*name).to_owned()).collect();
    if asked { Ok(()) } else { Err(StoreError::Foreign { missing }) }
}

/// Adds what is missing and marks the rows that came from ERPNext; the names of the columns added.
pub(super) async fn run(tx: &mut Tx, table: &[Column]) -> Result<Vec<String>, Fault> {
    let dialect = tx.dialect();
    let mut added = Vec::new();
    for (name, types) in missing(table) {
        let kind = types[dialect as usize];
        tx.run(format!("ALTER TABLE customers ADD COLUMN {name} {kind}")).await?;
        added.push((*name).to_owned());
    }
    if dialect == Dialect::Mariadb && !added.iter().any(|name| name == "erpnext_id") {
        // Our keys compare bytes, and a join on another collation would not use the index.
        let kind = NEEDED[0].1[dialect as usize];
        tx.run(format!("ALTER TABLE customers MODIFY COLUMN erpnext_id {kind}")).await?;
    }
    if !inspect::erpnext_id_is_unique(tx).await? {
        tx.run("CREATE UNIQUE INDEX customers_erpnext_id ON customers (erpnext_id)".to_owned()).await?;
    }
    tx.run("UPDATE customers SET origin = CASE WHEN erpnext_id IS NULL THEN 'local' ELSE 'erpnext' END".to_owned())
        .await?;
    if dialect == Dialect::Postgres {
        tx.run(NEXT_ID.to_owned()).await?;
    }
    for time in ["created_at", "updated_at"] {
        if added.iter().any(|name| name == time) {
            tx.run(expand(dialect, &format!("UPDATE customers SET {time} = {{timestamp}}"))).await?;
        }
    }
    Ok(added)
}

fn missing(table: &[Column]) -> impl Iterator<Item = &'static (&'static str, [&'static str; 3])> {
    NEEDED.iter().filter(|(name, _)| !table.iter().any(|column| column.name == *name))
}
