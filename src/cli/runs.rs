//! `customer-sync runs`: what ran, what is running, and to stop it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::output::say;
use super::{block_on, load_quietly, sweeps};
use crate::app::{Session, open_store};
use crate::config::Inputs;
use crate::domain::audit::Action;
use crate::domain::run::{RunId, RunKind, RunState};
use crate::store::{RunFilter, Store};
use crate::sync::audit::by_command_line;
use crate::sync::runs::{self, Run};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Quick(Quick),
    /// Compare all names with ERPNext's now, and wait for the end: finds renames, merges and deletions
    Sweep,
    /// Let a held sweep remove what is on its list, and wait for the end
    Approve {
        /// Its id
        id: RunId,
    },
}

/// What needs the database only.
#[derive(Debug, Subcommand)]
enum Quick {
    /// Show runs, the newest first (the default)
    List {
        /// Only these: full, sweep or catch_up
        #[arg(long, value_parser = kind)]
        kind: Option<RunKind>,
        /// Only these: running, held, succeeded, partial, failed, cancelled, discarded or superseded
        #[arg(long, value_parser = state)]
        state: Option<RunState>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show one run with all its numbers
    Show {
        /// Its id
        id: RunId,
    },
    /// Show what a held sweep would remove
    Candidates {
        /// Its id
        id: RunId,
    },
    /// End a held sweep without removing anything
    Discard {
        /// Its id
        id: RunId,
    },
    /// Stop a running run; what it has done stays done
    Cancel {
        /// Its id
        id: RunId,
    },
}

fn kind(word: &str) -> Result<RunKind, String> {
    RunKind::parse(word).ok_or_else(|| format!("write one of {}", RunKind::ALL.map(RunKind::as_str).join(", ")))
}

fn state(word: &str) -> Result<RunState, String> {
    RunState::parse(word).ok_or_else(|| format!("write one of {}", RunState::ALL.map(RunState::as_str).join(", ")))
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let json = self.json;
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            match self.command.unwrap_or(Command::Quick(Quick::List { kind: None, state: None, limit: 20 })) {
                Command::Quick(quick) => {
                    let store = open_store(&config, false).await?;
                    quick.run(&store, json).await?;
                    store.close().await;
                    Ok(ExitCode::SUCCESS)
                }
                Command::Sweep => sweeps::sweep(Session::open(&config).await?, json).await,
                Command::Approve { id } => sweeps::approve(Session::open(&config).await?, id, json).await,
            }
        })
    }
}

impl Quick {
    async fn run(self, store: &Store, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List { kind, state, limit } => {
                let rows = store.runs(&RunFilter { kind, state, before: None, limit }).await?;
                list(&rows.into_iter().map(Run::of).collect::<Vec<_>>(), json)
            }
            Self::Show { id } => show(&find(store, id).await?, json),
            Self::Candidates { id } => sweeps::candidates(store, id, json).await,
            Self::Discard { id } => {
                sweeps::discard(store, id).await?;
                show(&find(store, id).await?, json)
            }
            Self::Cancel { id } => {
                let run = find(store, id).await?;
                by_command_line(store, Action::RunCancel, Some(id.to_string())).await?;
                if !runs::cancel(store, id).await? {
                    bail!("run {id} {}: only a running one can be cancelled", run.row.state.told());
                }
                show(&find(store, id).await?, json)
            }
        }
    }
}

async fn find(store: &Store, id: RunId) -> anyhow::Result<Run> {
    let row = store.run(id).await?.with_context(|| format!("there is no run {id}; customer-sync runs lists them"))?;
    Ok(Run::of(row))
}

fn list(runs: &[Run], json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(runs)?)?;
        return Ok(());
    }
    if runs.is_empty() {
        say("There are no such runs.")?;
        return Ok(());
    }
    say(format_args!(
        "{:<6} {:<9} {:<11} {:<11} {:<25} {:>9} {:>9}  MESSAGE",
        "ID", "KIND", "STATE", "CAUSE", "STARTED", "SECONDS", "DONE"
    ))?;
    for run in runs {
        let row = &run.row;
        let message = row.paused.as_ref().or(row.message.as_ref()).map(String::as_str).unwrap_or_default();
        say(format_args!(
            "{:<6} {:<9} {:<11} {:<11} {:<25} {:>9.1} {:>9}  {message}",
            row.id,
            row.kind.as_str(),
            row.state.as_str(),
            row.cause.as_str(),
            row.started_at,
            seconds(run),
            if row.kind == RunKind::Full { run.processed } else { row.put },
        ))?;
    }
    Ok(())
}

fn show(run: &Run, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(run)?)?;
        return Ok(());
    }
    let row = &run.row;
    say(format_args!(
        "Run {}: {}, {} (started by {})",
        row.id,
        row.kind.as_str(),
        row.state.as_str(),
        row.cause.as_str()
    ))?;
    let ended = row.finished_at.as_deref().unwrap_or("-");
    say(format_args!("started {}, ended {ended}, {:.1} s", row.started_at, seconds(run)))?;
    let counts = &row.counts;
    let numbers = [
        ("total", row.total.unwrap_or_default()),
        ("listed", row.listed),
        ("put", row.put),
        ("left", row.left),
        ("candidates", row.candidates),
        ("processed", run.processed),
        ("created", counts.created),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("linked", counts.linked),
        ("tombstoned", counts.tombstoned),
        ("not permitted", counts.not_permitted),
        ("skipped", counts.skipped),
        ("failed", counts.failed),
    ];
    for (word, number) in numbers {
        say(format_args!("{word:>14}  {number}"))?;
    }
    for (word, text) in [("paused", &row.paused), ("message", &row.message)] {
        if let Some(text) = text {
            say(format_args!("{word:>14}  {text}"))?;
        }
    }
    Ok(())
}

fn seconds(run: &Run) -> f64 {
    Duration::from_millis(run.duration_ms).as_secs_f64()
}
