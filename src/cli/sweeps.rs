//! `customer-sync runs sweep`, `candidates`, `approve` and `discard`: sweeps, and what a person decides about a held one.
//!
//! Invariant: the exit code is 0 only where all of it was done; a sweep that is held or could not be done is no success.
//! What was decided is in the database: interrupting loses nothing.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::output::{counted, say};
use super::sync::{beside, until_over};
use crate::app::Session;
use crate::domain::audit::Action;
use crate::domain::candidate::Candidate;
use crate::domain::run::{RunCause, RunId, RunKind, RunState};
use crate::store::Store;
use crate::sync::Context;
use crate::sync::audit::by_command_line;
use crate::sync::runs::{self, Run};
use crate::sync::sweep::{self, Verdict};

/// How often it is looked whether the queue is empty.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Candidates that are read at once.
const PAGE: u32 = 500;

/// Starts or joins a sweep and works until it is over and its jobs are done.
pub(super) async fn sweep(session: Session, json: bool) -> anyhow::Result<ExitCode> {
    by_command_line(&session.context().store, Action::RunStart, None).await?;
    let started = runs::start(session.context(), RunKind::Sweep, RunCause::Person).await?;
    if started.joined {
        eprintln!("Run {} is under way already; this process helps with it.", started.run);
    }
    follow(session, started.run, json).await
}

/// Lets the list of a held run be removed, and works until that is done.
pub(super) async fn approve(session: Session, id: RunId, json: bool) -> anyhow::Result<ExitCode> {
    by_command_line(&session.context().store, Action::RunApprove, Some(id.to_string())).await?;
    decided(sweep::approve(session.context(), id).await?, id)?;
    follow(session, id, json).await
}

/// Ends a held run without removing anything.
pub(super) async fn discard(store: &Store, id: RunId) -> anyhow::Result<()> {
    by_command_line(store, Action::RunDiscard, Some(id.to_string())).await?;
    decided(sweep::discard(store, id).await?, id)
}

/// Prints what a run would remove, or has removed.
pub(super) async fn candidates(store: &Store, id: RunId, json: bool) -> anyhow::Result<()> {
    store.run(id).await?.with_context(|| unknown(id))?;
    let mut all: Vec<Candidate> = Vec::new();
    loop {
        let after = all.last().map(|last| last.name.clone()).unwrap_or_default();
        let page = store.run_candidates(id, &after, PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        all.extend(page);
        if is_last {
            break;
        }
    }
    if json {
        say(serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    if all.is_empty() {
        say(format_args!("Run {id} has no list."))?;
        return Ok(());
    }
    say(format_args!("{:<9} {:>9}  NAME", "REASON", "CUSTOMER"))?;
    for candidate in &all {
        say(format_args!("{:<9} {:>9}  {}", candidate.reason.as_str(), candidate.customer_id, candidate.name))?;
    }
    Ok(())
}

fn decided(verdict: Verdict, id: RunId) -> anyhow::Result<()> {
    match verdict {
        Verdict::Done => Ok(()),
        Verdict::NotHeld => bail!("run {id} is not held: somebody decided already, or a later sweep took its place"),
        Verdict::Unknown => bail!(unknown(id)),
    }
}

fn unknown(id: RunId) -> String {
    format!("there is no run {id}; customer-sync runs lists them")
}

/// Works until a run and the jobs that it put are over, and tells how it ended.
async fn follow(session: Session, id: RunId, json: bool) -> anyhow::Result<ExitCode> {
    session.work();
    session.conduct();
    let context = session.context().clone();
    let work = async move {
        let run = until_over(&context, id).await;
        until_idle(&context).await?;
        anyhow::Ok((run, context.store.removed_candidates(id).await?))
    };
    let Some(ended) = beside(session, work).await? else {
        eprintln!(
            "Stopped. Run {id} and its jobs are not lost: they go on when customer-sync serve or sync is started, or in a \
             process that is running."
        );
        return Ok(ExitCode::FAILURE);
    };
    let (run, removed) = ended?;
    if json {
        let mut shown = serde_json::to_value(&run)?;
        shown["removed"] = removed.into();
        say(shown)?;
    } else {
        say(told(&run, removed))?;
    }
    Ok(if run.row.state == RunState::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits until no job is due or being worked on. Those that wait after a failure are left to `serve`.
async fn until_idle(context: &Context) -> anyhow::Result<()> {
    loop {
        let queue = context.store.queue().await?;
        if queue.due_fast + queue.due_bulk + queue.leased == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// `removed` of its candidates are marked deleted by now.
fn told(run: &Run, removed: i64) -> String {
    let row = &run.row;
    let mut told = format!(
        "Run {} {}: {} compared in {:.1} s, {} to be looked at, {} for removal, {removed} removed.",
        row.id,
        row.state.told(),
        counted(row.listed, "name"),
        Duration::from_millis(run.duration_ms).as_secs_f64(),
        row.put,
        counted(row.candidates, "candidate")
    );
    if row.state == RunState::Succeeded && removed < row.candidates {
        told.push_str(
            "\nThe others are kept: ERPNext has or hides them, or could not be asked yet (customer-sync jobs).",
        );
    }
    if let Some(message) = &row.message {
        told.push_str(&format!("\n{message}."));
    }
    told
}
