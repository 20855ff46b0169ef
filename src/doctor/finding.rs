//! One thing that was looked at, and what came of it.
//!
//! Invariant: what is wrong always comes with what to do about it; a finding never holds a secret or the name of a
//! customer, an Address or a Contact. Codes are part of the interface: scripts compare them.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing; also what could not be looked at.
    Note,
    /// It works, but not as well or not as safely as it should.
    Warning,
    /// It does not work, or will not for long.
    Problem,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word; `skipped` for what could not be looked at.
    pub code: &'static str,
    /// What is so, in a sentence without its full stop.
    pub what: String,
    /// What to do about it; nothing where all is well.
    pub what_to_do: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(code: &'static str, what: impl Into<String>) -> Self {
        Self { severity: Severity::Ok, code, what: what.into(), what_to_do: None }
    }

    /// Worth knowing.
    pub fn note(code: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self::with(Severity::Note, code, what, what_to_do)
    }

    /// It works, but not as it should.
    pub fn warning(code: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self::with(Severity::Warning, code, what, what_to_do)
    }

    /// It does not work.
    pub fn problem(code: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self::with(Severity::Problem, code, what, what_to_do)
    }

    /// It could not be looked at. `why` follows the word "because".
    pub fn skipped(what: &str, why: &str) -> Self {
        let what = format!("skipped: {what}, because {why}");
        Self { severity: Severity::Note, code: "skipped", what, what_to_do: None }
    }

    /// An error whose text says what is wrong, then what to do.
    pub fn of_error(severity: Severity, code: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        let (what, to_do) = split(&error.to_string());
        Self { severity, code, what: with_cause(what, error), what_to_do: Some(to_do) }
    }

    fn with(severity: Severity, code: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { severity, code, what: what.into(), what_to_do: Some(what_to_do.into()) }
    }
}

/// The error with what lies at the bottom of it, where that says more.
pub(super) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    with_cause(error.to_string(), error)
}

fn with_cause(text: String, error: &(dyn std::error::Error + 'static)) -> String {
    let deepest = std::iter::successors(error.source(), |cause| (*cause).source()).last().map(ToString::to_string);
    match deepest {
        Some(cause) if !text.contains(&cause) => format!("{text} ({cause})"),
        _ => text,
    }
}

/// Our errors first say what is wrong, then what to do, as a new sentence or behind a colon.
fn split(text: &str) -> (String, String) {
    let cut = text.split_once(". ").or_else(|| text.split_once(": "));
    match cut {
        Some((what, to_do)) => (what.to_owned(), to_do.to_owned()),
        None => (text.to_owned(), "see the log of customer-sync serve".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_taken_apart_where_its_advice_begins() {
        assert_eq!(split("A is wrong: so it is. Do B"), ("A is wrong: so it is".to_owned(), "Do B".to_owned()));
        assert_eq!(split("A is wrong: do B").1, "do B");
        assert_eq!(split("A is wrong").0, "A is wrong");
    }

    #[test]
    fn severities_are_in_order() {
        assert!(Severity::Ok < Severity::Note && Severity::Warning < Severity::Problem);
    }
}
