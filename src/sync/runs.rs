//! Runs as people and other programs start, watch, await and cancel them.
//!
//! Invariant: a run belongs to no caller: who waits only looks, and may leave at any time.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use super::Context;
use super::conduct::{KEEP_EVERY, LEASE};
use crate::domain::run::{RunCause, RunId, RunKind, RunState};
use crate::erpnext::BreakerState;
use crate::store::{RunRow, Started, Store, StoreError};
use crate::telemetry::metrics;

/// How often a waiting caller looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A run with what follows from its numbers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Run {
    /// The row. Its `paused` is the conductor's note, or else what this process knows to stand in the way.
    #[serde(flatten)]
    pub row: RunRow,
    /// Jobs of which the end was counted.
    pub processed: i64,
    /// Milliseconds from its start to its end, or until now.
    pub duration_ms: u64,
    /// Jobs per second, on the average since its start.
    pub rate: Option<f64>,
    /// Seconds until its end if it goes on like that; only while it runs.
    pub seconds_left: Option<u64>,
}

/// What waiting for a run came to.
#[derive(Debug, Clone)]
pub enum Waited {
    /// It is over, or held for a person.
    Ended(Run),
    /// It does not go on at the moment; its `paused` tells why.
    Paused(Run),
    /// It was not over in time.
    Running(Run),
}

/// Starts a run, or joins the one of its kind that is running.
///
/// # Errors
/// The database's.
pub async fn start(context: &Context, kind: RunKind, cause: RunCause) -> Result<Started, StoreError> {
    let started = context.store.start_run(kind, cause).await?;
    if !started.joined {
        tracing::info!(run = started.run, kind = kind.as_str(), cause = cause.as_str(), "run started");
    }
    context.runs.wake();
    Ok(started)
}

/// Cancels a run; false where it is not running (any more).
///
/// # Errors
/// The database's.
pub async fn cancel(store: &Store, id: RunId) -> Result<bool, StoreError> {
    let Some(run) = store.run(id).await? else { return Ok(false) };
    let cancelled = store.cancel_run(id).await?;
    if cancelled {
        metrics::run(run.kind, RunState::Cancelled);
        tracing::info!(run = id, kind = run.kind.as_str(), "run cancelled");
    }
    Ok(cancelled)
}

/// The run of that id.
///
/// # Errors
/// The database's.
pub async fn find(context: &Context, id: RunId) -> Result<Option<Run>, StoreError> {
    Ok(context.store.run(id).await?.map(|row| view(context, row)))
}

/// Waits for the end of a run; `None` for one that is not there.
///
/// # Errors
/// The database's.
pub async fn wait(context: &Context, id: RunId, within: Duration) -> Result<Option<Waited>, StoreError> {
    let until = Instant::now() + within;
    loop {
        let Some(run) = find(context, id).await? else { return Ok(None) };
        if run.row.state != RunState::Running {
            return Ok(Some(Waited::Ended(run)));
        }
        if run.row.paused.is_some() {
            return Ok(Some(Waited::Paused(run)));
        }
        if Instant::now() >= until {
            return Ok(Some(Waited::Running(run)));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A row with what follows from its numbers, and with what this process knows to stand in its way.
#[must_use]
pub fn view(context: &Context, row: RunRow) -> Run {
    let mut run = Run::of(row);
    if run.row.state == RunState::Running && run.row.paused.is_none() {
        run.row.paused = obstacle(context);
    }
    run
}

impl Run {
    /// A row with what follows from its numbers.
    #[must_use]
    pub fn of(row: RunRow) -> Self {
        let processed = row.counts.processed();
        let rate = rate(processed, row.running_for);
        let total = row.total.filter(|_total| row.state == RunState::Running);
        let seconds_left = total.and_then(|total| seconds_left(total - processed, rate?));
        let duration_ms = u64::try_from(row.running_for.as_millis()).unwrap_or(u64::MAX);
        Self { row, processed, duration_ms, rate, seconds_left }
    }
}

/// Why a run may stand still although nothing is wrong with ERPNext: a process that was killed holds it, or its jobs, until
/// its lease ends. `None` where there is no sign of that.
///
/// # Errors
/// The database's.
pub async fn standstill(context: &Context, run: &Run) -> Result<Option<String>, StoreError> {
    let hold = context.store.run_hold(run.row.id).await?;
    if let Some(lease) = hold.conducted_for.filter(|lease| *lease + KEEP_EVERY * 3 / 2 < LEASE) {
        return Ok(Some(format!(
            "the process that conducted it gives no sign of life; it is taken over within {} s",
            lease.as_secs() + 1
        )));
    }
    let all_held = hold.jobs > 0 && hold.jobs == run.row.left && run.row.listed_all;
    Ok(hold.jobs_until.filter(|_lease| all_held).map(|lease| {
        format!(
            "all {} jobs that are left are held by a process at work or killed; what a killed one held returns within {} s",
            hold.jobs,
            lease.as_secs() + 1
        )
    }))
}

/// What this process knows to stand in the way of every run.
fn obstacle(context: &Context) -> Option<String> {
    if let Some(pause) = context.site.paused() {
        return Some(pause.reason);
    }
    match context.client.breaker() {
        BreakerState::Open { .. } => context.site.troubled(),
        BreakerState::HalfOpen | BreakerState::Closed => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of jobs is far below 2^52")]
fn rate(processed: i64, took: Duration) -> Option<f64> {
    (processed > 0 && !took.is_zero()).then(|| (processed as f64 / took.as_secs_f64() * 10.0).round() / 10.0)
}

#[expect(clippy::cast_precision_loss, reason = "a number of jobs is far below 2^52")]
fn seconds_left(left: i64, rate: f64) -> Option<u64> {
    let seconds = Duration::try_from_secs_f64(left.max(0) as f64 / rate).ok()?;
    Some(seconds.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_tells_how_long_it_takes() {
        assert_eq!(rate(0, Duration::from_secs(10)), None);
        assert_eq!(rate(25, Duration::ZERO), None);
        assert_eq!(rate(25, Duration::from_secs(10)), Some(2.5));
        assert_eq!(seconds_left(100, 2.5), Some(40));
        assert_eq!(seconds_left(-3, 2.5), Some(0), "more were found than counted");
        assert_eq!(seconds_left(100, 0.0), None);
    }
}
