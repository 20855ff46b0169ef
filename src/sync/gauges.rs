//! Keeps the gauges at their present values: queue, runs, ERPNext, connections.
//!
//! Invariant: a scrape costs nothing; what must be asked from the database is asked here, on a timer, by queries that read
//! index entries only (a test holds them to it), and rarer where even these take long. While the database is away, what
//! this process knows itself is still measured.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::schedule::Task;
use super::{Context, census, verify};
use crate::domain::difference::DifferenceKind;
use crate::domain::hint::Doctype;
use crate::domain::job::Lane;
use crate::domain::run::{RunKind, RunState};
use crate::erpnext::BreakerState;
use crate::store::{Depth, OpenRun, Store, StoreError};
use crate::telemetry::metrics::{self, Exporter, Progress};

/// How old a gauge may be.
const EVERY: Duration = Duration::from_secs(5);
/// Where asking takes long, it is done for about one part in so many of the time,
const SHARE: u32 = 10;
/// but never more rarely: alerts are made of these.
const AT_LEAST_EVERY: Duration = Duration::from_secs(30);

/// Runs until `stop`.
pub async fn keep(context: Context, exporter: Exporter, stop: CancellationToken) {
    let mut pause = Duration::ZERO;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        own(&context);
        let began = Instant::now();
        let asked = asked(&context.store).await;
        metrics::database(asked.is_ok());
        if let Err(error) = asked {
            tracing::debug!(%error, "the gauges could not be measured");
        }
        pause = (began.elapsed() * SHARE).clamp(EVERY, AT_LEAST_EVERY);
        exporter.upkeep();
    }
}

/// What this process knows without asking anybody.
fn own(context: &Context) {
    metrics::paused(context.site.paused().is_some());
    metrics::breaker(matches!(context.client.breaker(), BreakerState::Open { .. }));
    let (left, share) = context.client.budget().map_or((1.0, 1.0), |budget| (budget.left(), budget.share_left()));
    metrics::erpnext_budget(left, share);
    let connections = context.store.connections();
    metrics::connections(connections.idle, connections.busy, connections.max);
}

/// What only the database knows.
async fn asked(store: &Store) -> Result<(), StoreError> {
    let Depth { fast, bulk, oldest_fast, oldest_bulk, later, dead } = store.depth().await?;
    metrics::queue(Lane::Fast, fast, oldest_fast);
    metrics::queue(Lane::Bulk, bulk, oldest_bulk);
    metrics::queue_rest(later, dead);
    runs(&store.open_runs().await?);
    for kind in [RunKind::Full, RunKind::Sweep] {
        metrics::last_success(kind, since_1970(store.last_success(kind).await?));
    }
    for schedule in store.schedules().await? {
        let Some(task) = Task::parse(&schedule.name) else { continue };
        metrics::schedule_paused(task.as_str(), schedule.paused);
        if task == Task::CatchUp {
            // One that finds nothing leaves no run behind.
            metrics::last_success(RunKind::CatchUp, since_1970(schedule.succeeded_at));
        }
    }
    metrics::suggestions(store.open_suggestions().await?.unsigned_abs());
    let verified = verify::turn::last(store).await?.unwrap_or_default();
    metrics::verified(verified.checked, since_1970(Some(verified.at)));
    for kind in DifferenceKind::ALL {
        metrics::differences(kind, verified.found.get(&kind).copied().unwrap_or_default());
    }
    let hidden = census::hidden(store).await?;
    for doctype in Doctype::ALL {
        metrics::hidden(doctype, hidden.get(doctype.as_str()).copied().unwrap_or_default());
    }
    Ok(())
}

/// From the database's milliseconds; zero for never.
fn since_1970(at: Option<i64>) -> Duration {
    Duration::from_millis(at.unwrap_or_default().unsigned_abs())
}

fn runs(open: &[OpenRun]) {
    for kind in RunKind::ALL {
        let of_kind = |state| open.iter().filter(move |run| run.kind == kind && run.state == state);
        metrics::running(kind, of_kind(RunState::Running).map(progress).reduce(together));
        metrics::held(kind, of_kind(RunState::Held).count() as u64);
    }
    let held = open.iter().filter(|run| run.state == RunState::Held);
    metrics::candidates(held.map(|run| run.candidates).sum());
}

/// A full run is as far as its jobs are, any other as far as its listing.
fn progress(run: &OpenRun) -> Progress {
    let done = if run.kind == RunKind::Full { run.done } else { run.listed };
    let all = run.total.unwrap_or_default().max(run.listed);
    Progress { done, failed: run.failed, left: all.saturating_sub(done + run.failed) }
}

/// One that was held and goes on may run beside another one.
fn together(one: Progress, other: Progress) -> Progress {
    Progress { done: one.done + other.done, failed: one.failed + other.failed, left: one.left + other.left }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kind: RunKind, total: Option<u64>, listed: u64, done: u64) -> OpenRun {
        OpenRun { id: 1, kind, state: RunState::Running, total, listed, done, failed: 1, candidates: 0 }
    }

    #[test]
    fn what_is_left_of_a_run_is_what_is_known_to_come() {
        let full = progress(&run(RunKind::Full, Some(10), 4, 3));
        assert_eq!(full, Progress { done: 3, failed: 1, left: 6 });
        let grown = progress(&run(RunKind::Full, Some(10), 12, 3));
        assert_eq!(grown.left, 8, "ERPNext has got more customers meanwhile");
        let sweep = progress(&run(RunKind::Sweep, None, 5, 0));
        assert_eq!(sweep, Progress { done: 5, failed: 1, left: 0 });
    }
}
