//! `customer_changes` as readers see it: the feed of all customers, the history of one.
//!
//! Invariant: only reads. `seq` grows in the order of commits and without gaps (`apply::changes` writes it), so whoever
//! asks for what comes behind the greatest `seq` it has seen misses nothing. What was pruned is told, never skipped.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::db::{Arg, Row, Statement};
use super::transact::Fault;
use super::{Store, StoreError};
use crate::domain::change::{ChangeKind, FieldChange};
use crate::domain::customer::CustomerId;

pub(super) static ALL: &[&Statement] = &[&BEHIND, &HISTORY, &KEPT, &LAST];

fn text(rest: &str) -> String {
    format!(
        "SELECT t.seq, t.customer_id, t.kind, t.cause, t.actor, t.delivery_id, {{iso:t.changed_at}} AS changed_at, \
            {{text:t.changes}} AS changes FROM customer_changes AS t {rest}"
    )
}

static BEHIND: Statement = Statement::built(|_| text("WHERE t.seq > ? ORDER BY t.seq LIMIT ?"));
static HISTORY: Statement =
    Statement::built(|_| text("WHERE t.customer_id = ? AND t.seq < ? ORDER BY t.customer_id DESC, t.seq DESC LIMIT ?"));

static LAST: Statement = Statement::same("SELECT value FROM sync_counters WHERE name = 'changes'");
static KEPT: Statement = Statement::same("SELECT MIN(seq) AS first FROM customer_changes");

/// One change of one customer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ChangeRow {
    /// Place in the change feed.
    pub seq: i64,
    /// Whose; the row itself may be gone.
    #[schema(value_type = i64)]
    pub customer_id: CustomerId,
    /// See [`crate::domain::change::ChangeKind`].
    #[schema(value_type = ChangeKind)]
    pub kind: String,
    /// See [`crate::domain::job::Cause`].
    pub cause: String,
    /// Who did it by hand: `user:NAME` or `token:NAME`; null for what came from ERPNext.
    pub actor: Option<String>,
    /// The delivery that caused it.
    pub delivery_id: Option<String>,
    /// When it was written.
    pub changed_at: Option<String>,
    /// Array of `{field, old, new}`.
    #[schema(value_type = Vec<FieldChange>)]
    pub changes: Value,
}

impl Store {
    /// At most `limit` changes behind `seq`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn changes_behind(&self, seq: i64, limit: u32) -> Result<Vec<ChangeRow>, StoreError> {
        let what = "read the change feed";
        let rows = self.read(what, &BEHIND, &[Arg::Int(seq), Arg::Int(i64::from(limit))]).await?;
        rows.iter().map(decode).collect::<Result<_, _>>().map_err(|fault| fault.into_error(what))
    }

    /// The history of a customer, newest first, before that `seq` if one is given.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn changes_of(
        &self,
        id: CustomerId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        let what = "read a customer's history";
        let args = [Arg::Int(id), Arg::Int(before.unwrap_or(i64::MAX)), Arg::Int(i64::from(limit))];
        let rows = self.read(what, &HISTORY, &args).await?;
        rows.iter().map(decode).collect::<Result<_, _>>().map_err(|fault| fault.into_error(what))
    }

    /// The `seq` of the newest change; 0 where there never was one. Reads one row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        let what = "read the change feed";
        let rows = self.read(what, &LAST, &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int("value")).map_err(|error| StoreError::of(what, error))
    }

    /// The `seq` of the oldest change that was not pruned; `None` where there is none. Reads one index entry.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn first_change(&self) -> Result<Option<i64>, StoreError> {
        let what = "read the change feed";
        let rows = self.read(what, &KEPT, &[]).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_int("first")).map_err(|error| StoreError::of(what, error))
    }
}

fn decode(row: &Row) -> Result<ChangeRow, Fault> {
    Ok(ChangeRow {
        seq: row.int("seq")?,
        customer_id: row.int("customer_id")?,
        kind: row.text("kind")?,
        cause: row.text("cause")?,
        actor: row.maybe_text("actor")?,
        delivery_id: row.maybe_text("delivery_id")?,
        changed_at: row.maybe_text("changed_at")?,
        changes: serde_json::from_str(&row.text("changes")?)?,
    })
}
