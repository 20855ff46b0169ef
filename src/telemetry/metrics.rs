//! Every metric of the service: its declaration in one table, and one function that records it.
//!
//! Invariant: no other module names a metric, and every label takes its values from a small fixed set (words of an enum,
//! never names or ids), so that the number of time series is bounded. A test holds table and functions together.
//!
//! What the numbers are computed from (queue depth, say) is the caller's business.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, Lane};
use crate::domain::plan::Effect;
use crate::domain::run::{RunKind, RunState};

/// What Prometheus calls the type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, in buckets.
    Seconds,
    /// Counts of things, in buckets.
    Sizes,
}

/// The declaration of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Name, with its unit as Prometheus wants it.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// One sentence for people.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($constant:ident = $name:literal $kind:ident [$($label:literal),*] $help:literal;)+) => {
        $(const $constant: Metric = Metric {
            name: concat!("customer_sync_", $name), kind: Kind::$kind, help: $help, labels: &[$($label),*],
        };)+
        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    BUILD = "build_info" Gauge ["version"] "Always 1; the label tells the version.";
    DELIVERIES = "deliveries_total" Counter ["verdict"] "Webhooks received, by what became of them.";
    INGEST = "ingest_seconds" Seconds [] "Time from a webhook's arrival to its answer.";
    COMMIT_BATCH = "commit_batch_size" Sizes [] "Webhooks that were stored in one transaction.";
    JOBS = "jobs_total" Counter ["outcome"] "Jobs worked on, by how they ended.";
    JOB_ERRORS = "job_errors_total" Counter ["error"] "Failed attempts of jobs, by error.";
    ROWS = "rows_total" Counter ["effect"] "Customers processed, by what it did to their row.";
    CHANGES = "changes_total" Counter ["found_by"] "Changes written to rows, by who found them: a growing polling says that webhooks are lost.";
    ERPNEXT_CALLS = "erpnext_calls_total" Counter ["call", "status"] "Calls to ERPNext, by kind of call and answer.";
    ERPNEXT_SECONDS = "erpnext_call_seconds" Seconds ["call"] "Duration of calls to ERPNext.";
    BREAKER = "erpnext_breaker_open" Gauge [] "1 while ERPNext is not called because it keeps failing.";
    PAUSED = "erpnext_paused" Gauge [] "1 while work is paused because ERPNext refuses the key.";
    QUEUE = "queue_jobs" Gauge ["lane"] "Jobs that are due.";
    QUEUE_DEAD = "queue_dead_jobs" Gauge [] "Jobs that gave up and wait for a person or the next webhook.";
    QUEUE_OLDEST = "queue_oldest_seconds" Gauge [] "How long the oldest due job has been waiting.";
    HIDDEN = "hidden_documents" Gauge ["doctype"] "Documents in ERPNext that the sync user may not see, as the last sweep counted them.";
    REPEATS = "transaction_repeats_total" Counter ["reason"] "Transactions repeated after a conflict in the database.";
    RUNS = "runs_total" Counter ["kind", "result"] "Runs that ended, by kind and how.";
    LEASES_LOST = "leases_lost_total" Counter [] "Jobs whose lease ran out before their work was written.";
}

/// What became of a webhook at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Durable, and a job was put.
    Queued,
    /// Durable; its doctype makes no work.
    Ignored,
    /// Durable; it does not tell which document it is about.
    Unusable,
    /// Missing or wrong signature.
    Unsigned,
    /// Larger than the limit.
    Oversized,
    /// Its body did not arrive in time.
    Slow,
    /// Too many at once.
    Overloaded,
    /// The database could not take it.
    Unavailable,
    /// No secret is configured.
    Closed,
}

impl Received {
    /// Every value.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Ignored,
        Self::Unusable,
        Self::Unsigned,
        Self::Oversized,
        Self::Slow,
        Self::Overloaded,
        Self::Unavailable,
        Self::Closed,
    ];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ignored => "ignored",
            Self::Unusable => "unusable",
            Self::Unsigned => "unsigned",
            Self::Oversized => "oversized",
            Self::Slow => "slow",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Closed => "closed",
        }
    }
}

/// A webhook was answered after `took`.
pub fn delivery(received: Received, took: Duration) {
    counter!(DELIVERIES.name, "verdict" => received.as_str()).increment(1);
    histogram!(INGEST.name).record(took);
}

/// So many webhooks became durable together.
#[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
pub fn committed(batch: usize) {
    histogram!(COMMIT_BATCH.name).record(batch as f64);
}

/// A job ended: `done`, `again`, `retry` or `dead`.
pub fn job(outcome: &'static str) {
    counter!(JOBS.name, "outcome" => outcome).increment(1);
}

/// An attempt failed with the error of that label.
pub fn job_error(label: &'static str) {
    counter!(JOB_ERRORS.name, "error" => label).increment(1);
}

/// A customer was processed.
pub fn row(effect: Effect) {
    counter!(ROWS.name, "effect" => effect.as_str()).increment(1);
}

/// A row was changed, added, linked or marked deleted for a job of that cause.
pub fn change(cause: Cause) {
    counter!(CHANGES.name, "found_by" => cause.found_by()).increment(1);
}

/// A call to ERPNext ended; `status` is the HTTP status or the error's label.
pub fn erpnext_call(call: &'static str, status: &'static str, took: Duration) {
    counter!(ERPNEXT_CALLS.name, "call" => call, "status" => status).increment(1);
    histogram!(ERPNEXT_SECONDS.name, "call" => call).record(took);
}

/// The circuit breaker opened or closed.
pub fn breaker(open: bool) {
    gauge!(BREAKER.name).set(f64::from(u8::from(open)));
}

/// The site was paused or resumed.
pub fn paused(paused: bool) {
    gauge!(PAUSED.name).set(f64::from(u8::from(paused)));
}

/// So many jobs of that lane are due.
#[expect(clippy::cast_precision_loss, reason = "a queue is far below 2^52")]
pub fn queue(lane: Lane, jobs: u64) {
    let lane = match lane {
        Lane::Fast => "fast",
        Lane::Bulk => "bulk",
    };
    gauge!(QUEUE.name, "lane" => lane).set(jobs as f64);
}

/// So many jobs are dead, and the oldest due one has been waiting for so long.
#[expect(clippy::cast_precision_loss, reason = "a queue is far below 2^52")]
pub fn queue_health(dead: u64, oldest: Duration) {
    gauge!(QUEUE_DEAD.name).set(dead as f64);
    gauge!(QUEUE_OLDEST.name).set(oldest.as_secs_f64());
}

/// So many documents of that doctype are hidden from the sync user.
#[expect(clippy::cast_precision_loss, reason = "a number of documents is far below 2^52")]
pub fn hidden(doctype: Doctype, count: u64) {
    gauge!(HIDDEN.name, "doctype" => doctype.as_str()).set(count as f64);
}

/// A transaction was repeated because of a deadlock, a serialization failure and so on.
pub fn transaction_repeated(reason: &'static str) {
    counter!(REPEATS.name, "reason" => reason).increment(1);
}

/// A run ended like that.
pub fn run(kind: RunKind, result: RunState) {
    counter!(RUNS.name, "kind" => kind.as_str(), "result" => result.as_str()).increment(1);
}

/// A lease was lost before the write.
pub fn lease_lost() {
    counter!(LEASES_LOST.name).increment(1);
}

/// Renders what was recorded.
#[derive(Debug, Clone)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// The text of `GET /metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Moves recorded durations into their buckets. To be called every few seconds, because between two renderings they
    /// would otherwise pile up.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Starts recording in this process. Later calls give the same exporter.
///
/// # Errors
/// Only where the buckets below are declared wrongly.
pub fn install() -> Result<Exporter, BuildError> {
    static EXPORTER: OnceLock<Exporter> = OnceLock::new();
    if let Some(exporter) = EXPORTER.get() {
        return Ok(exporter.clone());
    }
    let recorder = recorder()?;
    let exporter = EXPORTER.get_or_init(|| {
        let exporter = Exporter(recorder.handle());
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is in place; /metrics will be empty");
        }
        begin();
        exporter
    });
    Ok(exporter.clone())
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
    const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
    let mut builder = PrometheusBuilder::new();
    for metric in ALL {
        let buckets: &[f64] = match metric.kind {
            Kind::Seconds => &SECONDS,
            Kind::Sizes => &SIZES,
            Kind::Counter | Kind::Gauge => continue,
        };
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
    }
    Ok(builder.build_recorder())
}

/// Describes everything, and shows counters from zero where no label keeps us from it: a rate needs a first value.
fn begin() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Seconds | Kind::Sizes => metrics::describe_histogram!(metric.name, metric.help),
        }
        if metric.kind == Kind::Counter && metric.labels.is_empty() {
            counter!(metric.name).absolute(0);
        }
    }
    for received in Received::ALL {
        counter!(DELIVERIES.name, "verdict" => received.as_str()).absolute(0);
    }
    for cause in Cause::ALL {
        counter!(CHANGES.name, "found_by" => cause.found_by()).absolute(0);
    }
    gauge!(BUILD.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What a recorder shows after every recording function ran once.
    fn rendered() -> String {
        let recorder = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            begin();
            let took = Duration::from_millis(3);
            delivery(Received::Queued, took);
            committed(3);
            job("done");
            job_error("timeout");
            row(Effect::Created);
            change(Cause::Webhook);
            erpnext_call("list", "200", took);
            breaker(true);
            paused(false);
            queue(Lane::Fast, 2);
            queue_health(1, took);
            hidden(Doctype::Customer, 1);
            transaction_repeated("deadlock");
            run(RunKind::Full, RunState::Succeeded);
            lease_lost();
        });
        recorder.handle().render()
    }

    #[test]
    fn table_and_functions_agree() {
        let text = rendered();
        let shown: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert_eq!(shown, ALL.iter().map(|metric| metric.name).collect());
        for metric in ALL {
            let line = text.lines().find(|line| line.starts_with(metric.name)).unwrap();
            assert!(metric.labels.iter().all(|label| line.contains(&format!("{label}=\""))), "{line}");
            assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
        }
    }

    #[test]
    fn names_are_what_dashboards_rely_on() {
        let table: Vec<String> =
            ALL.iter().map(|m| format!("{} {:?} {}", m.name, m.kind, m.labels.join(","))).collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        customer_sync_build_info Gauge version
        customer_sync_deliveries_total Counter verdict
        customer_sync_ingest_seconds Seconds 
        customer_sync_commit_batch_size Sizes 
        customer_sync_jobs_total Counter outcome
        customer_sync_job_errors_total Counter error
        customer_sync_rows_total Counter effect
        customer_sync_changes_total Counter found_by
        customer_sync_erpnext_calls_total Counter call,status
        customer_sync_erpnext_call_seconds Seconds call
        customer_sync_erpnext_breaker_open Gauge 
        customer_sync_erpnext_paused Gauge 
        customer_sync_queue_jobs Gauge lane
        customer_sync_queue_dead_jobs Gauge 
        customer_sync_queue_oldest_seconds Gauge 
        customer_sync_hidden_documents Gauge doctype
        customer_sync_transaction_repeats_total Counter reason
        customer_sync_runs_total Counter kind,result
        customer_sync_leases_lost_total Counter
        "#);
    }

    #[test]
    fn durations_are_histograms() {
        let text = rendered();
        assert!(text.contains("customer_sync_ingest_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("customer_sync_commit_batch_size_bucket{le=\"4\"} 1"), "{text}");
    }
}
