//! Reading runs.
//!
//! Invariant: only reads; a run's `left` is counted from the queue at that moment and nowhere stored.

use std::time::Duration;

use super::super::db::{Arg, Row, Statement};
use super::super::transact::Fault;
use super::super::{Store, StoreError};
use super::{RunFilter, RunRow};
use crate::domain::run::{Counts, RunCause, RunId, RunKind, RunState};
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&ONE, &PAGE, &LAST, &WAITS, &HOLD];

const WHAT: &str = "read runs";

fn text(rest: &str) -> String {
    format!(
        "SELECT t.id, t.kind, t.state, t.cause, t.position, {{flag:t.listed_all}} AS listed_all, t.total, t.listed, \
            t.put, t.candidates, t.created, t.updated, t.unchanged, t.linked, t.tombstoned, t.not_permitted, t.skipped, \
            t.failed, t.message, t.paused, t.started_at, t.updated_at, t.finished_at, \
            (SELECT {{count:COUNT(*)}} FROM sync_jobs AS j WHERE j.run_id = t.id) AS jobs_left, \
            COALESCE(t.finished_at, {{now}}) - t.started_at AS running_for \
         FROM sync_runs AS t {rest}"
    )
}

static ONE: Statement = Statement::built(|_| text("WHERE t.id = ?"));

// An empty word asks for all of them.
static PAGE: Statement = Statement::built(|_| {
    text("WHERE (? = '' OR t.kind = ?) AND (? = '' OR t.state = ?) AND t.id < ? ORDER BY t.id DESC LIMIT ?")
});

// Asked all the time, so it has an index of its own.
static LAST: Statement = Statement::built(|_| {
    text("WHERE t.kind = ? AND t.state = ? ORDER BY t.kind DESC, t.state DESC, t.id DESC LIMIT 1")
});

static WAITS: Statement = Statement::same(
    "SELECT last_error FROM sync_jobs WHERE run_id = ? AND token IS NULL AND last_error IS NOT NULL LIMIT 1",
);

static HOLD: Statement = Statement::same(
    "SELECT t.owner_until - {now} AS conducted_for,
        (SELECT {count:COUNT(*)} FROM sync_jobs AS j WHERE j.run_id = t.id AND j.token IS NOT NULL AND j.run_at > {now}) AS held,
        (SELECT MAX(j.run_at) FROM sync_jobs AS j WHERE j.run_id = t.id AND j.token IS NOT NULL) - {now} AS held_for
     FROM sync_runs AS t WHERE t.id = ?",
);

/// What processes hold of a run: its lead and its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hold {
    /// Until the lead of its conductor ends.
    pub conducted_for: Option<Duration>,
    /// Jobs that a worker holds.
    pub jobs: i64,
    /// Until the last of their leases ends.
    pub jobs_until: Option<Duration>,
}

impl Store {
    /// The run of that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn run(&self, id: RunId) -> Result<Option<RunRow>, StoreError> {
        let rows = self.read(WHAT, &ONE, &[Arg::Int(id)]).await?;
        rows.first().map(decode).transpose().map_err(|fault| fault.into_error(WHAT))
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let kind = Arg::Text(filter.kind.map_or("", RunKind::as_str));
        let state = Arg::Text(filter.state.map_or("", RunState::as_str));
        let before = Arg::Int(filter.before.unwrap_or(i64::MAX));
        let args = [kind, kind, state, state, before, Arg::Int(i64::from(filter.limit))];
        let rows = self.read(WHAT, &PAGE, &args).await?;
        rows.iter().map(decode).collect::<Result<_, _>>().map_err(|fault| fault.into_error(WHAT))
    }

    /// The newest run of that kind that stands there. Cheap.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last_run(&self, kind: RunKind, state: RunState) -> Result<Option<RunRow>, StoreError> {
        let rows = self.read(WHAT, &LAST, &[Arg::Text(kind.as_str()), Arg::Text(state.as_str())]).await?;
        rows.first().map(decode).transpose().map_err(|fault| fault.into_error(WHAT))
    }

    /// What processes hold of a run.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn run_hold(&self, run: RunId) -> Result<Hold, StoreError> {
        let of = |error| StoreError::of(WHAT, error);
        let rows = self.read(WHAT, &HOLD, &[Arg::Int(run)]).await?;
        let Some(row) = rows.first() else { return Ok(Hold::default()) };
        let left = |milliseconds: i64| u64::try_from(milliseconds).ok().map(Duration::from_millis);
        let conducted_for = row.maybe_int("conducted_for").map_err(of)?.and_then(left);
        Ok(Hold {
            conducted_for,
            jobs: row.int("held").map_err(of)?,
            jobs_until: row.maybe_int("held_for").map_err(of)?.and_then(left),
        })
    }

    /// Why one of the run's jobs waits for another try; `None` where none of them failed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn run_waits_for(&self, run: RunId) -> Result<Option<String>, StoreError> {
        let rows = self.read(WHAT, &WAITS, &[Arg::Int(run)]).await?;
        let error = rows.first().map(|row| row.text("last_error")).transpose();
        error.map_err(|error| StoreError::of(WHAT, error))
    }
}

/// A row that [`text`] selected.
pub(super) fn decode(row: &Row) -> Result<RunRow, Fault> {
    let known = |column, word: String| StoreError::bug(WHAT, format!("unknown {column} {word} in sync_runs"));
    let (kind, state, cause) = (row.text("kind")?, row.text("state")?, row.text("cause")?);
    Ok(RunRow {
        id: row.int("id")?,
        kind: RunKind::parse(&kind).ok_or_else(|| known("kind", kind))?,
        state: RunState::parse(&state).ok_or_else(|| known("state", state))?,
        cause: RunCause::parse(&cause).ok_or_else(|| known("cause", cause))?,
        position: row.maybe_text("position")?,
        listed_all: row.flag("listed_all")?,
        total: row.maybe_int("total")?,
        listed: row.int("listed")?,
        put: row.int("put")?,
        candidates: row.int("candidates")?,
        counts: Counts {
            created: row.int("created")?,
            updated: row.int("updated")?,
            unchanged: row.int("unchanged")?,
            linked: row.int("linked")?,
            tombstoned: row.int("tombstoned")?,
            not_permitted: row.int("not_permitted")?,
            skipped: row.int("skipped")?,
            failed: row.int("failed")?,
        },
        message: row.maybe_text("message")?,
        paused: row.maybe_text("paused")?,
        started_at: iso(row.int("started_at")?),
        updated_at: iso(row.int("updated_at")?),
        finished_at: row.maybe_int("finished_at")?.map(iso),
        left: row.int("jobs_left")?,
        running_for: Duration::from_millis(u64::try_from(row.int("running_for")?).unwrap_or(0)),
    })
}
