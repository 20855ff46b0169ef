//! What was measured: a flat list of figures, each with where it comes from.
//!
//! Invariant: a figure is written once and never corrected; tables, JSON and targets only read. Units are part of a
//! figure: `/s`, `ms`, `µs`, `MB` (10⁶ bytes), `customers/s`, or nothing for counts.

use std::time::Duration;

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// The table that it belongs to.
    pub scenario: &'static str,
    /// The database, or another word for what was measured on.
    pub on: String,
    /// Under which circumstances, a row of the table.
    pub case: String,
    /// What was measured, a column of the table.
    pub what: &'static str,
    /// How much.
    pub value: f64,
    /// In which unit.
    pub unit: &'static str,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Sheet {
    figures: Vec<Figure>,
}

impl Sheet {
    /// Begins a row; figures are added to it.
    pub fn row<'a>(&'a mut self, scenario: &'static str, on: &'a str, case: &'a str) -> Row<'a> {
        Row { sheet: self, scenario, on, case }
    }

    /// All figures in the order in which they were measured.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// One value, if it was measured.
    pub fn value(&self, scenario: &str, on: &str, case: &str, what: &str) -> Option<f64> {
        let found = |f: &&Figure| f.scenario == scenario && f.on == on && f.case == case && f.what == what;
        self.figures.iter().find(found).map(|figure| figure.value)
    }
}

/// A row that is being filled.
pub struct Row<'a> {
    sheet: &'a mut Sheet,
    scenario: &'static str,
    on: &'a str,
    case: &'a str,
}

impl Row<'_> {
    /// Adds a figure, and tells it on standard error at once: a benchmark takes long.
    pub fn figure(self, what: &'static str, value: f64, unit: &'static str) -> Self {
        let Self { sheet, scenario, on, case } = self;
        eprintln!("  {scenario} · {on} · {case} · {what}: {} {unit}", crate::table::number(value));
        sheet.figures.push(Figure { scenario, on: on.to_owned(), case: case.to_owned(), what, value, unit });
        Self { sheet, scenario, on, case }
    }
}

/// The value below which that share (0 to 1) of the sorted values lies; `None` without values.
pub fn percentile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = (last as f64 * share).round() as usize;
    sorted.get(index).copied()
}

/// In milliseconds.
pub fn milliseconds(duration: Option<Duration>) -> f64 {
    duration.unwrap_or_default().as_secs_f64() * 1_000.0
}

/// A count as a figure.
pub fn count(things: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let things = things as f64;
    things
}

/// So many things per second.
pub fn rate(things: u64, took: Duration) -> f64 {
    count(things) / took.as_secs_f64()
}

/// The share of each of so many things in that time, in microseconds.
pub fn each(time: Duration, things: u64) -> f64 {
    time.as_secs_f64() * 1_000_000.0 / count(things)
}
