//! Cancelling a run, and taking back the jobs that only it asked for.
//!
//! Invariant: the run is over before its jobs are touched, so no further one can be put meanwhile. A job that anybody else
//! asked for too (it was put more than once), or that a worker holds, stays and belongs to no run any more. A crash in
//! between leaves jobs of a cancelled run; [`Store::clear_cancelled`] finds them.

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
    "SELECT t.id FROM sync_runs AS t WHERE t.state = 'cancelled'
     AND EXISTS (SELECT 1 FROM sync_jobs AS j WHERE j.run_id = t.id)",
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
        self.take_back(run).await?;
        Ok(true)
    }

    /// Finishes what a crash in [`Store::cancel_run`] left. Cheap where there is nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn clear_cancelled(&self) -> Result<(), StoreError> {
        let what = "find cancelled runs";
        for row in self.read(what, &ENDED, &[]).await? {
            self.take_back(row.int("id").map_err(|error| StoreError::of(what, error))?).await?;
        }
        Ok(())
    }

    async fn take_back(&self, run: RunId) -> Result<(), StoreError> {
        let what = "take back a run's jobs";
        while transact!(self.attempts(what, Caller::Worker), |tx| take_back(tx, run).await).await? {}
        Ok(())
    }
}

/// One portion; whether there was any.
async fn take_back(tx: &mut Tx, run: RunId) -> Result<bool, Fault> {
    let owned = tx.fetch(&OWNED, &[Arg::Int(run), Arg::Int(PORTION)]).await?;
    let (mut alone, mut shared) = (Vec::new(), Vec::new());
    for row in &owned {
        let key = KeyRow { doctype: row.text("doctype")?, name: row.text("name")? };
        let only_ours = row.maybe_int("token")?.is_none()
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
