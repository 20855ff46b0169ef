//! The report of a run: Markdown for people, JSON for programs.
//!
//! Invariant: both are made of the same sheet, and say which machine, when, and by which command.

use serde_json::json;

use super::machine::Machine;
use super::sheet::Sheet;
use super::table;
use super::targets::{Target, judge};

/// A finished run.
pub struct Report<'a> {
    sheet: &'a Sheet,
    targets: Vec<Target>,
    machine: Machine,
    command: String,
}

impl<'a> Report<'a> {
    /// Judges what was measured.
    pub fn new(sheet: &'a Sheet, short: bool) -> Self {
        // The first argument is the path of the benchmark, `--bench` comes from cargo.
        let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let command =
            if given.is_empty() { "cargo bench".to_owned() } else { format!("cargo bench -- {}", given.join(" ")) };
        let mut targets = judge(sheet);
        if short {
            // What is small and rough judges nothing.
            targets.clear();
        }
        Self { sheet, targets, machine: Machine::here(), command }
    }

    /// Targets first, then the figures; for people.
    pub fn markdown(&self) -> String {
        let mut text = format!("`{}`: {}\n\n", self.command, self.machine);
        if !self.targets.is_empty() {
            text.push_str("| target | asked | measured | |\n| --- | ---: | ---: | --- |\n");
            self.targets.iter().for_each(|target| text.push_str(&target.row()));
            text.push('\n');
        }
        text.push_str(&self.misses());
        text.push_str(&format!(
            "<details><summary>All figures</summary>\n\n{}</details>\n",
            table::markdown(self.sheet.figures())
        ));
        text
    }

    /// What was missed and why, a line for each reason.
    fn misses(&self) -> String {
        let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
        for target in &self.targets {
            let Some(reason) = target.miss() else { continue };
            match lines.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, missed)) => missed.push(&target.what),
                None => lines.push((reason, vec![&target.what])),
            }
        }
        let lines: String =
            lines.iter().map(|(reason, missed)| format!("- *{}*: {reason}\n", missed.join("; "))).collect();
        if lines.is_empty() { lines } else { format!("What was missed, and why:\n\n{lines}\n") }
    }

    /// Everything, for programs.
    pub fn json(&self) -> anyhow::Result<String> {
        let report = json!({
            "command": self.command,
            "machine": self.machine,
            "figures": self.sheet.figures(),
            "targets": self.targets,
        });
        Ok(serde_json::to_string_pretty(&report)?)
    }
}
