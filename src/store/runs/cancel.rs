//! Cancelling a run, and what becomes of the jobs of a run that is over before they are.
//!
//! Invariant: the run is over before its jobs are touched, so no further one can be put meanwhile. A cancelled run takes
//! back what only it asked for; a job that anybody else asked for too (it was put more than once), or that a worker holds,
//! stays, as all jobs of a failed or superseded run do, and belongs to no run any more. A crash in between leaves jobs of a
//! run that is over; [`Store::clear_ended`] finds them.

use serde::Serialize;

use super::super::db::{Arg, Statement, Tx, batches, delete_rows, update_rows};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Store, StoreError};
use crate::domain::job::Cause;
use crate::domain::run::{RunId, RunState};

pub(super) static ALL: &[&Statement] = &[&ENDED, &OWNED, &DELETE, &FREE];

/// Jobs taken back in one transaction.
const PORTION: i64 = 1_000;

static ENDED: Statement = Statement::same(
    "SELECT t.id, {flag:t.state = 'cancelled'} AS cancelled FROM sync_runs AS t
     WHERE t.state IN ('cancelled', 'failed', 'superseded') AND EXISTS (SELECT 1 FROM sync_jobs AS j WHERE j.run_id = t.id)",
);

static OWNED: Statement = Statement::same(
    "SELECT doctype, name, token, generation, cause FROM sync_jobs WHERE run_id = ? ORDER BY doctype, name LIMIT ? {lock}",
);

static DELETE: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_jobs", "doctype key, name key", &["doctype", "name"]));

static FREE: Statement = Statement::built(|dialect| {
    let matching = "t.doctype = r.doctype AND t.name = r.name";
    update_rows(dialect, "sync_jobs", "doctype key, name key", matching, &[("run_id", "NULL".into())])
});

#[derive(Serialize)]
struct KeyRow {
    doctype: String,
    name: String,
}

impl Store {
    /// Stops a running run: no further job is put, and those that only it asked for are taken back. False where it is over
    /// already, held, or was never there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; the run may be cancelled then with jobs still waiting.
    pub async fn cancel_run(&self, run: RunId) -> Result<bool, StoreError> {
        if !self.end_run(run, &[RunState::Running], RunState::Cancelled, None).await? {
            return Ok(false);
        }
        self.part_with(run, true).await?;
        Ok(true)
    }

    /// Lets the jobs of a run that failed, or that another one took the place of, go on without it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; some may belong to it still.
    pub async fn free_jobs(&self, run: RunId) -> Result<(), StoreError> {
        self.part_with(run, false).await
    }

    /// Finishes what a crash in [`Store::cancel_run`] or before [`Store::free_jobs`] left. Cheap where there is nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn clear_ended(&self) -> Result<(), StoreError> {
        let what = "find runs that are over and have jobs";
        let of = |error| StoreError::of(what, error);
        for row in self.read(what, &ENDED, &[]).await? {
            self.part_with(row.int("id").map_err(of)?, row.flag("cancelled").map_err(of)?).await?;
        }
        Ok(())
    }

    async fn part_with(&self, run: RunId, take_back: bool) -> Result<(), StoreError> {
        let what = "part a run from its jobs";
        while transact!(self.attempts(what, Caller::Worker), |tx| part_with(tx, run, take_back).await).await? {}
        Ok(())
    }
}

/// One portion; whether there was any.
async fn part_with(tx: &mut Tx, run: RunId, take_back: bool) -> Result<bool, Fault> {
    let owned = tx.fetch(&OWNED, &[Arg::Int(run), Arg::Int(PORTION)]).await?;
    let (mut alone, mut shared) = (Vec::new(), Vec::new());
    for row in &owned {
        let key = KeyRow { doctype: row.text("doctype")?, name: row.text("name")? };
        let only_ours = take_back
            && row.maybe_int("token")?.is_none()
            && row.int("generation")? == 1
            && row.int("cause")? == Cause::Full.weight();
        if only_ours { &mut alone } else { &mut shared }.push(key);
    }
    for batch in batches(&alone)? {
        tx.execute(&DELETE, &[Arg::Text(&batch)]).await?;
    }
    for batch in batches(&shared)? {
        tx.execute(&FREE, &[Arg::Text(&batch)]).await?;
    }
    Ok(!owned.is_empty())
}
