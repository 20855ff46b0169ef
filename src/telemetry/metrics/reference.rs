//! The README's list of metrics, rendered from the table.
//!
//! Invariant: every metric appears in it; a test compares the rendered text with the committed one.

use std::fmt::Write;

use super::table::{self, Label};

/// The table of all metrics in Markdown, for the README.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text = String::from("| metric | type | labels | what it tells |\n| --- | --- | --- | --- |\n");
    for metric in table::ALL {
        let labels: Vec<String> = metric.labels.iter().map(label).collect();
        let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join("; "));
    }
    text
}

fn label(label: &Label) -> String {
    let mut values: Vec<&str> = label.values.to_vec();
    match label.name {
        "version" => return "`version`".to_owned(),
        _ if label.open => values.push("…"),
        _ => {}
    }
    format!("`{}`: {}", label.name, values.join(", "))
}
