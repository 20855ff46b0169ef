//! `sync_runs`: full runs, sweeps and catch-ups, from their start to their end.
//!
//! Invariant: at most one of each kind runs (unique `active_key`), and a running one is conducted by whoever holds its
//! [`Lead`]: a lease in the row, so that another process takes over when the conductor dies. What a lead writes, it writes
//! only while the row still shows it. Counting finished jobs is the workers' (`store::apply::runs`).

mod cancel;
mod conduct;
mod end;
mod note;
mod open;
mod read;
mod start;

pub(super) use open::MEASURED;
pub use open::OpenRun;

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::db::Statement;
use crate::domain::run::{Counts, RunCause, RunId, RunKind, RunState};

pub use read::Hold;

pub(super) static ALL: &[&[&Statement]] =
    &[cancel::ALL, conduct::ALL, end::ALL, note::ALL, open::ALL, read::ALL, start::ALL];

/// A run as the table has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunRow {
    /// Its id; grows with time.
    #[schema(value_type = i64)]
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// Where it stands.
    pub state: RunState,
    /// Why it was started.
    pub cause: RunCause,
    /// Where its listing goes on; the conductor's own words.
    #[serde(skip)]
    pub position: Option<String>,
    /// Whether its listing has come to its end.
    #[serde(skip)]
    pub listed_all: bool,
    /// How many documents there were as it began; `None` until they are counted.
    pub total: Option<i64>,
    /// Documents listed so far.
    pub listed: i64,
    /// Jobs put so far.
    pub put: i64,
    /// Rows that it would remove, or has removed with a person's consent.
    pub candidates: i64,
    /// What became of its jobs.
    #[serde(flatten)]
    pub counts: Counts,
    /// What a person should know about its end.
    pub message: Option<String>,
    /// Why it does not go on at the moment.
    pub paused: Option<String>,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC; when something about it changed last.
    pub updated_at: String,
    /// RFC 3339, UTC; `None` until it is over.
    pub finished_at: Option<String>,
    /// Jobs that it still waits for.
    pub left: i64,
    /// From its start to its end, or until now; by the database's clock.
    #[serde(skip)]
    pub running_for: Duration,
}

/// What [`super::Store::start_run`] found or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Whether it was running already.
    pub joined: bool,
}

/// The right to conduct a run, until its lease ends or somebody else ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// The run.
    pub run: RunId,
    /// Random; the row shows it while the lead is ours.
    pub owner: i64,
}

/// Which runs are asked for; the default is the newest 50 of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFilter {
    /// Only these.
    pub kind: Option<RunKind>,
    /// Only these.
    pub state: Option<RunState>,
    /// Only older ones than this.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { kind: None, state: None, before: None, limit: 50 }
    }
}
