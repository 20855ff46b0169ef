//! `customer-sync verify [NAME]`.
//!
//! Invariant: what differs is printed as it is found and not kept (but for the ids of rows that another program changed);
//! standard output has nothing but differences and the summary. Nothing is repaired here: `--repair` starts a full run.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::output::{remark, say};
use super::{block_on, load_quietly, told};
use crate::app::look;
use crate::config::Inputs;
use crate::domain::audit::Action;
use crate::domain::difference::{Difference, FieldDifference};
use crate::domain::hint::Doctype;
use crate::domain::run::RunId;
use crate::sync::audit::by_command_line;
use crate::sync::verify::{self, Event, Report, Scope, turn};

/// Exit codes beside 0: something differs; nothing can be said.
const DIFFERS: u8 = 1;
const FAILED: u8 = 2;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// ERPNext's name of the one customer to compare [default: all of them]
    name: Option<String>,

    /// Compare only so many of ERPNext's customers and so many of ours, chosen at random
    #[arg(long, value_name = "N", conflicts_with = "name")]
    sample: Option<NonZeroUsize>,

    /// Seconds until what differs is looked at again: longer than webhooks take
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    settle: u16,

    /// Start a full run that repairs what differs; serve does it, or customer-sync sync
    #[arg(long)]
    repair: bool,

    /// Print one JSON object per difference, each on a line of its own, and one with the counts at the end
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> ExitCode {
        self.compare(path).unwrap_or_else(|error| {
            eprintln!("customer-sync: {}", told(&error));
            ExitCode::from(FAILED)
        })
    }

    fn compare(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        let settle = Duration::from_secs(self.settle.into());
        let scope = match (self.name, self.sample) {
            (Some(name), _) => Scope::One(name),
            (None, Some(size)) => Scope::Sample(size.get()),
            (None, None) => Scope::All,
        };
        block_on(async {
            let context = look(&config).await?;
            let began = Instant::now();
            let total = match scope {
                Scope::All => context.client.visible_count(Doctype::Customer.as_str()).await.ok(),
                Scope::Sample(_) | Scope::One(_) => None,
            };
            let mut shown = Shown::new(total, self.json);
            let mut changed_here = BTreeSet::new();
            let report = verify::run(&context, &scope, settle, &mut |event| {
                if let Event::Found(found) = &event {
                    changed_here.extend(found.customer.filter(|_customer| found.changed_here));
                }
                shown.take(event);
            })
            .await;
            shown.end();
            let Some(report) = report? else {
                bail!("neither ERPNext nor this database has a customer of that name");
            };
            let run = match self.repair && report.drift() > 0 {
                true => {
                    by_command_line(&context.store, Action::RunStart, None).await?;
                    Some(turn::repair(&context, &changed_here).await?)
                }
                false => None,
            };
            context.store.close().await;
            if self.json {
                say(serde_json::to_string(&report)?)?;
            } else {
                say(summary(&report, began.elapsed(), run))?;
            }
            Ok(if report.is_equal() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
        })
    }
}

/// What is shown on the way.
struct Shown {
    /// `None` without a terminal.
    bar: Option<ProgressBar>,
    json: bool,
}

impl Shown {
    fn new(total: Option<u64>, json: bool) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, template) = match total {
                Some(total) => (ProgressBar::new(total), "{bar:40} {pos}/{len} customers {msg}"),
                None => (ProgressBar::new_spinner(), "{spinner} {pos} customers {msg}"),
            };
            bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_never| ProgressStyle::default_bar()))
        });
        Self { bar, json }
    }

    fn take(&mut self, event: Event<'_>) {
        match (event, &self.bar) {
            (Event::Found(difference), Some(bar)) => bar.suspend(|| self.print(&difference)),
            (Event::Found(difference), None) => self.print(&difference),
            (Event::Looked(count), Some(bar)) => {
                bar.set_message("");
                bar.set_position(count);
            }
            (Event::Waiting(count), Some(bar)) => bar.set_message(format!("{count} differ and are looked at again")),
            (Event::Trouble(why), Some(bar)) => bar.set_message(format!("paused: {why}")),
            (Event::Trouble(why), None) => eprintln!("paused: {why}"),
            (Event::Looked(_) | Event::Waiting(_), None) => {}
        }
    }

    fn print(&self, difference: &Difference) {
        if self.json {
            remark(serde_json::to_string(difference).unwrap_or_default());
            return;
        }
        let Difference { kind, erpnext_id, customer, fields, why, .. } = difference;
        let row = customer.map(|id| format!(" (customer {id})")).unwrap_or_default();
        remark(format_args!("{:<14}{erpnext_id}{row}: {why}", kind.as_str()));
        for FieldDifference { field, ours, erpnext } in fields {
            remark(format_args!("{:14}  {field}: here {}, in ERPNext {}", "", shown(ours), shown(erpnext)));
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "nothing".to_owned() } else { value.to_string() }
}

/// `run` is the one that was started to repair it.
fn summary(report: &Report, took: Duration, run: Option<RunId>) -> String {
    let mut parts = vec![format!("{} equal", report.equal)];
    parts.extend(report.found.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())));
    if report.left_out > 0 {
        parts.push(format!("{} rightly without a row", report.left_out));
    }
    let mut summary =
        format!("Compared {} customers in {:.1} s: {}.", report.checked, took.as_secs_f64(), parts.join(", "));
    if report.busy > 0 {
        summary.push_str(&format!(
            "\nNothing can be said about {} more: they are being changed, or wait for a worker.",
            report.busy
        ));
    }
    if report.drift() > 0 {
        summary.push_str(&match run {
            None => "\nTo repair: customer-sync verify --repair".to_owned(),
            Some(run) => format!(
                "\nRun {run} repairs it: a serve that runs does it now; else customer-sync sync, then customer-sync runs sweep."
            ),
        });
    }
    summary
}
