//! `sync_audit`: who did what, when and from where.
//!
//! Invariant: an entry is written before the deed and completed after it, so nothing is done that is not noted; entries are
//! never changed otherwise, and go by age alone.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::db::{Arg, Row, Statement};
use super::transact::{Caller, Fault, transact};
use super::{Store, StoreError};
use crate::domain::audit::{Action, Deed};
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&INSERT, &COMPLETE, &PAGE, &OLD, &FORGET];

/// Entries forgotten in one transaction.
const PORTION: i64 = 1_000;

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_audit (at, actor, actor_id, actor_name, address, action, target, status)
     SELECT {now}, r.actor, r.actor_id, r.actor_name, r.address, r.action, r.target, r.status
     FROM {rows:actor text, actor_id int, actor_name text, address text, action text, target text, status int} AS r
     RETURNING id",
);

static COMPLETE: Statement =
    Statement::same("UPDATE sync_audit SET status = ?, target = COALESCE(target, NULLIF(?, '')) WHERE id = ?");

static PAGE: Statement = Statement::same(
    "SELECT id, at, actor, actor_id, actor_name, address, action, target, status FROM sync_audit
     WHERE id < ? AND (? = '' OR action = ?) ORDER BY id DESC LIMIT ?",
);

// Ids are in the order of time, so the oldest entries are the first of the key.
static OLD: Statement = Statement::same(
    "SELECT MAX(o.id) AS id FROM (SELECT id, at FROM sync_audit ORDER BY id LIMIT ?) AS o WHERE o.at < {now} - ?",
);

static FORGET: Statement = Statement::same("DELETE FROM sync_audit WHERE id <= ?");

/// An entry as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditRow {
    /// Its id; grows with time.
    pub id: i64,
    /// When, as RFC 3339.
    pub at: String,
    /// `user`, `token`, `command_line` or `unknown`.
    pub actor: String,
    /// The user's or token's id.
    pub actor_id: Option<i64>,
    /// The user's or token's name at that time.
    pub actor_name: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// What was done or tried.
    #[schema(value_type = Action)]
    pub action: String,
    /// The local id of what it was done to or what it made, or the name of a schedule.
    pub target: Option<String>,
    /// The HTTP status that answered it; none while it goes on, and where nobody waited for the end.
    pub status: Option<i64>,
}

impl Store {
    /// Notes a deed and gives the entry's id; `status` is what became of it, where that is known already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn note_deed(&self, deed: &Deed, status: Option<u16>) -> Result<i64, StoreError> {
        let known = deed.actor.known();
        let rows = json!([{
            "actor": deed.actor.kind(),
            "actor_id": known.map(|(id, _name)| id),
            "actor_name": known.map(|(_id, name)| name),
            "address": deed.address,
            "action": deed.action.as_str(),
            "target": deed.target,
            "status": status,
        }])
        .to_string();
        let what = "note who does what";
        transact!(self.attempts(what, Caller::Urgent), |tx| {
            let rows = tx.fetch(&INSERT, &[Arg::Text(&rows)]).await?;
            let row = rows.first().ok_or_else(|| Fault::from(StoreError::bug(what, "no id came back")))?;
            Ok(row.int("id")?)
        })
        .await
    }

    /// Notes how a deed was answered, and the local id of what it made, if it made something.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn complete_deed(&self, id: i64, status: u16, made: Option<i64>) -> Result<(), StoreError> {
        let attempts = self.attempts("note how a deed was answered", Caller::Urgent).single_statement(true);
        let made = made.map(|made| made.to_string()).unwrap_or_default();
        let args = [Arg::Int(i64::from(status)), Arg::Text(&made), Arg::Int(id)];
        transact!(attempts, |tx| Ok(tx.execute(&COMPLETE, &args).await?)).await?;
        Ok(())
    }

    /// Entries with smaller ids than `before`, the newest first; of one action or of all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn audit(
        &self,
        before: Option<i64>,
        action: Option<Action>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let what = "list who did what";
        let action = Arg::Text(action.map_or("", Action::as_str));
        let args = [Arg::Int(before.unwrap_or(i64::MAX)), action, action, Arg::Int(i64::from(limit))];
        let rows = self.read(what, &PAGE, &args).await?;
        rows.iter().map(entry).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// Forgets entries older than `max_age`; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn prune_audit(&self, max_age: Duration) -> Result<u64, StoreError> {
        let what = "forget who did what long ago";
        let age = Arg::Int(i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX / 4));
        let mut forgotten = 0;
        loop {
            let found = self.read(what, &OLD, &[Arg::Int(PORTION), age]).await?;
            let last = found.first().map(|row| row.maybe_int("id")).transpose();
            let Some(last) = last.map_err(|error| StoreError::of(what, error))?.flatten() else { break };
            let attempts = self.attempts(what, Caller::Worker);
            forgotten += transact!(attempts, |tx| Ok(tx.execute(&FORGET, &[Arg::Int(last)]).await?)).await?;
        }
        Ok(forgotten)
    }
}

fn entry(row: &Row) -> Result<AuditRow, sqlx::Error> {
    Ok(AuditRow {
        id: row.int("id")?,
        at: iso(row.int("at")?),
        actor: row.text("actor")?,
        actor_id: row.maybe_int("actor_id")?,
        actor_name: row.maybe_text("actor_name")?,
        address: row.maybe_text("address")?,
        action: row.text("action")?,
        target: row.maybe_text("target")?,
        status: row.maybe_int("status")?,
    })
}
