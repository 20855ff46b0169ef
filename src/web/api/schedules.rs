//! `GET /api/schedules`, `POST /api/schedules/{name}/pause`, `…/resume`, `…/run`.
//!
//! Invariant: an order changes a row and answers with it; whichever process is up acts on it within a second.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use crate::sync::schedule::{self, Order, Ordered, Shown, Task};

/// What runs by itself: state, last and next run, last result
#[utoipa::path(
    get,
    path = "/api/schedules",
    operation_id = "list_schedules",
    responses((status = 200, description = "Every schedule", body = Answer<Vec<Shown>>)),
)]
pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let schedules = schedule::list(&state.context.store).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Answer { data: schedules }))
}

/// Pause a schedule
#[utoipa::path(
    post,
    path = "/api/schedules/{name}/pause",
    operation_id = "pause_schedule",
    params(("name" = inline(Task), Path, description = "The schedule")),
    responses(
        (status = 200, description = "The schedule as it stands now", body = Answer<Shown>),
        (status = 404, description = "`not_found`: there is no such schedule"),
    ),
)]
pub(super) async fn pause(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Pause).await
}

/// End the pause of a schedule
#[utoipa::path(
    post,
    path = "/api/schedules/{name}/resume",
    operation_id = "resume_schedule",
    params(("name" = inline(Task), Path, description = "The schedule")),
    responses(
        (status = 200, description = "The schedule as it stands now", body = Answer<Shown>),
        (status = 404, description = "`not_found`: there is no such schedule"),
    ),
)]
pub(super) async fn resume(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Resume).await
}

/// Have a schedule run once now, also where it is off
#[utoipa::path(
    post,
    path = "/api/schedules/{name}/run",
    operation_id = "run_schedule",
    params(("name" = inline(Task), Path, description = "The schedule")),
    responses(
        (status = 202, description = "The schedule as it stands now", body = Answer<Shown>),
        (status = 404, description = "`not_found`: there is no such schedule"),
        (status = 409, description = "`schedule_paused`: resume it first"),
    ),
)]
pub(super) async fn run(request: HttpRequest, state: Data<State>, name: Path<String>) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Run).await
}

async fn order(request: &HttpRequest, state: &State, name: &str, order: Order) -> Result<HttpResponse, Problem> {
    let missing = || {
        let names = Task::ALL.map(Task::as_str).join(", ");
        Problem::new(request, Code::NotFound, format!("there is no schedule {name}, only {names}"))
    };
    let task = Task::parse(name).ok_or_else(missing)?;
    let ordered = schedule::order(&state.context.store, task, order).await;
    state.context.schedules.wake();
    match ordered.map_err(|error| Problem::store(request, &error))? {
        Ordered::Done(shown) if order == Order::Run => Ok(HttpResponse::Accepted().json(Answer { data: shown })),
        Ordered::Done(shown) => Ok(HttpResponse::Ok().json(Answer { data: shown })),
        Ordered::Paused => {
            let detail = format!("{name} is paused: resume it first");
            Err(Problem::new(request, Code::SchedulePaused, detail))
        }
        Ordered::Unknown => Err(missing()),
    }
}
