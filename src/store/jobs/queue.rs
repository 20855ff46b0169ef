//! What the queue looks like: for metrics, the page and the pause of an idle worker.
//!
//! Invariant: only reads. [`Store::queue`] scans the table once and is meant for every few seconds;
//! [`Store::next_due_in`] reads two index entries and may be asked all the time.

use std::time::Duration;

use super::super::db::{Arg, Statement};
use super::super::{Store, StoreError};

pub(super) static ALL: &[&Statement] = &[&QUEUE, &NEXT, &DUE, &DEAD];

static QUEUE: Statement = Statement::same(
    "SELECT {count:COALESCE(SUM(CASE WHEN lane = 0 AND run_at <= {now} THEN 1 ELSE 0 END), 0)} AS due_fast,
            {count:COALESCE(SUM(CASE WHEN lane <> 0 AND run_at <= {now} THEN 1 ELSE 0 END), 0)} AS due_bulk,
            {count:COALESCE(SUM(CASE WHEN token IS NOT NULL AND run_at > {now} THEN 1 ELSE 0 END), 0)} AS leased,
            {count:COALESCE(SUM(CASE WHEN token IS NULL AND run_at > {now} THEN 1 ELSE 0 END), 0)} AS waiting,
            {count:COALESCE(SUM(CASE WHEN run_at IS NULL THEN 1 ELSE 0 END), 0)} AS dead,
            {now} - MIN(CASE WHEN run_at <= {now} THEN run_at END) AS oldest_due_age,
            MIN(run_at) - {now} AS next_due_in
     FROM sync_jobs",
);

static NEXT: Statement = Statement::same(
    "SELECT MIN(n.run_at) - {now} AS next_due_in FROM
        (SELECT MIN(run_at) AS run_at FROM sync_jobs WHERE lane = 0
         UNION ALL SELECT MIN(run_at) FROM sync_jobs WHERE lane = 1) AS n",
);

static DUE: Statement = Statement::same(
    "SELECT {count:COUNT(*)} AS due FROM (SELECT lane FROM sync_jobs WHERE lane IN (0, 1) AND run_at <= {now} LIMIT ?) AS d",
);

static DEAD: Statement = Statement::same(
    "SELECT {count:COUNT(*)} AS dead FROM (SELECT lane FROM sync_jobs WHERE lane IN (0, 1) AND run_at IS NULL LIMIT ?) AS d",
);

/// The queue in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueState {
    /// Due jobs of the fast lane (also those whose lease has run out).
    pub due_fast: i64,
    /// Due jobs of the bulk lane.
    pub due_bulk: i64,
    /// Being worked on.
    pub leased: i64,
    /// Waiting for a later time after a failure.
    pub waiting: i64,
    /// Dead.
    pub dead: i64,
    /// How long the oldest due job has been due; `None` where none is due.
    pub oldest_due_age: Option<Duration>,
    /// When the next job may be claimed, zero where one is due; `None` where none is left but dead ones.
    pub next_due_in: Option<Duration>,
}

impl Store {
    /// The queue in numbers; one pass over the table.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn queue(&self) -> Result<QueueState, StoreError> {
        let what = "count the jobs";
        let of = |error| StoreError::of(what, error);
        let rows = self.read(what, &QUEUE, &[]).await?;
        let Some(row) = rows.first() else {
            return Ok(QueueState::default());
        };
        Ok(QueueState {
            due_fast: row.int("due_fast").map_err(of)?,
            due_bulk: row.int("due_bulk").map_err(of)?,
            leased: row.int("leased").map_err(of)?,
            waiting: row.int("waiting").map_err(of)?,
            dead: row.int("dead").map_err(of)?,
            oldest_due_age: row.maybe_int("oldest_due_age").map_err(of)?.map(duration),
            next_due_in: row.maybe_int("next_due_in").map_err(of)?.map(duration),
        })
    }

    /// How many jobs are dead, counted up to `at_most`. Reads only those.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn dead_jobs(&self, at_most: i64) -> Result<i64, StoreError> {
        let what = "count the failed jobs";
        let rows = self.read(what, &DEAD, &[Arg::Int(at_most)]).await?;
        rows.first().map_or(Ok(0), |row| row.int("dead")).map_err(|error| StoreError::of(what, error))
    }

    /// When the next job may be claimed, zero where one is due; `None` where there is none but dead ones. Cheap.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next_due_in(&self) -> Result<Option<Duration>, StoreError> {
        let what = "look for jobs";
        let rows = self.read(what, &NEXT, &[]).await?;
        let next = rows.first().map(|row| row.maybe_int("next_due_in")).transpose();
        Ok(next.map_err(|error| StoreError::of(what, error))?.flatten().map(duration))
    }

    /// How many jobs are due, counted up to `limit`. Cheap.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn due(&self, limit: u32) -> Result<u32, StoreError> {
        let what = "count due jobs";
        let rows = self.read(what, &DUE, &[Arg::Int(i64::from(limit))]).await?;
        let due = rows.first().map_or(Ok(0), |row| row.int("due")).map_err(|error| StoreError::of(what, error))?;
        Ok(u32::try_from(due).unwrap_or(limit))
    }
}

/// From the database's milliseconds; what lies in the past is zero.
pub(super) fn duration(milliseconds: i64) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}
