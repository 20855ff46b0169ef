//! One function for each thing that happens or is measured.
//!
//! Invariant: before [`install`](super::install) (commands that do not serve) all of them do nothing. What the numbers are
//! computed from is the caller's business.

use std::time::Duration;

use super::exporter::with;
use super::table;
use super::words::{JobEnd, Received};
use crate::domain::difference::DifferenceKind;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, Lane};
use crate::domain::plan::Effect;
use crate::domain::run::{RunKind, RunState};

/// A webhook was answered after `took`.
pub fn delivery(received: Received, took: Duration) {
    with(|on| {
        if let Some(counter) = on.deliveries.get(received.as_str()) {
            counter.increment(1);
        }
        on.ingest.record(took);
    });
}

/// So many webhooks became durable together.
pub fn committed(batch: usize) {
    with(|on| on.commit_batch.record(number(batch as u64)));
}

/// Work on a job ended like that, `took` after its claim; `attempts` tells how many it needed, this one included.
pub fn job(end: JobEnd, attempts: u64, took: Duration) {
    with(|on| {
        if let Some(counter) = on.jobs.get(end.as_str()) {
            counter.increment(1);
        }
        on.job_seconds.record(took);
        if end.is_final() {
            on.job_attempts.record(number(attempts));
        }
    });
}

/// An attempt failed with the error of that label.
pub fn job_error(label: &'static str) {
    with(|on| on.counter(&table::JOB_ERRORS, &[label]).increment(1));
}

/// A lease was lost before the write.
pub fn lease_lost() {
    with(|on| on.leases_lost.increment(1));
}

/// A customer was processed.
pub fn row(effect: Effect) {
    with(|on| {
        if let Some(counter) = on.rows.get(effect.as_str()) {
            counter.increment(1);
        }
    });
}

/// A row was changed, added, linked or marked deleted for a job of that cause.
pub fn change(cause: Cause) {
    with(|on| {
        if let Some(counter) = on.changes.get(cause.found_by()) {
            counter.increment(1);
        }
    });
}

/// A row is right, so long after the webhook for it had arrived.
pub fn webhook_to_row(lag: Duration) {
    with(|on| on.webhook_to_row.record(lag));
}

/// A call to ERPNext ended; `status` is `ok` or the error's label.
pub fn erpnext_call(call: &'static str, status: &'static str, took: Duration) {
    with(|on| {
        on.counter(&table::ERPNEXT_CALLS, &[call, status]).increment(1);
        on.histogram(&table::ERPNEXT_SECONDS, &[call]).record(took);
    });
}

/// What is left of ERPNext's rate limit, and of our share of it: from 0 to 1.
pub fn erpnext_budget(left: f64, share: f64) {
    with(|on| {
        on.gauge(&table::BUDGET, &[]).set(left);
        on.gauge(&table::SHARE, &[]).set(share);
    });
}

/// Whether the circuit breaker is open.
pub fn breaker(open: bool) {
    with(|on| on.gauge(&table::BREAKER, &[]).set(flag(open)));
}

/// Whether the site is paused.
pub fn paused(paused: bool) {
    with(|on| on.gauge(&table::PAUSED, &[]).set(flag(paused)));
}

/// So many jobs of that lane are due, the oldest for so long.
pub fn queue(lane: Lane, due: u64, oldest: Duration) {
    with(|on| {
        on.gauge(&table::QUEUE, &[lane.as_str()]).set(number(due));
        on.gauge(&table::QUEUE_OLDEST, &[lane.as_str()]).set(oldest.as_secs_f64());
    });
}

/// So many jobs are due later or being worked on, and so many are dead.
pub fn queue_rest(later: u64, dead: u64) {
    with(|on| {
        on.gauge(&table::QUEUE_LATER, &[]).set(number(later));
        on.gauge(&table::QUEUE_DEAD, &[]).set(number(dead));
    });
}

/// So many documents of that doctype are hidden from the sync user.
pub fn hidden(doctype: Doctype, count: u64) {
    with(|on| on.gauge(&table::HIDDEN, &[doctype.as_str()]).set(number(count)));
}

/// What the last comparison with ERPNext found: so many differences of that kind.
pub fn differences(kind: DifferenceKind, count: u64) {
    with(|on| on.gauge(&table::DIFFERENCES, &[kind.as_str()]).set(number(count)));
}

/// The last comparison: so many customers, at that time since 1970; both zero before the first.
pub fn verified(customers: u64, at: Duration) {
    with(|on| {
        on.gauge(&table::VERIFIED, &[]).set(number(customers));
        on.gauge(&table::VERIFIED_AT, &[]).set(at.as_secs_f64());
    });
}

/// So many suggestions wait for a person.
pub fn suggestions(open: u64) {
    with(|on| on.gauge(&table::SUGGESTIONS, &[]).set(number(open)));
}

/// A run ended like that.
pub fn run(kind: RunKind, result: RunState) {
    with(|on| on.counter(&table::RUNS, &[kind.as_str(), result.as_str()]).increment(1));
}

/// A run came to its own end (nobody stopped or replaced it) so long after its start.
pub fn run_took(kind: RunKind, took: Duration) {
    with(|on| on.histogram(&table::RUN_SECONDS, &[kind.as_str()]).record(took));
}

/// How far a running run is, in customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Settled.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Neither yet.
    pub left: u64,
}

/// The run of that kind that is running, if one is.
pub fn running(kind: RunKind, progress: Option<Progress>) {
    with(|on| {
        on.gauge(&table::RUN_ACTIVE, &[kind.as_str()]).set(flag(progress.is_some()));
        let Progress { done, failed, left } = progress.unwrap_or_default();
        for (state, customers) in [("done", done), ("failed", failed), ("left", left)] {
            on.gauge(&table::RUN_CUSTOMERS, &[kind.as_str(), state]).set(number(customers));
        }
    });
}

/// When a run of that kind last succeeded, counted from 1970; zero for never.
pub fn last_success(kind: RunKind, since_1970: Duration) {
    with(|on| on.gauge(&table::RUN_LAST_SUCCESS, &[kind.as_str()]).set(since_1970.as_secs_f64()));
}

/// So many runs of that kind are held.
pub fn held(kind: RunKind, runs: u64) {
    with(|on| on.gauge(&table::RUNS_HELD, &[kind.as_str()]).set(number(runs)));
}

/// So many customers are what held runs would remove.
pub fn candidates(customers: u64) {
    with(|on| on.gauge(&table::CANDIDATES, &[]).set(number(customers)));
}

/// Whether a person has paused that schedule.
pub fn schedule_paused(schedule: &'static str, paused: bool) {
    with(|on| on.gauge(&table::SCHEDULE_PAUSED, &[schedule]).set(flag(paused)));
}

/// Whether the database answers.
pub fn database(up: bool) {
    with(|on| on.gauge(&table::DATABASE_UP, &[]).set(flag(up)));
}

/// The connections to the database.
pub fn connections(idle: u64, busy: u64, max: u64) {
    with(|on| {
        on.gauge(&table::CONNECTIONS, &["idle"]).set(number(idle));
        on.gauge(&table::CONNECTIONS, &["busy"]).set(number(busy));
        on.gauge(&table::CONNECTIONS_MAX, &[]).set(number(max));
    });
}

/// A transaction is repeated for that reason.
pub fn transaction_repeated(reason: &'static str) {
    with(|on| on.counter(&table::REPEATS, &[reason]).increment(1));
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

#[expect(clippy::cast_precision_loss, reason = "whatever is counted here is far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}
