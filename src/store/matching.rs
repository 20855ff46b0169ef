//! Looks for rows that were there before ERPNext's documents and may be the same customers.
//!
//! Two kinds of rows take part: *local* ones (no name in ERPNext, made by the user's application) and *unread* ones
//! (adopted with a name in ERPNext, but never read from there). Invariant: only reads. SQL narrows by the normal form of
//! `domain::matching` with one pass over the table whatever the size of the batch (`IN` over the bound batch is a hashed
//! look-up on all three databases); the caller compares again, because databases fold letters a little differently.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::db::{Row, SPELLING, Statement};
use super::{Dialect, Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::matching::MatchKey;
use crate::domain::plan::Seen;

pub(super) static ALL: &[&Statement] = &[
    &LOCAL_EMAIL,
    &UNREAD_EMAIL,
    &READ_EMAIL,
    &LOCAL_TAX_NUMBER,
    &UNREAD_TAX_NUMBER,
    &READ_TAX_NUMBER,
    &BY_ID,
    &UNREAD_NAME,
    &ANY_UNREAD,
];

const LOCAL: &str = "c.erpnext_id IS NULL AND c.origin = 'local'";
const UNREAD: &str =
    "c.erpnext_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sync_state AS s WHERE s.customer_id = c.id)";
const READ: &str = "c.erpnext_id IS NOT NULL AND EXISTS (SELECT 1 FROM sync_state AS s WHERE s.customer_id = c.id)";

static LOCAL_EMAIL: Statement = Statement::built(|dialect| with_value(dialect, LOCAL, "c.email", email));
static UNREAD_EMAIL: Statement = Statement::built(|dialect| with_value(dialect, UNREAD, "c.email", email));
static READ_EMAIL: Statement = Statement::built(|dialect| with_value(dialect, READ, "c.email", email));
static LOCAL_TAX_NUMBER: Statement = Statement::built(|dialect| with_value(dialect, LOCAL, "c.tax_number", tax_number));
static UNREAD_TAX_NUMBER: Statement =
    Statement::built(|dialect| with_value(dialect, UNREAD, "c.tax_number", tax_number));
static READ_TAX_NUMBER: Statement = Statement::built(|dialect| with_value(dialect, READ, "c.tax_number", tax_number));
static UNREAD_NAME: Statement = Statement::built(|dialect| with_value(dialect, UNREAD, "c.erpnext_id", name));

static BY_ID: Statement = Statement::same(
    "SELECT {id:c.id} AS id, c.erpnext_id, {text:c.id} AS value FROM {rows:id int} AS r \
     {join} customers AS c ON c.id = r.id LEFT JOIN sync_state AS s ON s.customer_id = c.id \
     WHERE s.customer_id IS NULL AND c.deleted_at IS NULL AND (c.erpnext_id IS NOT NULL OR c.origin = 'local')",
);

static ANY_UNREAD: Statement = Statement::built(|_| {
    format!("SELECT {{count:1}} AS one FROM customers AS c WHERE c.deleted_at IS NULL AND {UNREAD} LIMIT 1")
});

fn with_value(dialect: Dialect, which: &str, column: &str, normal: fn(Dialect, &str) -> String) -> String {
    let normal = normal(dialect, column);
    let value = if dialect == Dialect::Mariadb { "CRC32(r.value)" } else { "r.value" };
    let among = format!("{normal} IN (SELECT {value} FROM {{rows:value key}} AS r)");
    // PostgreSQL would make a join of it, and without statistics a nested one (10 s for 100,000 rows).
    let among = if dialect == Dialect::Postgres { format!("({among}) IS TRUE") } else { among };
    format!(
        "SELECT {{id:c.id}} AS id, c.erpnext_id, {{text:{column}}} AS value FROM customers AS c \
         WHERE c.deleted_at IS NULL AND {among} AND {which}"
    )
}

fn email(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite | Dialect::Postgres => format!("LOWER(TRIM({column}))"),
        Dialect::Mariadb => checksum(&format!("LOWER(TRIM({column}))")),
    }
}

/// Whatever else may stand between letters and digits is rare enough to be left to a person.
fn tax_number(dialect: Dialect, column: &str) -> String {
    let separators = [" ", "-", ".", "/", ",", "_"];
    if dialect == Dialect::Postgres {
        return format!("UPPER(TRANSLATE({column}, '{}', ''))", separators.concat());
    }
    let bare =
        separators.iter().fold(column.to_owned(), |inner, separator| format!("REPLACE({inner}, '{separator}', '')"));
    let upper = format!("UPPER({bare})");
    if dialect == Dialect::Mariadb { checksum(&upper) } else { upper }
}

fn name(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("RTRIM({column}) COLLATE {SPELLING}"),
        Dialect::Postgres => format!("LOWER(RTRIM({column}))"),
        Dialect::Mariadb => checksum(&format!("LOWER(RTRIM({column}))")),
    }
}

/// Looking up texts by hash takes MariaDB six times as long as numbers, and an adopted column may have any character set
/// and collation.
fn checksum(expression: &str) -> String {
    format!("CRC32(CONVERT({expression} USING utf8mb4))")
}

/// A row that has the value that was asked for, or nearly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The row.
    pub id: CustomerId,
    /// Its name in ERPNext; `None` for a local one.
    pub erpnext_id: Option<String>,
    /// The value as the row has it.
    pub value: String,
}

impl Candidate {
    /// What identity sees of a row that was never read.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { id: self.id, erpnext_id: self.erpnext_id.clone(), creation: None, hash: None }
    }
}

/// Which rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Made by the user's application, not linked.
    Local,
    /// Adopted with a name in ERPNext, never read.
    Unread,
    /// Read from ERPNext before.
    Read,
}

impl Store {
    /// Living rows of that kind that have one of the values (in their normal form) in the column of the key. For
    /// [`MatchKey::LocalId`]: the rows of those ids, local and unread ones together and no others.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn with_values(
        &self,
        key: &MatchKey,
        kept: Kept,
        values: &BTreeSet<String>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let statement = match (key, kept) {
            (MatchKey::Email, Kept::Local) => &LOCAL_EMAIL,
            (MatchKey::Email, Kept::Unread) => &UNREAD_EMAIL,
            (MatchKey::Email, Kept::Read) => &READ_EMAIL,
            (MatchKey::TaxNumber, Kept::Local) => &LOCAL_TAX_NUMBER,
            (MatchKey::TaxNumber, Kept::Unread) => &UNREAD_TAX_NUMBER,
            (MatchKey::TaxNumber, Kept::Read) => &READ_TAX_NUMBER,
            (MatchKey::LocalId { .. }, Kept::Local) => {
                let ids: Vec<CustomerId> = values.iter().filter_map(|value| value.parse().ok()).collect();
                return self.linkable(&ids).await;
            }
            (MatchKey::LocalId { .. }, Kept::Unread | Kept::Read) => return Ok(Vec::new()),
        };
        let rows: Vec<Value> = values.iter().map(|value| json!({ "value": value })).collect();
        self.candidates(statement, &rows).await
    }

    /// Those of the rows that may be linked: living ones that are local or unread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn linkable(&self, ids: &[CustomerId]) -> Result<Vec<Candidate>, StoreError> {
        let ids: BTreeSet<&CustomerId> = ids.iter().collect();
        let rows: Vec<Value> = ids.into_iter().map(|id| json!({ "id": id })).collect();
        self.candidates(&BY_ID, &rows).await
    }

    /// Unread rows that have one of those names, or nearly: in another case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn unread_named(&self, names: &BTreeSet<&str>) -> Result<Vec<Candidate>, StoreError> {
        let rows: Vec<Value> = names.iter().map(|name| json!({ "value": name.trim_end().to_lowercase() })).collect();
        self.candidates(&UNREAD_NAME, &rows).await
    }

    /// Whether there are unread rows. Passes over the whole table where there are none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_unread(&self) -> Result<bool, StoreError> {
        Ok(!self.read("look for rows never read", &ANY_UNREAD, &[]).await?.is_empty())
    }

    async fn candidates(&self, statement: &'static Statement, rows: &[Value]) -> Result<Vec<Candidate>, StoreError> {
        let what = "look for customers that were there before";
        let found = self.read_batches(what, statement, rows).await?;
        found.iter().map(candidate).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }
}

fn candidate(row: &Row) -> Result<Candidate, sqlx::Error> {
    Ok(Candidate { id: row.int("id")?, erpnext_id: row.maybe_text("erpnext_id")?, value: row.text("value")? })
}
