//! Runs that are over when they are first told: catch-ups.
//!
//! Invariant: such a row is never running, so it needs no conductor and keeps no other run from starting. Idle catch-ups
//! leave none: they would flood the table.

use std::time::Duration;

use super::super::db::{Arg, Statement};
use super::super::transact::{Caller, transact};
use super::super::{Store, StoreError};
use crate::domain::run::{RunCause, RunKind, RunState};

pub(super) static ALL: &[&Statement] = &[&INSERT];

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_runs (kind, state, cause, listed_all, listed, put, candidates, created, updated, unchanged, linked,
        tombstoned, not_permitted, skipped, failed, message, started_at, updated_at, finished_at)
     VALUES (?, ?, ?, TRUE, 0, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULLIF(?, ''), {now} - ?, {now}, {now})",
);

impl Store {
    /// Leaves a row for a catch-up that has just ended: how many jobs it put, or why it failed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn note_catch_up(&self, ended: Result<u64, &str>, took: Duration) -> Result<(), StoreError> {
        let (state, put, message) = match ended {
            Ok(put) => (RunState::Succeeded, put, ""),
            Err(message) => (RunState::Failed, 0, message),
        };
        let args = [
            Arg::Text(RunKind::CatchUp.as_str()),
            Arg::Text(state.as_str()),
            Arg::Text(RunCause::Schedule.as_str()),
            Arg::Int(i64::try_from(put).unwrap_or(i64::MAX)),
            Arg::Text(message),
            Arg::Int(i64::try_from(took.as_millis()).unwrap_or(0)),
        ];
        transact!(self.attempts("note a catch-up", Caller::Worker), |tx| Ok(tx.execute(&INSERT, &args).await?)).await?;
        Ok(())
    }
}
