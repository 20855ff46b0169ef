//! Conducts runs: takes those that nobody conducts, keeps their lease alive, and records how they end.
//!
//! Invariant: of several processes one conducts a run, and the workers of all of them do its jobs. A conductor that dies
//! is replaced when its lease ends; one that is stopped hands the run on at once. One run of each kind goes on beside the
//! others. What a run does is `sync`'s business.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::domain::run::{RunCause, RunKind, RunState};
use crate::inbox::Wake;
use crate::lifecycle::Tasks;
use crate::store::{Lead, RunRow, Store, StoreError};
use crate::sync::conduct::{Conduct, End, Halt, KEEP_EVERY, LEASE};
use crate::sync::error::Disposition;
use crate::sync::{Context, SyncError, full, needed, runs, sweep};
use crate::telemetry::metrics;

use super::Settings;

/// Runs started or abandoned by other processes are found this late at most.
const POLL: Duration = Duration::from_millis(500);
/// How long to leave a database alone that cannot be reached.
const DATABASE_AWAY: Duration = Duration::from_secs(1);

/// What the conductor needs beside the runs.
pub(super) struct Conductor {
    pub(super) context: Context,
    pub(super) jobs: Wake,
    pub(super) tasks: Tasks,
    pub(super) settings: Settings,
}

impl Conductor {
    /// Takes runs until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut cleared = false;
        let store = self.context.store.clone();
        loop {
            let taken = async {
                if !cleared {
                    store.clear_ended().await?;
                    cleared = true;
                }
                store.take_run(LEASE).await
            };
            let pause = match stop.run_until_cancelled(taken).await {
                None => return,
                Some(Ok(Some((row, lead)))) => {
                    self.begin(row, lead, stop.clone());
                    continue;
                }
                // Others first, while this process cannot read ERPNext.
                Some(Ok(None)) if self.context.site.paused().is_some() => POLL * 4,
                Some(Ok(None)) => POLL,
                Some(Err(error)) => {
                    tracing::warn!(%error, "runs cannot be looked for; tried again");
                    DATABASE_AWAY
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.context.runs.woken() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn begin(&self, row: RunRow, lead: Lead, stop: CancellationToken) {
        let kind = row.kind.as_str();
        tracing::info!(run = row.id, kind, cause = row.cause.as_str(), listed = row.listed, "conducting a run");
        let conduct =
            Conduct::new(self.context.clone(), &row, lead, LEASE, self.jobs.clone(), self.settings.probe_every);
        let settings = self.settings;
        let began = Instant::now();
        self.tasks.spawn("run", async move {
            let going = async {
                tokio::select! {
                    halt = lost(&conduct.context.store, lead) => Err(halt),
                    // A defect must end the run, not the service.
                    end = AssertUnwindSafe(perform(&conduct, &row)).catch_unwind() => {
                        end.unwrap_or(Err(Halt::Failed(SyncError::Panicked)))
                    }
                }
            };
            match stop.run_until_cancelled(going).await {
                Some(result) => {
                    let took = row.running_for + began.elapsed();
                    settle(&conduct, &row, result, took, settings).await;
                }
                None => release(&conduct).await,
            }
        });
    }
}

/// Does what the run is for.
async fn perform(conduct: &Conduct, row: &RunRow) -> Result<End, Halt> {
    match row.kind {
        RunKind::Full => full::conduct(conduct, row).await,
        RunKind::Sweep => sweep::conduct(conduct, row).await,
        RunKind::CatchUp => {
            // The schedule does these itself and records them when they are done.
            let message = "a catch-up cannot be started as a run: customer-sync schedules run catch_up starts one";
            Ok(End { state: RunState::Failed, message: Some(message.to_owned()) })
        }
    }
}

/// Keeps the lease alive; returns when the lead is lost.
async fn lost(store: &Store, lead: Lead) -> Halt {
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        match store.keep_run(&lead, LEASE).await {
            Ok(true) => {}
            Ok(false) => return Halt::Lost,
            Err(error) => tracing::debug!(%error, "the lease of a run could not be prolonged"),
        }
    }
}

/// Records how the conducting ended, `took` after the run's start.
async fn settle(conduct: &Conduct, row: &RunRow, result: Result<End, Halt>, took: Duration, settings: Settings) {
    let end = match result {
        Ok(end) => end,
        Err(Halt::Lost) => {
            tracing::info!(run = row.id, "the run was ended or taken over by somebody else");
            return;
        }
        Err(Halt::GivesWay) => {
            tracing::debug!(run = row.id, "this process cannot read ERPNext: whoever can may conduct the run");
            return release(conduct).await;
        }
        Err(Halt::Failed(error)) if goes_on_later(&error) => {
            tracing::warn!(run = row.id, label = error.label(), error = %error.without_detail(), "the run waits");
            tokio::time::sleep(DATABASE_AWAY).await;
            return release(conduct).await;
        }
        Err(Halt::Failed(error)) => {
            tracing::error!(run = row.id, label = error.label(), error = %error.without_detail(), "the run failed");
            End { state: RunState::Failed, message: Some(error.to_string()) }
        }
    };
    match record(conduct, row, end, took, settings).await {
        Ok(()) => {}
        Err(error) => {
            // It is taken again, and comes to the same end.
            tracing::warn!(run = row.id, %error, "the end of a run could not be recorded");
            release(conduct).await;
        }
    }
}

async fn record(
    conduct: &Conduct,
    row: &RunRow,
    mut end: End,
    took: Duration,
    settings: Settings,
) -> Result<(), StoreError> {
    let store = &conduct.context.store;
    if end.state == RunState::Failed
        && let Some(told) = needed::follow_up(store, row, |before| settings.retry.longest_wait(before)).await?
    {
        end.message = end.message.into_iter().chain([told]).reduce(|message, told| format!("{message}. {told}"));
    }
    if !store.finish_run(&conduct.lead, end.state, end.message.as_deref()).await? {
        return Ok(());
    }
    metrics::run(row.kind, end.state);
    metrics::run_took(row.kind, took);
    tracing::info!(run = row.id, kind = row.kind.as_str(), state = end.state.as_str(), "run ended");
    if end.state == RunState::Failed {
        store.free_jobs(row.id).await?;
    }
    let finished = matches!(end.state, RunState::Succeeded | RunState::Partial);
    if row.kind == RunKind::Full && finished && settings.sweep_after_full {
        // A crash before this loses nothing: the sweep comes by its schedule.
        runs::start(&conduct.context, RunKind::Sweep, RunCause::AfterFull).await?;
    }
    Ok(())
}

/// Hands the run on to whoever takes it next.
async fn release(conduct: &Conduct) {
    if let Err(error) = conduct.context.store.release_run(&conduct.lead).await {
        tracing::debug!(%error, "a run could not be handed on; its lease will end");
    }
}

/// Whether the same may work a moment later: our own database was away.
fn goes_on_later(error: &SyncError) -> bool {
    matches!(error.disposition(), Disposition::Snooze(_))
}
