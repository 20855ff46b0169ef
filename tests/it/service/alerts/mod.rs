//! The alerts of `deploy/prometheus`: unit-tested, and tried against the running service.
//!
//! Invariant: what is tested is what is shipped. For trials the shipped text is **shortened** by [`shortened`] and in no
//! other way: every `for:` becomes three seconds, every range a hundredth, and every number marked `# seconds` a hundredth where
//! an alert shall fire, a tenth where none shall (a busy machine is slow, too). That the long times are right is told by
//! `promtool test rules` and the healthy hour, which take the rules as they are.

mod healthy;
mod rules;
mod trials;

use std::path::{Path, PathBuf};

use crate::support::prometheus::Prometheus;
use crate::support::serviced::Serviced;

/// How long an alert must be true in a trial.
const FOR: &str = "3s";
/// How much shorter ranges are, and thresholds in seconds where an alert shall fire.
const SHORTER: f64 = 100.0;
/// How much shorter thresholds in seconds are where no alert shall fire.
const LENIENT: f64 = 10.0;

/// `deploy/prometheus`.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus")
}

fn shipped(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// Every alert that is shipped, sorted.
fn names() -> Vec<String> {
    let rules = shipped("alerts.yml");
    let mut names: Vec<String> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect();
    names.sort();
    names
}

/// A Prometheus with the shipped configuration and the shortened rules, watching that service. Thresholds in seconds are
/// so much shorter.
async fn prometheus(service: &Serviced, shorter: f64) -> Prometheus {
    let address = service.url().trim_start_matches("http://").to_owned();
    let config = shipped("prometheus.yml").replace("127.0.0.1:8080", &address).replace(": 15s", ": 500ms");
    Prometheus::configured(&config, &[("alerts.yml", &shortened(&shipped("alerts.yml"), shorter))]).await
}

fn shortened(rules: &str, shorter: f64) -> String {
    rules.lines().map(|line| shortened_line(line, shorter) + "\n").collect()
}

fn shortened_line(line: &str, shorter: f64) -> String {
    if let Some((indent, _duration)) = line.split_once("for: ").filter(|(indent, _)| indent.trim().is_empty()) {
        return format!("{indent}for: {FOR}");
    }
    if let Some((before, number)) = line.strip_suffix(" # seconds").and_then(|line| line.rsplit_once(' ')) {
        return format!("{before} {}", number.parse::<f64>().unwrap() / shorter);
    }
    let mut parts = line.split('[');
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (range, rest) = part.split_once(']').unwrap();
        short.push_str(&format!("[{}ms]{rest}", seconds(range) * 1000.0 / SHORTER));
    }
    short
}

/// Of a duration like `10m`.
fn seconds(duration: &str) -> f64 {
    let (number, unit) = duration.split_at(duration.len() - 1);
    let unit = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        other => panic!("{duration}: what is {other}?"),
    };
    number.parse::<f64>().unwrap() * unit
}

#[test]
fn shortening_changes_durations_and_nothing_else() {
    assert_eq!(shortened_line("        for: 45m", LENIENT), "        for: 3s");
    assert_eq!(shortened_line("  rate(a[10m]) / rate(b[1h]) > 5", LENIENT), "  rate(a[6000ms]) / rate(b[36000ms]) > 5");
    assert_eq!(shortened_line("            > 300 # seconds", LENIENT), "            > 30");
    assert_eq!(shortened_line("  summary: good for: nothing", LENIENT), "  summary: good for: nothing");
}
