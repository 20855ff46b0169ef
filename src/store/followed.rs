//! The rows that follow a document of ERPNext, page by page: our side of a sweep.
//!
//! Invariant: only reads. A row follows a document while it has the document's name and is no tombstone, or one only because
//! the filter leaves it out; deleted and merged ones, displaced ones and local ones follow nothing.

use super::db::{Arg, Row, Statement};
use super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::document::Unknown;

pub(super) static ALL: &[&Statement] = &[&PAGE];

static PAGE: Statement = Statement::same(
    "SELECT {id:c.id} AS id, c.erpnext_id, s.creation, s.unknown, s.synced_at, {flag:s.gone = 'filtered'} AS is_filtered,
        {flag:s.creation IS NULL AND EXISTS (SELECT 1 FROM sync_suggestions AS q WHERE q.customer_id = c.id)} AS is_asked
     FROM customers AS c LEFT JOIN sync_state AS s ON s.customer_id = c.id
     WHERE c.id > ? AND c.erpnext_id IS NOT NULL AND (c.deleted_at IS NULL OR s.gone = 'filtered')
     ORDER BY c.id LIMIT ?",
);

/// A row that follows a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The row.
    pub id: CustomerId,
    /// ERPNext's name of the document.
    pub name: String,
    /// Its `creation`; null for an adopted row that was never read.
    pub creation: Option<String>,
    /// When what ERPNext says of it was last written, by the database's clock (milliseconds since 1970 UTC).
    pub synced_at: Option<i64>,
    /// Parts that could not be read last time.
    pub unknown: Unknown,
    /// It is a tombstone, because the filter leaves it out.
    pub filtered: bool,
    /// It was never read, and a person has been asked which document it belongs to.
    pub asked: bool,
}

impl Store {
    /// Rows that follow a document, in the order of ids, after that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn followed(&self, after: CustomerId, limit: u32) -> Result<Vec<Followed>, StoreError> {
        let what = "list the customers that follow a document";
        let rows = self.read(what, &PAGE, &[Arg::Int(after), Arg::Int(i64::from(limit))]).await?;
        rows.iter().map(decode).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }
}

fn decode(row: &Row) -> Result<Followed, sqlx::Error> {
    Ok(Followed {
        id: row.int("id")?,
        name: row.text("erpnext_id")?,
        creation: row.maybe_text("creation")?,
        synced_at: row.maybe_int("synced_at")?,
        unknown: Unknown::parse(row.maybe_text("unknown")?.as_deref()),
        filtered: row.flag("is_filtered")?,
        asked: row.flag("is_asked")?,
    })
}
