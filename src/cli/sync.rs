//! `customer-sync sync`: all customers, or one, now and in this process.
//!
//! Invariant: the exit code is 0 only where all of it was done. Interrupting loses nothing: the run and its jobs are in the
//! database, for this command or `serve` to go on with.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::oneshot;

use super::output::{counted, say};
use super::progress::Progress;
use super::{block_on, dry_run, load_quietly};
use crate::app::Session;
use crate::config::Inputs;
use crate::domain::audit::Action;
use crate::domain::run::{RunId, RunState};
use crate::lifecycle::ExitReason;
use crate::sync::Context;
use crate::sync::audit::by_command_line;
use crate::sync::request::{self, Outcome, Requested};
use crate::sync::runs::{self, Run};

/// How often the progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long nothing may end until it is told what may be the reason.
const STILL: Duration = Duration::from_secs(3);
/// How long one customer is waited for.
const ONE_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// ERPNext's name of the one customer to sync [default: all of them]
    name: Option<String>,

    /// Only tell what would be created, updated, linked, asked about and removed; nothing is written
    #[arg(long, conflicts_with = "name")]
    dry_run: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            if self.dry_run {
                return dry_run::run(&config, self.json).await;
            }
            let session = Session::open(&config).await?;
            match self.name {
                Some(name) => one(session, &name, self.json).await,
                None => all(session, self.json).await,
            }
        })
    }
}

async fn all(session: Session, json: bool) -> anyhow::Result<ExitCode> {
    by_command_line(&session.context().store, Action::RunStart, None).await?;
    let started = session.start_full_run().await?.context("no run was started")?;
    if started.joined {
        eprintln!("Run {} is under way already; this process helps with it.", started.run);
    }
    session.work();
    session.conduct();
    let context = session.context().clone();
    let Some(run) = beside(session, async move { until_over(&context, started.run).await }).await? else {
        eprintln!(
            "Stopped. Run {} is not lost: it goes on when customer-sync sync or serve is started, or in a process that \
             is running. To end it: customer-sync runs cancel {0}",
            started.run
        );
        return Ok(ExitCode::FAILURE);
    };
    if json {
        say(serde_json::to_string(&run)?)?;
    } else {
        say(told(&run))?;
    }
    Ok(if run.row.state == RunState::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn one(session: Session, name: &str, json: bool) -> anyhow::Result<ExitCode> {
    by_command_line(&session.context().store, Action::CustomerSync, None).await?;
    let Some(requested) = request::named(session.context(), name).await? else {
        bail!(
            "neither ERPNext nor this database has a customer named {name:?}; ERPNext's name of a customer is the last part of its address there"
        );
    };
    work_off(session, requested, json).await
}

/// Works until the job is done, and prints what came of it.
pub(super) async fn work_off(session: Session, requested: Requested, json: bool) -> anyhow::Result<ExitCode> {
    session.work();
    let context = session.context().clone();
    let name = requested.name().to_owned();
    let Some(outcome) = beside(session, async move { finished(&context, &requested).await }).await? else {
        eprintln!("Stopped. The job is not lost: it goes on when customer-sync serve or sync runs.");
        return Ok(ExitCode::FAILURE);
    };
    let outcome = outcome?;
    if json {
        say(serde_json::to_string(&outcome)?)?;
    } else {
        say(outcome_told(&name, &outcome))?;
    }
    Ok(if outcome.error.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs something beside the workers until it is over; `None` if a signal came first.
pub(super) async fn beside<T: Send + 'static>(
    session: Session,
    work: impl Future<Output = T> + Send + 'static,
) -> anyhow::Result<Option<T>> {
    let (sender, mut receiver) = oneshot::channel();
    let (tasks, stop) = (session.tasks().clone(), session.tasks().stop());
    session.tasks().spawn("progress", async move {
        if let Some(output) = stop.run_until_cancelled(work).await
            && sender.send(output).is_ok()
        {
            tasks.begin_stop();
        }
    });
    match session.run().await {
        ExitReason::Failed(failure) => Err(anyhow::anyhow!("{} died: {}", failure.task, failure.error)),
        ExitReason::Stopped | ExitReason::Forced => Ok(receiver.try_recv().ok()),
    }
}

/// Shows the progress until the run is over.
pub(super) async fn until_over(context: &Context, id: RunId) -> Run {
    let mut progress = Progress::new();
    let (mut processed, mut since) = (-1, Instant::now());
    loop {
        match runs::find(context, id).await {
            Ok(Some(run)) if run.row.state != RunState::Running => {
                progress.end();
                return run;
            }
            Ok(Some(run)) => {
                if run.processed != processed {
                    (processed, since) = (run.processed, Instant::now());
                }
                let still = run.row.paused.is_none() && since.elapsed() > STILL;
                match if still { runs::standstill(context, &run).await } else { Ok(None) } {
                    Ok(Some(reason)) => progress.trouble(&reason),
                    Ok(None) => progress.show(&run),
                    Err(error) => progress.trouble(&error.to_string()),
                }
            }
            Ok(None) => {}
            Err(error) => progress.trouble(&error.to_string()),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn finished(context: &Context, requested: &Requested) -> anyhow::Result<Outcome> {
    if let Some(outcome) = requested.finished(context, ONE_WITHIN).await? {
        return Ok(outcome);
    }
    let why = requested.last_error(context).await?.unwrap_or_else(|| "ERPNext cannot be read at the moment".to_owned());
    bail!("not done within {} s: {why}. The job goes on when customer-sync serve or sync runs", ONE_WITHIN.as_secs())
}

/// What came of a run.
fn told(run: &Run) -> String {
    let counts = &run.row.counts;
    let mut parts = vec![format!("{} created", counts.created), format!("{} updated", counts.updated)];
    let more = [
        ("unchanged", counts.unchanged),
        ("linked", counts.linked),
        ("marked deleted", counts.tombstoned),
        ("not permitted", counts.not_permitted),
        ("skipped", counts.skipped),
        ("failed", counts.failed),
    ];
    parts.extend(more.iter().filter(|(_word, count)| *count > 0).map(|(word, count)| format!("{count} {word}")));
    let mut told = format!(
        "Run {} {}: {} in {:.1} s: {}.",
        run.row.id,
        run.row.state.told(),
        counted(run.processed, "customer"),
        Duration::from_millis(run.duration_ms).as_secs_f64(),
        parts.join(", ")
    );
    if let Some(message) = &run.row.message {
        told.push_str(&format!("\n{message}."));
    }
    told
}

fn outcome_told(name: &str, outcome: &Outcome) -> String {
    match (outcome.effect.as_str(), outcome.customer) {
        ("skipped", _) => {
            format!("{name}: has no row: the filter leaves it out, it is gone, or a person is asked about it")
        }
        (effect, Some(id)) => match &outcome.error {
            Some(error) => format!("{name} (customer {id}): {effect}: {error}"),
            None => format!("{name} (customer {id}): {effect}"),
        },
        (effect, None) => format!("{name}: {effect}: {}", outcome.error.as_deref().unwrap_or_default()),
    }
}
