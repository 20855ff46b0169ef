//! `GET /api/schedules`, `POST /api/schedules/{name}/pause`, `…/resume`, `…/run`.
//!
//! Invariant: an order changes a row and answers with it; whichever process is up acts on it within a second.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::super::State;
use super::super::error::{Code, Problem};
use crate::sync::schedule::{self, Order, Ordered, Task};

pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let schedules = schedule::list(&state.context.store).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(json!({"data": schedules})))
}

pub(super) async fn pause(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Pause).await
}

pub(super) async fn resume(
    request: HttpRequest,
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&request, &state, &name, Order::Resume).await
}

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
        Ordered::Done(shown) if order == Order::Run => Ok(HttpResponse::Accepted().json(json!({"data": shown}))),
        Ordered::Done(shown) => Ok(HttpResponse::Ok().json(json!({"data": shown}))),
        Ordered::Paused => {
            let detail = format!("{name} is paused: resume it first");
            Err(Problem::new(request, Code::SchedulePaused, detail))
        }
        Ordered::Unknown => Err(missing()),
    }
}
