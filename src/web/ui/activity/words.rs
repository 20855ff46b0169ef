//! What things are called on the pages of *Activity*.
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
pub(super) struct Badge {
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
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
        RunState::Discarded => badge("quiet", "rejected"),
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
pub(super) const fn job_state(state: &JobState) -> Badge {
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

/// How long a run took, or takes.
pub(super) fn took(run: &Run) -> String {
    span(run.row.running_for)
}

/// What went wrong, in a few words; `label` is the stable word of a job's error.
pub(super) fn reason(label: &str) -> &'static str {
    match label {
        "unauthorized" => "ERPNext refuses the key",
        "forbidden" => "Not permitted in ERPNext",
        "missing" => "ERPNext lacks what was asked for",
        "invalid" => "ERPNext refuses the request",
        "maintenance" => "ERPNext is under maintenance",
        "server_error" => "ERPNext failed",
        "rate_limited" | "paced" => "ERPNext asks to go slower",
        "breaker_open" | "connect" => "ERPNext cannot be reached",
        "busy" => "Too many requests at once",
        "timeout" => "ERPNext took too long",
        "redirect" | "not_erpnext" => "Something else answered than ERPNext",
        "too_large" => "The answer is too large",
        "decode" => "The answer cannot be read",
        "impossible_name" => "No document can have this name",
        "paused" => "Sync is paused",
        "unmappable" | "data" | "refused" => "This document cannot be stored",
        "listed_differently" => "Hidden from ERPNext's lists",
        "merge_pending" | "namesakes_pending" => "Waits for another customer",
        "outdated" => "It changed while it was read",
        "tangled_names" | "key_taken" => "Several renames at once",
        "would_empty_field" => "It would empty a field of many customers",
        "name_concealed" => "Another customer of this name is hidden",
        "unavailable" | "connection_lost" | "contention" | "denied" => "Our own database cannot be written",
        "" => "Not tried yet",
        _ => "An unexpected failure",
    }
}
