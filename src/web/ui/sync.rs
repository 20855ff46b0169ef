//! The piece of a page that starts a full run and shows how far it is: `GET /sync`, `POST /sync`, `POST /sync/{id}/cancel`.
//!
//! Invariant: the piece is the same on every page that shows it and finds out by itself how the last full run stands; who
//! watched one to its end is told what came of it. A page includes it as `{{ sync }}`.

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use askama::filters::HtmlSafe;
use serde::Deserialize;

use super::super::State;
use super::super::error::{Code, Problem};
use super::failure::is_fragment;
use super::form;
use super::frame::{Reader, place};
use super::notice::{Notice, Tone, and_say};
use super::number::{count, grouped, span_of_seconds};
use super::page::{own_path, render};
use super::text::sentence;
use super::time::{Moment, distance};
use crate::domain::role::Role;
use crate::domain::run::{Counts, RunCause, RunId, RunKind, RunState};
use crate::store::RunFilter;
use crate::sync::runs::{self, Run};
use crate::sync::sessions;

/// The last full run, and what the reader may do about it.
#[derive(Template)]
#[template(path = "parts/sync.html", config = "src/web/ui/askama.toml")]
pub(super) struct SyncPanel {
    run: Option<Run>,
    /// The proof of its forms; `None` for who may only look.
    csrf: Option<String>,
    /// Where the reader is, for its forms without a script.
    back: String,
    /// To be said beside it.
    notice: Option<Notice>,
}

impl HtmlSafe for SyncPanel {}

impl SyncPanel {
    /// As it stands now.
    pub(super) async fn of(request: &HttpRequest, state: &State) -> Result<Self, Problem> {
        let reader = Reader::of(request)?;
        let wanted = RunFilter { kind: Some(RunKind::Full), limit: 1, ..RunFilter::default() };
        let found = state.context.store.runs(&wanted).await.map_err(|error| Problem::store(request, &error))?;
        let run = found.into_iter().next().map(|row| runs::view(&state.context, row));
        let csrf = (reader.role >= Role::Operator).then(|| sessions::csrf_token(&reader.session));
        Ok(Self { run, csrf, back: place(request), notice: None })
    }

    /// The full run that goes on.
    pub(super) fn running(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.row.state == RunState::Running)
    }

    /// Whether it does not go on for now.
    pub(super) fn is_paused(&self) -> bool {
        self.running().is_some_and(|run| run.row.paused.is_some())
    }

    /// What a message about a run that is over is about: one takes the place of another.
    fn subject(&self) -> String {
        self.ended().and(self.run.as_ref()).map(|run| format!("run-{}", run.row.id)).unwrap_or_default()
    }

    fn ended(&self) -> Option<Ended> {
        let run = self.run.as_ref().filter(|run| run.row.state != RunState::Running)?;
        let at = distance(run.row.finished_at.as_ref().unwrap_or(&run.row.updated_at));
        Some(Ended { word: word(run.row.state), at, outcome: outcome(&run.row.counts) })
    }

    fn with(self, tone: Tone, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { tone, text: text.into() }), ..self }
    }
}

/// The last full run, which is over.
struct Ended {
    word: &'static str,
    at: Moment,
    outcome: String,
}

/// How far a run is, in words: `1,200 of 3,000, 400 a second, 4 s left`. While it is paused nobody knows how long it takes.
pub(super) fn so_far(run: &Run) -> String {
    let Some(total) = run.row.total else { return "Asking ERPNext for its list of customers".to_owned() };
    let mut text = format!("{} of {}", count(run.processed), count(total));
    // The first customers of a run tell little of how the others will come along.
    let known = run.processed >= 100 || run.duration_ms >= 5_000;
    if run.row.paused.is_some() || !known {
        return text;
    }
    if let Some(rate) = run.rate {
        text.push_str(&format!(", {} a second", speed(rate)));
    }
    if let Some(left) = run.seconds_left.filter(|left| *left > 0) {
        text.push_str(&format!(", {} left", span_of_seconds(left)));
    }
    text
}

/// Slow ones with a digit more.
fn speed(rate: f64) -> String {
    if rate < 10.0 {
        return format!("{rate:.1}");
    }
    let whole = format!("{rate:.0}");
    whole.parse().map_or(whole, grouped)
}

/// What came of a run: `12 created, 3 updated, 2,985 unchanged`. What did not happen is left out, except where nothing did.
pub(super) fn outcome(counts: &Counts) -> String {
    let parts = [
        (counts.created, "created"),
        (counts.updated, "updated"),
        (counts.linked, "linked"),
        (counts.unchanged, "unchanged"),
        (counts.tombstoned, "removed"),
        (counts.not_permitted, "not permitted"),
        (counts.skipped, "skipped"),
        (counts.failed, "failed"),
    ];
    let some: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
    if some.is_empty() { "no customers".to_owned() } else { some.join(", ") }
}

/// What is said once a run is over.
fn farewell(run: &Run) -> (Tone, String) {
    let outcome = outcome(&run.row.counts);
    match run.row.state {
        RunState::Succeeded => (Tone::Good, format!("Sync complete: {outcome}.")),
        RunState::Partial => (Tone::Bad, format!("Sync incomplete: {outcome}.")),
        RunState::Cancelled => (Tone::Good, format!("Sync cancelled: {outcome}.")),
        _ => (Tone::Bad, format!("Sync failed: {}.", run.row.message.as_deref().unwrap_or("the reason is in the log"))),
    }
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Succeeded => "complete",
        RunState::Partial => "incomplete",
        RunState::Cancelled => "cancelled",
        _ => "failed",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watching {
    /// The run that the page showed as going on.
    watching: Option<RunId>,
    /// The page that shows it.
    back: Option<String>,
}

pub(super) async fn show(
    request: HttpRequest,
    state: Data<State>,
    watching: Query<Watching>,
) -> Result<HttpResponse, Problem> {
    let mut panel = SyncPanel::of(&request, &state).await?;
    panel.back = own_path(watching.back.as_deref().unwrap_or("/")).to_owned();
    let over =
        panel.run.as_ref().filter(|run| Some(run.row.id) == watching.watching && run.row.state != RunState::Running);
    let farewell = over.map(farewell);
    Ok(render(&match farewell {
        Some((tone, text)) => panel.with(tone, text),
        None => panel,
    }))
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

pub(super) async fn start(request: HttpRequest, state: Data<State>, body: Bytes) -> Result<HttpResponse, Problem> {
    let Back { back } = form::fields(&request, &body)?;
    let started = runs::start(&state.context, RunKind::Full, RunCause::Person).await;
    let started = started.map_err(|error| Problem::store(&request, &error))?;
    let text = if started.joined { "A sync is under way already." } else { "Sync started." };
    answer(&request, &state, &back, Tone::Good, text).await
}

pub(super) async fn cancel(
    request: HttpRequest,
    state: Data<State>,
    id: Path<RunId>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let Back { back } = form::fields(&request, &body)?;
    let cancelled = runs::cancel(&state.context.store, *id).await;
    let cancelled = cancelled.map_err(|error| Problem::store(&request, &error))?;
    if !cancelled {
        return Err(Problem::new(&request, Code::RunNotRunning, "this sync is over already"));
    }
    answer(&request, &state, &back, Tone::Good, "Sync cancelled. What was read so far stays.").await
}

/// The piece anew, or the page that it is on.
async fn answer(
    request: &HttpRequest,
    state: &State,
    back: &str,
    tone: Tone,
    text: &str,
) -> Result<HttpResponse, Problem> {
    let back = own_path(back);
    if !is_fragment(request) {
        return Ok(and_say(back, tone, text));
    }
    let panel = SyncPanel { back: back.to_owned(), ..SyncPanel::of(request, state).await? };
    Ok(render(&panel.with(tone, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_left_out() {
        let counts = Counts { created: 1_200, unchanged: 3, failed: 1, ..Counts::default() };
        assert_eq!(outcome(&counts), "1,200 created, 3 unchanged, 1 failed");
        assert_eq!(outcome(&Counts::default()), "no customers");
        assert_eq!([0.42, 10.0, 2_231.4].map(speed), ["0.4", "10", "2,231"]);
    }
}
