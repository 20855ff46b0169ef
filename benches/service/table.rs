//! Figures as Markdown tables: one per scenario, a row for each database and case, a column for each kind of figure.
//!
//! Invariant: only lays out; nothing is computed here.

use std::fmt::Write;

use super::sheet::Figure;

/// The tables of all scenarios.
pub fn markdown(figures: &[Figure]) -> String {
    let mut text = String::new();
    for scenario in distinct(figures.iter().map(|figure| figure.scenario)) {
        let figures: Vec<&Figure> = figures.iter().filter(|figure| figure.scenario == scenario).collect();
        text.push_str(&scenario_table(scenario, &figures));
        text.push('\n');
    }
    text
}

fn scenario_table(scenario: &str, figures: &[&Figure]) -> String {
    let columns = distinct(figures.iter().map(|figure| (figure.what, figure.unit)));
    let mut text = format!("| {scenario} | |");
    for (what, unit) in &columns {
        let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
        // Writing to a string cannot fail.
        let _ = write!(text, " {what}{unit} |");
    }
    let _ = write!(text, "\n| --- | --- |{}\n", " ---: |".repeat(columns.len()));
    for (on, case) in distinct(figures.iter().map(|figure| (figure.on.as_str(), figure.case.as_str()))) {
        let _ = write!(text, "| {on} | {case} |");
        for (what, unit) in &columns {
            let of_cell = |f: &&&Figure| f.on == on && f.case == case && f.what == *what && f.unit == *unit;
            let cell = figures.iter().find(of_cell).map_or(String::new(), |figure| number(figure.value));
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

/// Each once, in the order of first appearance.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// Three significant digits where that is less than the whole number, which has its thousands set apart.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => thousands(&format!("{value:.0}")),
        size if size >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
