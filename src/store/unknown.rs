//! Rows of which a part could not be read last time (`sync_state.unknown`), one by one.
//!
//! Invariant: only reads, and only marked rows. Their number by mark is `identity`'s; what to do about them is
//! `sync::catch_up`'s business.

use super::db::{Arg, Statement};
use super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::document::Unknown;

pub(super) static ALL: &[&Statement] = &[&MARKED, &MARKS];

static MARKED: Statement = Statement::same(
    "SELECT {id:c.id} AS id, c.erpnext_id AS name FROM sync_state AS s {join} customers AS c ON c.id = s.customer_id
     WHERE s.unknown = ? AND s.customer_id > ? AND c.erpnext_id IS NOT NULL AND c.deleted_at IS NULL
     ORDER BY s.customer_id LIMIT ?",
);

static MARKS: Statement = Statement::same(
    "SELECT c.erpnext_id AS name, s.unknown FROM customers AS c {join} sync_state AS s ON s.customer_id = c.id
     WHERE c.id = ? AND c.erpnext_id IS NOT NULL AND c.deleted_at IS NULL",
);

/// A living row as to what of it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// ERPNext's name of it.
    pub name: String,
    /// The parts that could not be read.
    pub unknown: Unknown,
}

impl Store {
    /// Living rows with exactly these marks (as [`Store::unknown_parts`] gives them), by id, after that id: ids and
    /// ERPNext's names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn marked(
        &self,
        marks: &str,
        after: CustomerId,
        limit: u32,
    ) -> Result<Vec<(CustomerId, String)>, StoreError> {
        let what = "list unreadable customers";
        let rows = self.read(what, &MARKED, &[Arg::Text(marks), Arg::Int(after), Arg::Int(i64::from(limit))]).await?;
        rows.iter()
            .map(|row| Ok((row.int("id")?, row.text("name")?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| StoreError::of(what, error))
    }

    /// The marks of one row; `None` where it is gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn marks_of(&self, id: CustomerId) -> Result<Option<Marked>, StoreError> {
        let what = "look for unreadable parts";
        let rows = self.read(what, &MARKS, &[Arg::Int(id)]).await?;
        let marked = |row: &super::db::Row| -> Result<Marked, sqlx::Error> {
            Ok(Marked { name: row.text("name")?, unknown: Unknown::parse(row.maybe_text("unknown")?.as_deref()) })
        };
        rows.first().map(marked).transpose().map_err(|error| StoreError::of(what, error))
    }
}
