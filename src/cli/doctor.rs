//! `customer-sync doctor`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::block_on;
use super::output::say;
use super::setup::key;
use crate::config::{ByteSize, Inputs, Secret};
use crate::doctor::{self, Finding, Options, Report, Severity};

/// Lines are broken before this column.
const WIDTH: usize = 110;
/// Where the text of a finding begins.
const INDENT: &str = "           ";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Show only what is wrong
    #[arg(long, short)]
    quiet: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Free space below which a disk is called nearly full
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = ByteSize::parse)]
    least_free: ByteSize,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let inputs = Inputs::of_process(path, Vec::new(), false);
        let is_colourful = std::io::stdout().is_terminal() && !inputs.environment.contains_key("NO_COLOR");
        let least_free = u64::try_from(self.least_free.bytes()).unwrap_or(u64::MAX);
        let admin_key = key::read(None, &inputs.environment)?;
        let admin_key = admin_key.map(|(key, secret)| (Secret::new(key), Secret::new(secret)));
        let report = block_on(async { Ok(doctor::examine(inputs, Options { least_free, admin_key }).await) })?;
        if self.json {
            say(serde_json::to_string_pretty(&report)?)?;
        } else {
            say(screen(&report, self.quiet, is_colourful).trim_end())?;
        }
        Ok(if report.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The report as one screen.
fn screen(report: &Report, quiet: bool, is_colourful: bool) -> String {
    let mut screen = String::new();
    for part in &report.parts {
        let is_shown = |finding: &&Finding| !quiet || finding.severity >= Severity::Warning;
        let lines: Vec<String> =
            part.findings.iter().filter(is_shown).map(|finding| lines(finding, is_colourful)).collect();
        if !lines.is_empty() {
            screen.push_str(&format!("{}\n{}\n", part.part, lines.concat()));
        }
    }
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    screen.push_str(&format!("{}, {}.\n", count(report.problems, "problem"), count(report.warnings, "warning")));
    screen
}

fn lines(finding: &Finding, is_colourful: bool) -> String {
    let (word, colour) = match finding.severity {
        Severity::Ok => ("ok", "32"),
        Severity::Note => ("note", "36"),
        Severity::Warning => ("warning", "33"),
        Severity::Problem => ("PROBLEM", "31;1"),
    };
    let padded = format!("{word:<7}");
    let word = if is_colourful { format!("\u{1b}[{colour}m{padded}\u{1b}[0m") } else { padded };
    let mut text = format!("  {word}  {}\n", wrapped(&finding.what, INDENT));
    if let Some(to_do) = &finding.what_to_do {
        text.push_str(&format!("{INDENT}→ {}\n", wrapped(to_do, &format!("{INDENT}  "))));
    }
    text
}

/// Breaks between words; every further line begins with `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && indent.len() + line + 1 + word.chars().count() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{indent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_between_words_and_stay_in_their_column() {
        let text = wrapped(&"word ".repeat(60), INDENT);
        assert!(text.lines().count() > 2);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with(INDENT)));
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
