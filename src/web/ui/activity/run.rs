//! `/activity/runs/{id}`: one run, how far it is and what came of it; cancel it, or decide about what it would remove.
//!
//! Invariant: an operator may cancel, only an admin approves or rejects a held list, and of two who do the first one counts.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Reader, Section};
use super::super::notice::{Tone, and_say};
use super::super::number::count;
use super::super::page::render;
use super::super::sync::{outcome as full_outcome, so_far as full_so_far};
use super::super::text::sentence;
use super::super::time::moment;
use super::words::{self, Badge, kind, number, purpose, started_by, took};
use super::{BY_NAME, PAGE, Pager, address, last_before_next};
use crate::domain::candidate::{Candidate, Reason};
use crate::domain::role::Role;
use crate::domain::run::{RunId, RunKind, RunState};
use crate::sync::runs::{self, Run};
use crate::sync::sweep::{self, Verdict};

#[derive(Template)]
#[template(path = "activity/run.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    run: Run,
    /// Why it may stand still although nothing is wrong.
    standstill: Option<String>,
    candidates: Vec<Candidate>,
    /// How many of all candidates are removed by now; `None` while nobody decided.
    removed: Option<i64>,
    pager: Pager,
    /// Whether the reader may cancel it now.
    may_cancel: bool,
    /// Whether the reader may decide about its list now.
    may_decide: bool,
}

impl Page {
    /// What became of the customers of a full run, and how many are left; what did not happen is left out.
    fn counts(&self) -> Vec<(&'static str, i64)> {
        let counts = &self.run.row.counts;
        if self.run.row.kind != RunKind::Full {
            return Vec::new();
        }
        let all = [
            ("Created", counts.created),
            ("Updated", counts.updated),
            ("Linked", counts.linked),
            ("Unchanged", counts.unchanged),
            ("Removed", counts.tombstoned),
            ("Not permitted", counts.not_permitted),
            ("Skipped", counts.skipped),
            ("Failed", counts.failed),
            ("Left", self.run.row.left),
        ];
        all.into_iter().filter(|(_what, number)| *number > 0).collect()
    }
}

/// Where a run stands, for its badge.
pub(super) fn badge(run: &Run) -> Badge {
    if run.row.state == RunState::Running && run.row.paused.is_some() {
        return Badge { tone: "warn", word: "paused" };
    }
    words::run_state(&run.row.state)
}

/// How far it is: done and total, once that is known.
pub(super) fn progress(run: &Run) -> Option<(i64, i64)> {
    let done = if run.row.kind == RunKind::Full { run.processed } else { run.row.listed };
    let running = run.row.state == RunState::Running;
    run.row.total.filter(|total| running && *total > 0).map(|total| (done.min(total), total))
}

/// How far it is, in words: `1,200 of 3,000, 400 a second, 4 s left`.
fn so_far(run: &Run) -> String {
    let Some((done, total)) = progress(run) else {
        let begun = match run.row.kind {
            RunKind::Full | RunKind::Sweep => "Asking ERPNext for its list of customers",
            RunKind::CatchUp => "Asking ERPNext what has changed",
        };
        return begun.to_owned();
    };
    if run.row.kind == RunKind::Full { full_so_far(run) } else { format!("{} of {}", count(done), count(total)) }
}

/// What came of a run, in a line. Only a full run counts what becomes of its jobs; the others look and put jobs.
pub(super) fn outcome(run: &Run) -> String {
    let row = &run.row;
    if row.kind == RunKind::Full {
        return full_outcome(&row.counts);
    }
    let mut parts = Vec::new();
    if row.kind == RunKind::Sweep {
        parts.push(format!("{} compared", count(row.listed)));
    }
    parts.push(match row.put {
        0 => "nothing new".to_owned(),
        1 => "1 document read again".to_owned(),
        put => format!("{} documents read again", count(put)),
    });
    if row.candidates > 0 {
        let what = if row.state == RunState::Succeeded { "found missing" } else { "would be removed" };
        parts.push(format!("{} {what}", count(row.candidates)));
    }
    parts.join(", ")
}

fn why(reason: &Reason) -> &'static str {
    match reason {
        Reason::Missing => "no longer in ERPNext's list",
        Reason::Filtered => "does not match the filter",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::ui) struct Paging {
    /// The last name of the page before.
    after: Option<String>,
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let failed = |error| Problem::store(&request, &error);
    let context = &state.context;
    let run = find(&request, &state, &id).await?;
    let running = run.row.state == RunState::Running;
    let standstill = if running { runs::standstill(context, &run).await.map_err(failed)? } else { None };
    let after = paging.into_inner().after;
    let mut candidates = if run.row.kind == RunKind::Sweep {
        let behind = after.as_deref().unwrap_or_default();
        context.store.run_candidates(run.row.id, behind, PAGE + 1).await.map_err(failed)?
    } else {
        Vec::new()
    };
    let removed = if run.row.state == RunState::Succeeded && !candidates.is_empty() {
        Some(context.store.removed_candidates(run.row.id).await.map_err(failed)?)
    } else {
        None
    };
    let path = location(run.row.id);
    let next = last_before_next(&mut candidates, PAGE).map(|last| address(&path, &[("after", &last.name)]));
    let pager = Pager { first: after.map(|_after| path), next, names: BY_NAME };
    let title = format!("{} {}", kind(&run.row.kind), run.row.id);
    let frame = Frame::of(&request, &state, Some(Section::Activity), title).await?;
    let role = Reader::of(&request)?.role;
    let may_cancel = running && role >= Role::Operator;
    let may_decide = run.row.state == RunState::Held && role >= Role::Admin;
    Ok(render(&Page { frame, run, standstill, candidates, removed, pager, may_cancel, may_decide }))
}

pub(in crate::web::ui) async fn cancel(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = find(&request, &state, &id).await?.row.id;
    let cancelled = runs::cancel(&state.context.store, run).await.map_err(|error| Problem::store(&request, &error))?;
    let said = if cancelled { "Cancelled. What was read so far stays." } else { "It was over already." };
    Ok(and_say(&location(run), if cancelled { Tone::Good } else { Tone::Bad }, said))
}

pub(in crate::web::ui) async fn approve(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = find(&request, &state, &id).await?.row.id;
    let verdict = sweep::approve(&state.context, run).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(decided(run, verdict, "Approved. Each one is asked for once more before it is removed."))
}

pub(in crate::web::ui) async fn discard(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = find(&request, &state, &id).await?.row.id;
    let verdict = sweep::discard(&state.context.store, run).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(decided(run, verdict, "Discarded. Nothing is removed."))
}

fn decided(run: RunId, verdict: Verdict, said: &str) -> HttpResponse {
    match verdict {
        Verdict::Done => and_say(&location(run), Tone::Good, said),
        Verdict::NotHeld | Verdict::Unknown => {
            let said = "Somebody decided already, or a later sweep took its place.";
            and_say(&location(run), Tone::Bad, said)
        }
    }
}

fn location(run: RunId) -> String {
    format!("/activity/runs/{run}")
}

async fn find(request: &HttpRequest, state: &State, id: &str) -> Result<Run, Problem> {
    let missing = || Problem::new(request, Code::NotFound, format!("there is no run {id}"));
    let id: RunId = id.parse().map_err(|_not_a_number| missing())?;
    let found = runs::find(&state.context, id).await.map_err(|error| Problem::store(request, &error))?;
    found.ok_or_else(missing)
}
