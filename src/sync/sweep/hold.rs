//! A held sweep: a person approves its list, discards it, or a later sweep takes its place.
//!
//! Invariant: whoever is first decides; the state is compared in the statement that changes it. Approving puts exactly the
//! list that was looked at, by the conductor, so that a crash goes on with the rest of it. A discard holds for its list: as
//! long as nothing joins it nobody is asked again, unless a person wants that.

use super::Position;
use crate::domain::run::{RunId, RunKind, RunState};
use crate::store::{RunRow, Store, StoreError};
use crate::sync::Context;
use crate::sync::conduct::{Conduct, Halt};
use crate::telemetry::metrics;

/// What became of a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Done,
    /// The run is not held, or not any more.
    NotHeld,
    /// There is no such run.
    Unknown,
}

/// Lets the list of a held run be removed.
///
/// # Errors
/// The database's.
pub async fn approve(context: &Context, id: RunId) -> Result<Verdict, StoreError> {
    let Some(row) = context.store.run(id).await? else { return Ok(Verdict::Unknown) };
    let Some(position) = Position::of(&row).filter(|_position| row.state == RunState::Held) else {
        return Ok(Verdict::NotHeld);
    };
    let filter = position.filter().to_owned();
    let removing = Position::Removing { filter, approved: true, after: String::new() };
    if !context.store.approve_run(id, &removing.text()).await? {
        return Ok(Verdict::NotHeld);
    }
    tracing::info!(run = id, candidates = row.candidates, "a person approved what a sweep would remove");
    context.runs.wake();
    Ok(Verdict::Done)
}

/// Ends a held run without removing anything.
///
/// # Errors
/// The database's.
pub async fn discard(store: &Store, id: RunId) -> Result<Verdict, StoreError> {
    let Some(row) = store.run(id).await? else { return Ok(Verdict::Unknown) };
    let message = format!("a person discarded its list of {}: nothing of it was removed", row.candidates);
    if !store.end_run(id, &[RunState::Held], RunState::Discarded, Some(&message)).await? {
        return Ok(Verdict::NotHeld);
    }
    tracing::info!(run = id, candidates = row.candidates, "a person discarded what a sweep would remove");
    metrics::run(row.kind, RunState::Discarded);
    Ok(Verdict::Done)
}

/// The sweep whose list a person has discarded, if the list of this one has nothing beyond it.
pub(super) async fn discarded(run: &Conduct) -> Result<Option<RunRow>, Halt> {
    let store = &run.context.store;
    let Some(discarded) = store.last_run(RunKind::Sweep, RunState::Discarded).await? else { return Ok(None) };
    let is_answered = !store.has_candidates_beyond(run.lead.run, discarded.id).await?;
    Ok(is_answered.then_some(discarded))
}

/// Takes the place of the held sweep, if there is one (and of older ones, which a crash may have left).
pub(super) async fn supersede(run: &Conduct, held: Option<RunRow>) -> Result<(), Halt> {
    let store = &run.context.store;
    let message = format!("nothing of its list was removed: the sweep {} took its place", run.lead.run);
    let mut next = held;
    while let Some(held) = next {
        if store.end_run(held.id, &[RunState::Held], RunState::Superseded, Some(&message)).await? {
            metrics::run(held.kind, RunState::Superseded);
        }
        next = store.last_run(RunKind::Sweep, RunState::Held).await?;
    }
    Ok(())
}
