//! Full runs that something made necessary: the first one, one for a changed mapping, one for another site. Where such a run
//! fails, the next one comes soon instead of in the night, until one has come to its end.
//!
//! Invariant: its schedule is brought forward before the failure is recorded, so that a crash in between starts one run too
//! many and never one too few. A schedule that is off or paused stays so, and a run that a person stopped is not begun anew.

use std::time::Duration;

use super::schedule::Task;
use crate::domain::run::{RunCause, RunKind, RunState};
use crate::store::{RunFilter, RunRow, Store, StoreError};

/// Failures in a row that are told apart; the wait is the longest by then.
const COUNTED: u32 = 20;

/// What a scheduled full run is for: what a failed one before it was for, or nothing but the time.
///
/// # Errors
/// The database's.
pub async fn cause_of_next(store: &Store) -> Result<RunCause, StoreError> {
    let failed = failures(store).await?;
    Ok(failed.first().map_or(RunCause::Schedule, |run| run.cause))
}

/// Sees that another run follows one that is about to fail, after the `wait` that belongs to so many failures before it;
/// what to tell people about that, if one follows.
///
/// # Errors
/// The database's.
pub async fn follow_up(
    store: &Store,
    failing: &RunRow,
    wait: impl Fn(u32) -> Duration,
) -> Result<Option<String>, StoreError> {
    if failing.kind != RunKind::Full || !failing.cause.is_needed() {
        return Ok(None);
    }
    let before = u32::try_from(failures(store).await?.len()).unwrap_or(COUNTED);
    let wait = wait(before);
    let follows = store.bring_forward(Task::Full.as_str(), wait).await?;
    Ok(follows.then(|| format!("It is tried again in {} s", wait.as_secs().max(1))))
}

/// The newest full runs that are over, as far as they were needed and failed; the newest first.
async fn failures(store: &Store) -> Result<Vec<RunRow>, StoreError> {
    let filter = RunFilter { kind: Some(RunKind::Full), limit: COUNTED, ..RunFilter::default() };
    let ended = store.runs(&filter).await?.into_iter().filter(|run| run.state.is_over());
    Ok(ended.take_while(|run| run.state == RunState::Failed && run.cause.is_needed()).collect())
}
