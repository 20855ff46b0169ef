//! Starting a run, or joining the one that is running.
//!
//! Invariant: two who start at the same time get the same run: the unique `active_key` lets one of them through, and the
//! other finds it when its transaction is repeated.

use super::super::db::{Arg, Statement, Tx};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Store, StoreError};
use super::Started;
use crate::domain::run::{RunCause, RunKind};

pub(super) static ALL: &[&Statement] = &[&ACTIVE, &INSERT];

const WHAT: &str = "start a run";

static ACTIVE: Statement = Statement::same("SELECT id FROM sync_runs WHERE active_key = ?");

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_runs (kind, state, active_key, cause, listed_all, listed, put, candidates, created, updated,
        unchanged, linked, tombstoned, not_permitted, skipped, failed, started_at, updated_at)
     VALUES (?, 'running', ?, ?, FALSE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {now}, {now})",
);

impl Store {
    /// Starts a run of that kind; one that is running already is joined instead.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn start_run(&self, kind: RunKind, cause: RunCause) -> Result<Started, StoreError> {
        let (kind, cause) = (Arg::Text(kind.as_str()), Arg::Text(cause.as_str()));
        transact!(self.attempts(WHAT, Caller::Urgent), |tx| start(tx, kind, cause).await).await
    }
}

async fn start(tx: &mut Tx, kind: Arg<'_>, cause: Arg<'_>) -> Result<Started, Fault> {
    if let Some(row) = tx.fetch(&ACTIVE, &[kind]).await?.first() {
        return Ok(Started { run: row.int("id")?, joined: true });
    }
    tx.execute(&INSERT, &[kind, kind, cause]).await?;
    match tx.fetch(&ACTIVE, &[kind]).await?.first() {
        Some(row) => Ok(Started { run: row.int("id")?, joined: false }),
        None => Err(StoreError::bug(WHAT, "the run that was just inserted is not there").into()),
    }
}
