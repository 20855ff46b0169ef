//! The table brought to life: what a recorder needs to know of each metric, and handles for those that are recorded often.
//!
//! Invariant: recording a webhook, a job or a row looks up no key and allocates nothing: its handles are made once, here.
//! Gauges are shown from their first measurement on, counters and histograms from zero.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};

use super::table::{self, Kind, Metric};

static METADATA: Metadata<'static> = Metadata::new("customer_sync", Level::INFO, None);

/// One handle for each value of a label.
pub(super) struct PerWord<H>(Vec<(&'static str, H)>);

impl<H> PerWord<H> {
    fn of(metric: &Metric, handle: impl Fn(&[&'static str]) -> H) -> Self {
        let words = metric.labels.first().map_or(&[][..], |label| label.values);
        Self(words.iter().map(|word| (*word, handle(&[*word]))).collect())
    }

    /// The handle of that value; comparing a few short words is cheaper than hashing one.
    pub(super) fn get(&self, word: &str) -> Option<&H> {
        self.0.iter().find(|(own, _handle)| *own == word).map(|(_own, handle)| handle)
    }
}

/// Everything that is recorded through handles.
pub(super) struct Instruments {
    recorder: PrometheusRecorder,
    pub(super) deliveries: PerWord<Counter>,
    pub(super) ingest: Histogram,
    pub(super) commit_batch: Histogram,
    pub(super) jobs: PerWord<Counter>,
    pub(super) job_seconds: Histogram,
    pub(super) job_attempts: Histogram,
    pub(super) leases_lost: Counter,
    pub(super) rows: PerWord<Counter>,
    pub(super) changes: PerWord<Counter>,
    pub(super) webhook_to_row: Histogram,
}

impl Instruments {
    pub(super) fn new(recorder: PrometheusRecorder) -> Self {
        let begin = Begin(&recorder);
        table::ALL.iter().filter(|metric| is_ours(metric)).for_each(|metric| begin.show(metric));
        let counter = |metric| begin.counter(metric, &[]);
        let counters = |metric| PerWord::of(metric, |values| begin.counter(metric, values));
        let histogram = |metric| begin.histogram(metric, &[]);
        Self {
            deliveries: counters(&table::DELIVERIES),
            ingest: histogram(&table::INGEST),
            commit_batch: histogram(&table::COMMIT_BATCH),
            jobs: counters(&table::JOBS),
            job_seconds: histogram(&table::JOB_SECONDS),
            job_attempts: histogram(&table::JOB_ATTEMPTS),
            leases_lost: counter(&table::LEASES_LOST),
            rows: counters(&table::ROWS),
            changes: counters(&table::CHANGES),
            webhook_to_row: histogram(&table::WEBHOOK_TO_ROW),
            recorder,
        }
    }

    /// The counter with those values of the metric's labels; looked up, so for what happens rarely.
    pub(super) fn counter(&self, metric: &'static Metric, values: &[&'static str]) -> Counter {
        Begin(&self.recorder).counter(metric, values)
    }

    /// The histogram with those values; looked up.
    pub(super) fn histogram(&self, metric: &'static Metric, values: &[&'static str]) -> Histogram {
        Begin(&self.recorder).histogram(metric, values)
    }

    /// The gauge with those values; looked up.
    pub(super) fn gauge(&self, metric: &'static Metric, values: &[&'static str]) -> Gauge {
        self.recorder.register_gauge(&key(metric, values), &METADATA)
    }
}

/// A recorder that knows the buckets of every histogram.
pub(super) fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in table::ALL {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    Ok(builder.build_recorder())
}

/// Process metrics are read when they are asked for, by `process`.
fn is_ours(metric: &Metric) -> bool {
    metric.name.starts_with("customer_sync_")
}

struct Begin<'r>(&'r PrometheusRecorder);

impl Begin<'_> {
    /// Describes a metric, and shows it with all known values of its labels.
    fn show(&self, metric: &'static Metric) {
        let (name, help) = (metric.name.into(), metric.help.into());
        match metric.kind {
            Kind::Counter => self.0.describe_counter(name, None, help),
            Kind::Gauge => self.0.describe_gauge(name, None, help),
            Kind::Histogram(_) => self.0.describe_histogram(name, None, help),
        }
        for values in combinations(metric) {
            match metric.kind {
                Kind::Counter => self.counter(metric, &values).absolute(0),
                Kind::Histogram(_) => drop(self.histogram(metric, &values)),
                Kind::Gauge => {}
            }
        }
    }

    fn counter(&self, metric: &'static Metric, values: &[&'static str]) -> Counter {
        self.0.register_counter(&key(metric, values), &METADATA)
    }

    fn histogram(&self, metric: &'static Metric, values: &[&'static str]) -> Histogram {
        self.0.register_histogram(&key(metric, values), &METADATA)
    }
}

fn key(metric: &'static Metric, values: &[&'static str]) -> Key {
    let labels: Vec<Label> =
        metric.labels.iter().zip(values).map(|(label, value)| Label::from_static_parts(label.name, value)).collect();
    Key::from_parts(metric.name, labels)
}

/// Every combination of the known values of a metric's labels; one empty one where it has no labels.
fn combinations(metric: &Metric) -> Vec<Vec<&'static str>> {
    metric.labels.iter().fold(vec![Vec::new()], |begun, label| {
        let with = |values: &Vec<&'static str>| {
            let values = values.clone();
            label.values.iter().map(move |word| [values.as_slice(), &[*word]].concat())
        };
        begun.iter().flat_map(with).collect()
    })
}
