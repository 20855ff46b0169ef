//! The exporter of this process: what `GET /metrics` shows.
//!
//! Invariant: rendering asks nobody, neither the database nor ERPNext, so a scrape is cheap and works while both are away.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, PrometheusHandle};

use super::instruments::{Instruments, recorder};
use super::{process, table};

/// Renders what was recorded.
#[derive(Debug, Clone)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// The text of `GET /metrics`, in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        process::render(&mut text);
        text
    }

    /// Moves recorded durations into their buckets. To be called every few seconds, because between two renderings they
    /// would otherwise pile up.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

static INSTALLED: OnceLock<(Instruments, Exporter)> = OnceLock::new();

/// Hands the instruments of this process to a recording function, if there are any.
pub(super) fn with(record: impl FnOnce(&Instruments)) {
    if let Some((instruments, _exporter)) = INSTALLED.get() {
        record(instruments);
    }
}

/// Starts recording in this process. Later calls give the same exporter.
///
/// # Errors
/// Only where the buckets of the table are declared wrongly.
pub fn install() -> Result<Exporter, BuildError> {
    if let Some((_instruments, exporter)) = INSTALLED.get() {
        return Ok(exporter.clone());
    }
    let recorder = recorder()?;
    let (instruments, exporter) = INSTALLED.get_or_init(|| {
        let exporter = Exporter(recorder.handle());
        (Instruments::new(recorder), exporter)
    });
    instruments.gauge(&table::BUILD, &[env!("CARGO_PKG_VERSION")]).set(1.0);
    Ok(exporter.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::super::record;
    use super::*;
    use crate::domain::job::{Cause, Lane};
    use crate::telemetry::metrics::Kind;

    /// Moves what has no first value before it happens.
    fn measure() {
        let second = Duration::from_secs(1);
        record::erpnext_budget(1.0, 1.0);
        record::breaker(false);
        record::paused(false);
        record::queue(Lane::Fast, 1, second);
        record::queue_rest(0, 0);
        record::hidden(crate::domain::hint::Doctype::Customer, 0);
        record::differences(crate::domain::difference::DifferenceKind::Stale, 0);
        record::verified(0, second);
        record::suggestions(0);
        record::running(crate::domain::run::RunKind::Full, None);
        record::last_success(crate::domain::run::RunKind::Full, second);
        record::held(crate::domain::run::RunKind::Sweep, 0);
        record::candidates(0);
        record::schedule_paused("full", false);
        record::database(true);
        record::connections(1, 1, 12);
        record::job_error("timeout");
    }

    /// Whether the line is a sample of that metric, not of another whose name begins alike.
    fn sample_of(line: &str, name: &str) -> bool {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']) || rest.starts_with("_bucket{"))
    }

    #[test]
    fn what_is_shown_is_the_table() {
        let exporter = install().unwrap();
        measure();
        record::committed(3);
        record::change(Cause::Webhook);
        let text = exporter.render();
        let shown: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert_eq!(shown, table::ALL.iter().map(|metric| metric.name).collect());
        for metric in table::ALL {
            let line = text.lines().find(|line| sample_of(line, metric.name)).unwrap();
            assert!(metric.labels.iter().all(|label| line.contains(&format!("{}=\"", label.name))), "{line}");
            assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
            assert!(text.contains(&format!("# TYPE {} {}", metric.name, metric.kind.as_str())), "{}", metric.name);
        }
        assert!(text.contains("customer_sync_commit_batch_size_bucket{le=\"4\"} 1"), "{text}");
        assert!(text.contains("customer_sync_changes_total{found_by=\"webhook\"} 1"), "{text}");
    }

    #[test]
    fn counters_show_every_known_value_from_zero() {
        let text = install().unwrap().render();
        for metric in table::ALL.iter().filter(|metric| metric.kind == Kind::Counter) {
            for label in metric.labels {
                for value in label.values {
                    let shown = text.lines().any(|line| {
                        line.starts_with(metric.name) && line.contains(&format!("{}=\"{value}\"", label.name))
                    });
                    assert!(shown, "{} {value}", metric.name);
                }
            }
        }
    }
}
