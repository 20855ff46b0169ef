//! `/settings`: what runs by itself, when, and how it went; an operator pauses, resumes and runs it.
//!
//! Invariant: an order changes a row, and whichever process is up acts on it within a second. What was done last counts,
//! whether by itself or because somebody asked for it.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Reader};
use super::super::page::render;
use super::super::time::{Moment, distance, moment};
use super::when::when;
use super::{SCHEDULES, Tabs, frame, said};
use crate::domain::role::Role;
use crate::domain::run::RunKind;
use crate::domain::time::iso;
use crate::store::{Store, StoreError};
use crate::sync::schedule::{self, Order, Ordered, Shown, Task};

#[derive(Template)]
#[template(path = "settings/schedules.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    schedules: Vec<Line>,
    /// The reader may do something about them.
    operator: bool,
}

/// A schedule as pages show it.
pub(in crate::web::ui) struct Line {
    pub(in crate::web::ui) name: String,
    pub(in crate::web::ui) title: &'static str,
    /// When it runs, in words.
    pub(in crate::web::ui) when: String,
    /// As the API calls it.
    pub(in crate::web::ui) state: &'static str,
    /// When it runs next.
    pub(in crate::web::ui) next: Option<Moment>,
    /// When it was done last.
    pub(in crate::web::ui) last: Option<Moment>,
    /// What came of it.
    pub(in crate::web::ui) result: Option<String>,
}

/// All schedules.
pub(in crate::web::ui) async fn lines(store: &Store) -> Result<Vec<Line>, StoreError> {
    let mut lines = Vec::new();
    for shown in schedule::list(store).await? {
        lines.push(line(shown, store).await?);
    }
    Ok(lines)
}

/// When it runs; to look for changes, the longer ago the last one was, the more rarely.
fn words(shown: &Shown) -> String {
    let rarer = Task::parse(&shown.name) == Some(Task::CatchUp) && shown.state != "off";
    when(&shown.schedule) + if rarer { ", more rarely while nothing changes" } else { "" }
}

async fn line(shown: Shown, store: &Store) -> Result<Line, StoreError> {
    let kind = match Task::parse(&shown.name) {
        Some(Task::Full) => Some(RunKind::Full),
        Some(Task::Sweep) => Some(RunKind::Sweep),
        _ => None,
    };
    let asked = match kind {
        Some(kind) => store.last_success(kind).await?.map(iso),
        None => None,
    };
    let by_itself = asked <= shown.last_finished_at;
    Ok(Line {
        title: title(&shown.name),
        when: words(&shown),
        state: shown.state,
        next: shown.next_at.as_deref().filter(|_| shown.state == "waiting").map(distance),
        result: shown.last_result.filter(|_| by_itself),
        last: if by_itself { shown.last_finished_at } else { asked }.as_deref().map(moment),
        name: shown.name,
    })
}

pub(in crate::web::ui) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let role = Reader::of(&request)?.role;
    let schedules = lines(&state.context.store).await.map_err(|error| Problem::store(&request, &error))?;
    let frame = frame(&request, &state, SCHEDULES).await?;
    Ok(render(&Page { frame, tabs: Tabs::at(SCHEDULES, role), schedules, operator: role >= Role::Operator }))
}

pub(in crate::web::ui) async fn pause(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Pause).await
}

pub(in crate::web::ui) async fn resume(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Resume).await
}

pub(in crate::web::ui) async fn run(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Run).await
}

async fn order(request: &HttpRequest, state: &State, name: &str, order: Order) -> Result<HttpResponse, Problem> {
    let missing = || Problem::new(request, Code::NotFound, format!("there is no schedule {name}"));
    let task = Task::parse(name).ok_or_else(missing)?;
    let ordered = schedule::order(&state.context.store, task, order).await;
    state.context.schedules.wake();
    let done = match ordered.map_err(|error| Problem::store(request, &error))? {
        Ordered::Done(_shown) => Ok(()),
        Ordered::Paused => Err(Problem::new(request, Code::SchedulePaused, "It is paused: resume it first.")),
        Ordered::Unknown => return Err(missing()),
    };
    let what = title(name);
    let text = match order {
        Order::Pause => format!("{what}: paused until somebody resumes it."),
        Order::Resume => format!("{what}: runs again as configured."),
        Order::Run => format!("{what}: begins now."),
    };
    said(SCHEDULES, done, &text)
}

/// What a schedule does, for people.
pub(in crate::web::ui) fn title(name: &str) -> &'static str {
    match Task::parse(name) {
        Some(Task::CatchUp) => "Look for changes",
        Some(Task::Sweep) => "Compare all names",
        Some(Task::Full) => "Read everything anew",
        Some(Task::Prune) => "Forget old history",
        Some(Task::Verify) => "Compare values",
        None => "Something else",
    }
}
