//! The one table of metrics: name, type, labels, meaning. README, dashboards and alerts rely on it.
//!
//! Invariant: names follow Prometheus' conventions (base units, `_total` for what only grows, `_ratio` from 0 to 1), and
//! every label takes its values from a small fixed set (words of an enum, never names or ids), so that the number of time
//! series is bounded. Recording is `record`'s and `process`' business.

use super::words::{JobEnd, Received};
use crate::domain::difference::DifferenceKind;
use crate::domain::hint::Doctype;
use crate::domain::job::Lane;
use crate::domain::plan::Effect;
use crate::domain::run::RunKind;

/// What Prometheus calls the type of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Prometheus' word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// The values that are shown from the start, because a rate needs a first value: all there are, unless `open`.
    pub values: &'static [&'static str],
    /// Whether further values appear when they occur (labels of errors).
    pub open: bool,
}

const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values, open: false }
}

const fn open(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values, open: true }
}

/// The declaration of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Name, with its unit as Prometheus wants it.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it tells, for people.
    pub help: &'static str,
}

/// The words of an enum that has `ALL` and a const `as_str`.
macro_rules! words {
    ($type:ty) => {{
        const COUNT: usize = <$type>::ALL.len();
        const WORDS: [&str; COUNT] = {
            let mut words = [""; COUNT];
            let mut index = 0;
            while index < COUNT {
                words[index] = <$type>::ALL[index].as_str();
                index += 1;
            }
            words
        };
        &WORDS
    }};
}

macro_rules! metrics {
    ($($constant:ident = $name:literal $kind:ident $(($buckets:expr))? [$($label:expr),*] $help:literal;)+) => {
        $(pub(super) const $constant: Metric = Metric {
            name: $name, kind: Kind::$kind $(($buckets))?, labels: &[$($label),*], help: $help,
        };)+
        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

const VERDICT: Label = label("verdict", words!(Received));
const OUTCOME: Label = label("outcome", words!(JobEnd));
const LANE: Label = label("lane", words!(Lane));
const KIND: Label = label("kind", words!(RunKind));
const EFFECT: Label = label("effect", words!(Effect));
const DOCTYPE: Label = label("doctype", words!(Doctype));
const FOUND_BY: Label = label("found_by", &["webhook", "polling", "full", "person"]);
const RESULT: Label =
    label("result", &["succeeded", "partial", "failed", "held", "cancelled", "discarded", "superseded"]);
const PROGRESS: Label = label("state", &["done", "failed", "left"]);
const SCHEDULE: Label = label("schedule", &["catch_up", "sweep", "full", "prune", "verify"]);
const DIFFERENCE: Label = label("kind", words!(DifferenceKind));
const CALL: Label =
    label("call", &["list", "get", "history", "doctype", "logged_user", "count", "count_where", "visible_count"]);
const STATUS: Label = open("status", &["ok"]);
const ERROR: Label = open("error", &[]);
const REASON: Label = label("reason", &["contention", "key_taken", "connection_lost", "lease_lost", "overtaken"]);
const USE: Label = label("state", &["idle", "busy"]);
const VERSION: Label = label("version", &[env!("CARGO_PKG_VERSION")]);

/// An acknowledgement: single milliseconds.
const ANSWERS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// A call over the network, up to its time-out.
const CALLS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Work under a lease: two calls and a transaction, up to the lease.
const WORK: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
/// From idle (milliseconds) to a backlog after an outage (an hour).
const LAG: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
/// From a sweep of a small site to a full run that a rate limit stretches over the day.
const RUNS_TAKE: &[f64] =
    &[0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0];
const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
const ATTEMPTS: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0];

metrics! {
    BUILD = "customer_sync_build_info" Gauge [VERSION] "Always 1; the label tells the version.";

    DELIVERIES = "customer_sync_deliveries_total" Counter [VERDICT] "Webhooks received, by what became of them.";
    INGEST = "customer_sync_ingest_seconds" Histogram(ANSWERS) [] "Time from a webhook's arrival to its answer.";
    COMMIT_BATCH = "customer_sync_commit_batch_size" Histogram(BATCHES) [] "Webhooks that were stored in one transaction.";

    QUEUE = "customer_sync_queue_jobs" Gauge [LANE] "Jobs that are due: of webhooks and people (fast), of runs and polling (bulk).";
    QUEUE_OLDEST = "customer_sync_queue_oldest_seconds" Gauge [LANE] "How long the oldest due job has been waiting.";
    QUEUE_LATER = "customer_sync_queue_later_jobs" Gauge [] "Jobs that are being worked on, or wait for their next attempt.";
    QUEUE_DEAD = "customer_sync_queue_dead_jobs" Gauge [] "Jobs that gave up and wait for a person or the next webhook.";
    JOBS = "customer_sync_jobs_total" Counter [OUTCOME] "Jobs worked on, by how that ended.";
    JOB_SECONDS = "customer_sync_job_seconds" Histogram(WORK) [] "Time from the claim of a job to the commit that settled it.";
    JOB_ATTEMPTS = "customer_sync_job_attempts" Histogram(ATTEMPTS) [] "Attempts that a job had needed when it was done or gave up.";
    JOB_ERRORS = "customer_sync_job_errors_total" Counter [ERROR] "Failed attempts of jobs, by error.";
    LEASES_LOST = "customer_sync_leases_lost_total" Counter [] "Jobs whose lease ran out before their work was written.";

    ROWS = "customer_sync_rows_total" Counter [EFFECT] "Customers processed, by what it did to their row.";
    CHANGES = "customer_sync_changes_total" Counter [FOUND_BY] "Changes written to rows, by who found them: a growing polling says that webhooks are lost.";
    WEBHOOK_TO_ROW = "customer_sync_webhook_to_row_seconds" Histogram(LAG) [] "Time from a webhook's arrival until its customer's row was right.";
    HIDDEN = "customer_sync_hidden_documents" Gauge [DOCTYPE] "Documents in ERPNext that the sync user may not see, as the last sweep counted them.";
    DIFFERENCES = "customer_sync_differences" Gauge [DIFFERENCE] "Differences from ERPNext in the customers that schedule.verify compared last, by what is wrong.";
    VERIFIED = "customer_sync_verified_customers" Gauge [] "Customers that schedule.verify compared last.";
    VERIFIED_AT = "customer_sync_verified_timestamp_seconds" Gauge [] "When schedule.verify last compared customers; 0 for never.";
    SUGGESTIONS = "customer_sync_open_suggestions" Gauge [] "Questions to a person about which row belongs to which customer of ERPNext.";

    ERPNEXT_CALLS = "customer_sync_erpnext_calls_total" Counter [CALL, STATUS] "Calls to ERPNext, by kind of call and answer.";
    ERPNEXT_SECONDS = "customer_sync_erpnext_call_seconds" Histogram(CALLS) [CALL] "Duration of calls to ERPNext.";
    BUDGET = "customer_sync_erpnext_budget_left_ratio" Gauge [] "What is left of ERPNext's rate limit for everybody, as it last told; 1 without a limit.";
    SHARE = "customer_sync_erpnext_share_left_ratio" Gauge [] "What is left of the fifth of ERPNext's rate limit that this service may use; 1 without a limit.";
    BREAKER = "customer_sync_erpnext_breaker_open" Gauge [] "1 while ERPNext is not called because it keeps failing.";
    PAUSED = "customer_sync_erpnext_paused" Gauge [] "1 while work is paused because ERPNext refuses the key.";

    RUNS = "customer_sync_runs_total" Counter [KIND, RESULT] "Runs that ended, by kind and how; held ones wait for a person.";
    RUN_SECONDS = "customer_sync_run_seconds" Histogram(RUNS_TAKE) [KIND] "Duration of runs from their start to their end; those that somebody stopped or replaced do not count.";
    RUN_ACTIVE = "customer_sync_run_active" Gauge [KIND] "1 while a run of that kind is running.";
    RUN_CUSTOMERS = "customer_sync_run_customers" Gauge [KIND, PROGRESS] "Customers of the running run, by how far it is; 0 while none is running.";
    RUN_LAST_SUCCESS = "customer_sync_run_last_success_timestamp_seconds" Gauge [KIND] "When a run of that kind last succeeded, a catch-up that found nothing included; 0 for never.";
    RUNS_HELD = "customer_sync_runs_held" Gauge [KIND] "Runs that are held until a person approves or discards what they would remove.";
    CANDIDATES = "customer_sync_held_candidates" Gauge [] "Customers that held runs would remove.";
    SCHEDULE_PAUSED = "customer_sync_schedule_paused" Gauge [SCHEDULE] "1 while a person has paused that schedule.";

    DATABASE_UP = "customer_sync_database_up" Gauge [] "1 while the database answers; while it is 0 the gauges of queue and runs keep their last values.";
    CONNECTIONS = "customer_sync_database_connections" Gauge [USE] "Open connections to the database.";
    CONNECTIONS_MAX = "customer_sync_database_connections_max" Gauge [] "Most connections that may be open at once.";
    REPEATS = "customer_sync_transaction_repeats_total" Counter [REASON] "Transactions repeated after a conflict in the database or a lost connection.";

    PROCESS_CPU = "process_cpu_seconds_total" Counter [] "Processor time that the process used (Linux only, like all process metrics).";
    PROCESS_RESIDENT = "process_resident_memory_bytes" Gauge [] "Memory that the process occupies.";
    PROCESS_VIRTUAL = "process_virtual_memory_bytes" Gauge [] "Address space of the process.";
    PROCESS_FDS = "process_open_fds" Gauge [] "Open file descriptors.";
    PROCESS_MAX_FDS = "process_max_fds" Gauge [] "Most file descriptors that may be open.";
    PROCESS_THREADS = "process_threads" Gauge [] "Threads of the process.";
    PROCESS_START = "process_start_time_seconds" Gauge [] "When the process started, in seconds since 1970.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::job::Cause;
    use crate::domain::run::RunState;

    #[test]
    fn names_are_what_dashboards_rely_on() {
        let line = |metric: &Metric| {
            let labels: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
            format!("{} {} {}", metric.name, metric.kind.as_str(), labels.join(",")).trim_end().to_owned()
        };
        insta::assert_snapshot!(ALL.iter().map(line).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn names_follow_the_conventions() {
        for metric in ALL {
            assert!(
                metric.name.starts_with("customer_sync_") || metric.name.starts_with("process_"),
                "{}",
                metric.name
            );
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted(), "{}", metric.name);
            }
        }
    }

    #[test]
    fn labels_know_the_words_of_the_domain() {
        assert!(Cause::ALL.iter().all(|cause| FOUND_BY.values.contains(&cause.found_by())));
        let ends = RunState::ALL.into_iter().filter(|state| *state != RunState::Running);
        assert!(ends.clone().all(|state| RESULT.values.contains(&state.as_str())));
        assert_eq!(RESULT.values.len(), ends.count());
    }
}
