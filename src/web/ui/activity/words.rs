//! What things are called on the pages of *Activity*; why something failed is in `reasons`.
//!
//! Invariant: exhaustive matches, so that a new kind gets its word. Words of the API are not shown to people. What templates
//! call takes references, because that is how they hand values over.

use super::super::number::{count, span};
use crate::domain::job::Cause;
use crate::domain::run::{RunCause, RunKind, RunState};
use crate::store::JobState;
use crate::sync::runs::Run;

/// A word with its colour, the suffix of a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::ui) struct Badge {
    pub(in crate::web::ui) tone: &'static str,
    pub(in crate::web::ui) word: &'static str,
}

const fn badge(tone: &'static str, word: &'static str) -> Badge {
    Badge { tone, word }
}

/// What a run is called.
pub(super) const fn kind(kind: &RunKind) -> &'static str {
    match kind {
        RunKind::Full => "Full sync",
        RunKind::Sweep => "Sweep",
        RunKind::CatchUp => "Catch-up",
    }
}

/// What such a run does.
pub(super) const fn purpose(kind: &RunKind) -> &'static str {
    match kind {
        RunKind::Full => "Reads every customer of ERPNext anew.",
        RunKind::Sweep => "Compares the names of all customers, to find those that were deleted, renamed or missed.",
        RunKind::CatchUp => "Reads what changed in ERPNext since the last look, in case a webhook was lost.",
    }
}

/// Where a run stands.
pub(super) const fn run_state(state: &RunState) -> Badge {
    match state {
        RunState::Running => badge("accent", "running"),
        RunState::Held => badge("warn", "waits for approval"),
        RunState::Succeeded => badge("good", "complete"),
        RunState::Partial => badge("warn", "incomplete"),
        RunState::Failed => badge("bad", "failed"),
        RunState::Cancelled => badge("quiet", "cancelled"),
        RunState::Discarded => badge("quiet", "discarded"),
        RunState::Superseded => badge("quiet", "replaced"),
    }
}

/// Who or what started a run.
pub(super) const fn started_by(cause: &RunCause) -> &'static str {
    match cause {
        RunCause::Person => "a person",
        RunCause::Schedule => "its schedule",
        RunCause::First => "the first start",
        RunCause::Mapping => "a change of the mapping",
        RunCause::NewSite => "a new ERPNext site",
        RunCause::AfterFull => "the full sync before it",
        RunCause::Filter => "a change of the filter",
        RunCause::Drift => "a comparison that found differences",
    }
}

/// Who or what asked for a document to be read.
pub(super) const fn asked_by(cause: &Cause) -> &'static str {
    match cause {
        Cause::Sweep => "a sweep",
        Cause::CatchUp => "a catch-up",
        Cause::Full => "a full sync",
        Cause::Person => "a person",
        Cause::Webhook => "a webhook",
    }
}

/// What became of a webhook; `word` is that of the API.
pub(super) fn verdict(word: &str) -> Badge {
    match word {
        "queued" => badge("good", "accepted"),
        "ignored" => badge("quiet", "ignored"),
        _ => badge("bad", "unusable"),
    }
}

/// What that means.
pub(super) fn fate(word: &str) -> &'static str {
    match word {
        "queued" => "Its document was put in line to be read from ERPNext.",
        "ignored" => "It is about a kind of document that customers are not made of, so nothing was done.",
        _ => "Nothing in it tells which document it is about: look at the Webhook in ERPNext (Webhook Data).",
    }
}

/// Where a job stands.
pub(in crate::web::ui) const fn job_state(state: &JobState) -> Badge {
    match state {
        JobState::Dead => badge("bad", "given up"),
        JobState::Waiting => badge("warn", "will be tried again"),
        JobState::Due => badge("accent", "due"),
        JobState::Leased => badge("accent", "being read"),
    }
}

/// A number of things.
pub(super) fn number(number: &i64) -> String {
    count(*number)
}

/// How long a run took, or takes; one that waits for a person does nothing meanwhile.
pub(super) fn took(run: &Run) -> String {
    if run.row.state == RunState::Held { "–".to_owned() } else { span(run.row.running_for) }
}
