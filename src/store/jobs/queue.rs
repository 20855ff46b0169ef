//! What the queue looks like: for metrics, the page and the pause of an idle worker.
//!
//! Invariant: only reads. [`Store::queue`] scans the table once and is meant for people; [`Store::depth`] reads the index
//! alone and is meant for every few seconds; [`Store::next_due_in`] reads two index entries and may be asked all the time.

use std::time::Duration;

use super::super::db::{Arg, Statement};
use super::super::{Store, StoreError};

pub(super) static ALL: &[&Statement] = &[&QUEUE, &DEPTH, &NEXT, &DUE, &DEAD];

/// Asked every few seconds.
pub(in crate::store) static MEASURED: &[&Statement] = &[&DEPTH];

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

// Each part is one range of the index (lane, run_at), which has all that is asked; a condition on both lanes would read
// the whole table on one database or another.
static DEPTH: Statement = Statement::built(|_| {
    let part = |part: &str, lane: i64, when: &str| {
        format!(
            "SELECT {{text:'{part}'}} AS part, {{count:COUNT(*)}} AS jobs, {{now}} - MIN(run_at) AS age \
             FROM sync_jobs WHERE lane = {lane} AND run_at {when}"
        )
    };
    [
        part("fast", 0, "<= {now}"),
        part("bulk", 1, "<= {now}"),
        part("later", 0, "> {now}"),
        part("later", 1, "> {now}"),
        part("dead", 0, "IS NULL"),
        part("dead", 1, "IS NULL"),
    ]
    .join(" UNION ALL ")
});

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

/// How much there is to do, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Due jobs of the fast lane (also those whose lease has run out).
    pub fast: u64,
    /// Due jobs of the bulk lane.
    pub bulk: u64,
    /// How long the oldest due job of the fast lane has been due.
    pub oldest_fast: Duration,
    /// The same of the bulk lane.
    pub oldest_bulk: Duration,
    /// Being worked on, or waiting for a later time.
    pub later: u64,
    /// Dead.
    pub dead: u64,
}

impl Store {
    /// How much there is to do; reads index entries only.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn depth(&self) -> Result<Depth, StoreError> {
        let what = "measure the queue";
        let of = |error| StoreError::of(what, error);
        let mut depth = Depth::default();
        for row in self.read(what, &DEPTH, &[]).await? {
            let jobs = row.int("jobs").map_err(of)?.unsigned_abs();
            let age = row.maybe_int("age").map_err(of)?.map(duration).unwrap_or_default();
            match row.text("part").map_err(of)?.as_str() {
                "fast" => (depth.fast, depth.oldest_fast) = (jobs, age),
                "bulk" => (depth.bulk, depth.oldest_bulk) = (jobs, age),
                "later" => depth.later += jobs,
                _ => depth.dead += jobs,
            }
        }
        Ok(depth)
    }

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
