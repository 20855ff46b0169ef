//! `/settings`: what runs by itself, when, and how it went; an operator pauses, resumes and runs it.
//!
//! Invariant: an order changes a row, and whichever process is up acts on it within a second.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::frame::{Frame, Reader};
use super::super::page::render;
use super::super::time::{distance, moment};
use super::{SCHEDULES, Tabs, frame, said};
use crate::domain::role::Role;
use crate::sync::schedule::{self, Order, Ordered, Shown, Task};

#[derive(Template)]
#[template(path = "settings/schedules.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    schedules: Vec<Shown>,
    /// The reader may do something about them.
    operator: bool,
}

pub(in crate::web::ui) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let role = Reader::of(&request)?.role;
    let schedules = schedule::list(&state.context.store).await.map_err(|error| Problem::store(&request, &error))?;
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
