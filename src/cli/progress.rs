//! How far a run is, on standard error: a bar on a terminal, a line now and then elsewhere.
//!
//! Invariant: standard output stays free for the result.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::domain::run::RunKind;
use crate::sync::runs::Run;

/// Lines elsewhere than on a terminal come this far apart, unless there is something new to say.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The display of one run.
pub(super) struct Progress {
    /// `None` without a terminal.
    bar: Option<ProgressBar>,
    said_at: Option<Instant>,
    trouble: Option<String>,
}

impl Progress {
    /// A display that shows nothing yet.
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} customers {msg}");
            bar.with_style(style.unwrap_or_else(|_never| ProgressStyle::default_bar()))
        });
        Self { bar, said_at: None, trouble: None }
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, run: &Run) {
        let total = run.row.total.unwrap_or_default();
        let done = if run.row.kind == RunKind::Full { run.processed } else { run.row.listed };
        let customers = if total == 1 { "customer" } else { "customers" };
        let pace = run.rate.map(|rate| format!("{rate}/s")).unwrap_or_default();
        let left = run.seconds_left.map(|seconds| format!("{seconds} s left")).unwrap_or_default();
        if let Some(bar) = &self.bar {
            bar.set_length(total.unsigned_abs());
            bar.set_position(done.unsigned_abs());
            bar.set_message(match &run.row.paused {
                Some(reason) => format!("paused: {reason}"),
                None => format!("{pace} {left}"),
            });
            return;
        }
        match &run.row.paused {
            Some(reason) => self.trouble(reason),
            None => {
                self.trouble = None;
                if run.row.total.is_some() && self.said_at.is_none_or(|said_at| said_at.elapsed() >= LINE_EVERY) {
                    self.said_at = Some(Instant::now());
                    let words = [pace, left].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
                    eprintln!("{done} of {total} {customers} {words}");
                }
            }
        }
    }

    /// Tells what stands in the way, once.
    pub(super) fn trouble(&mut self, reason: &str) {
        if self.trouble.as_deref() == Some(reason) {
            return;
        }
        self.trouble = Some(reason.to_owned());
        match &self.bar {
            Some(bar) => bar.set_message(format!("paused: {reason}")),
            None => eprintln!("paused: {reason}"),
        }
    }

    /// Makes room for the result.
    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
