//! The shipped rules and configuration, by `promtool` and by eye.
//!
//! Invariant: no alert without a test in which it fires, one in which it is silent, a trial, and a paragraph on what to do.

use std::collections::BTreeSet;

use super::{folder, names, shipped, trials};
use crate::support::prometheus::promtool;

fn tests() -> Vec<String> {
    let files = std::fs::read_dir(folder().join("tests")).unwrap();
    let mut paths: Vec<String> = files.map(|file| file.unwrap().path().display().to_string()).collect();
    paths.sort();
    paths
}

fn succeeds(arguments: &[&str]) {
    let output = promtool(arguments);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[test]
fn promtool_finds_nothing_wrong() {
    let path = |name: &str| folder().join(name).display().to_string();
    succeeds(&["check", "rules", &path("alerts.yml")]);
    succeeds(&["check", "config", &path("prometheus.yml")]);
    let tests = tests();
    succeeds(&[&["test", "rules"], tests.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat());
}

#[test]
fn what_is_commented_out_is_valid_too() {
    let folder = tempfile::tempdir().unwrap();
    let wanted: String = shipped("prometheus.yml")
        .lines()
        .map(|line| match line.split_once('#') {
            // A comment for people begins with one space.
            Some((indent, rest)) if !rest.starts_with(' ') || rest.starts_with("  ") => format!("{indent}{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(wanted.contains("\n    authorization:\n") && wanted.contains("\nalerting:\n  alertmanagers:"), "{wanted}");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("prometheus.yml"), wanted).unwrap();
    std::fs::write(file("alerts.yml"), shipped("alerts.yml")).unwrap();
    std::fs::write(file("customer-sync.token"), "token").unwrap();
    succeeds(&["check", "config", &file("prometheus.yml").display().to_string()]);
}

#[test]
fn each_alert_is_tested_firing_and_silent() {
    let mut told = BTreeSet::new();
    for path in tests() {
        let text = std::fs::read_to_string(path).unwrap();
        for test in text.split("- name: '").skip(1) {
            let (alert, rest) = test.split_once(", ").unwrap();
            let fires = rest.starts_with("fires: ");
            assert!(fires || rest.starts_with("silent: ") || rest.starts_with("silent again: "), "{test}");
            assert!(test.contains(&format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}")), "{test}");
            assert_eq!(test.contains("exp_samples: []"), !fires, "{test}");
            told.insert((alert.to_owned(), fires));
        }
    }
    let wanted = names().into_iter().flat_map(|name| [(name.clone(), false), (name, true)]).collect();
    assert_eq!(told, wanted);
}

#[test]
fn each_alert_fires_in_a_trial() {
    let mut tried: Vec<&str> = trials::ALL.concat();
    tried.sort_unstable();
    assert_eq!(tried, names());
}

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let readme = shipped("README.md");
    let rules = shipped("alerts.yml");
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 10);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        assert!(alert.contains("severity: critical") || alert.contains("severity: warning"), "{name}");
        assert!(alert.contains("summary: ") && alert.contains("description: "), "{name}");
        let anchor = format!("runbook: deploy/prometheus/README.md#{}\n", name.to_lowercase());
        assert!(alert.contains(&anchor), "{name} lacks {anchor}");
        let paragraph =
            readme.split(&format!("\n## {name}\n")).nth(1).unwrap_or_else(|| panic!("{name} has no section"));
        let paragraph = paragraph.split("\n## ").next().unwrap();
        assert!(paragraph.split_whitespace().count() > 20, "{name}: {paragraph}");
    }
    assert_eq!(readme.matches("\n## ").count(), names().len(), "a section without an alert");
}
