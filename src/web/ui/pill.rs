//! How sync stands, in two or three words: at the top of every page.
//!
//! Invariant: it says "in sync" only where nothing is left to do and nothing is wrong.

use askama::Template;
use askama::filters::HtmlSafe;

use super::number::grouped;
use crate::sync::standing::{Standing, State};

/// A colour and some words.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/pill.html", config = "src/web/ui/askama.toml")]
pub(super) struct Pill {
    /// Suffix of the style: `good`, `busy`, `warn`, `bad`.
    tone: &'static str,
    text: String,
}

impl HtmlSafe for Pill {}

impl Pill {
    pub(super) fn of(standing: &Standing) -> Self {
        let (tone, text) = match standing.state {
            State::InSync => ("good", "In sync".to_owned()),
            State::Working => ("busy", working(standing.left())),
            State::Attention => ("warn", "Needs attention".to_owned()),
            State::Stopped => ("bad", stopped(standing).to_owned()),
        };
        Self { tone, text }
    }
}

fn working(left: u64) -> String {
    if left == 0 { "Syncing".to_owned() } else { format!("Syncing, {} left", grouped(left)) }
}

fn stopped(standing: &Standing) -> &'static str {
    match standing.reasons.first().map(|reason| reason.code) {
        Some("database") => "Database away",
        Some("paused") => "Paused",
        _ => "ERPNext unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Depth;

    fn pill(state: State, left: u64) -> String {
        let depth = Depth { bulk: left, ..Depth::default() };
        Pill::of(&Standing { state, reasons: Vec::new(), depth, runs: Vec::new() }).text
    }

    #[test]
    fn it_says_how_much_is_left() {
        assert_eq!(pill(State::InSync, 0), "In sync");
        assert_eq!(pill(State::Working, 0), "Syncing");
        assert_eq!(pill(State::Working, 1_234_567), "Syncing, 1,234,567 left");
        assert_eq!(pill(State::Stopped, 3), "ERPNext unreachable");
    }
}
