//! `GET /api/runs`, `GET /api/runs/{id}`, `POST /api/runs`, `POST /api/runs/{id}/cancel`.
//!
//! Invariant: lists are paged by id, newest first, so that a page stays the same while new runs begin.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::auth::trail;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::paging;
use crate::domain::run::{RunCause, RunId, RunKind, RunState};
use crate::store::RunFilter;
use crate::sync::runs::{self, Run};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only this kind.
    #[param(value_type = Option<RunKind>, inline)]
    kind: Option<String>,
    /// Only in this state.
    #[param(value_type = Option<RunState>, inline)]
    state: Option<String>,
    /// The last id of the page before.
    #[param(value_type = Option<i64>)]
    before: Option<RunId>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

impl Wanted {
    fn filter(&self, request: &HttpRequest) -> Result<RunFilter, Problem> {
        let bad = |detail: String| Problem::new(request, Code::BadRequest, detail);
        let limit = paging::limit(request, self.limit)?;
        let kinds = || RunKind::ALL.map(RunKind::as_str).join(", ");
        let states = || RunState::ALL.map(RunState::as_str).join(", ");
        let kind = self.kind.as_deref().map(|word| {
            RunKind::parse(word).ok_or_else(|| bad(format!("there is no kind {word:?}, only {}", kinds())))
        });
        let state = self.state.as_deref().map(|word| {
            RunState::parse(word).ok_or_else(|| bad(format!("there is no state {word:?}, only {}", states())))
        });
        Ok(RunFilter { kind: kind.transpose()?, state: state.transpose()?, before: self.before, limit })
    }

    /// The address of the page behind that run.
    fn next(&self, last: RunId, limit: u32) -> String {
        let mut next = format!("/api/runs?before={last}&limit={limit}");
        for (key, value) in [("kind", &self.kind), ("state", &self.state)] {
            if let Some(value) = value {
                next.push_str(&format!("&{key}={value}"));
            }
        }
        next
    }
}

/// Runs, the newest first
#[utoipa::path(
    get,
    path = "/api/runs",
    operation_id = "list_runs",
    params(Wanted),
    responses((status = 200, description = "Runs", body = Answer<Vec<Run>>)),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let filter = wanted.filter(&request)?;
    let context = &state.context;
    let rows = context.store.runs(&filter).await.map_err(|error| Problem::store(&request, &error))?;
    let mut response = paging::answer(&rows, filter.limit, |last| wanted.next(last.id, filter.limit));
    let runs: Vec<Run> = rows.into_iter().map(|row| runs::view(context, row)).collect();
    Ok(response.json(Answer { data: runs }))
}

/// A run: its counts so far, rate, seconds left, why it is paused
#[utoipa::path(
    get,
    path = "/api/runs/{id}",
    operation_id = "show_run",
    params(("id" = i64, Path, description = "The run")),
    responses(
        (status = 200, description = "The run", body = Answer<Run>),
        (status = 404, description = "`not_found`: there is no such run"),
    ),
)]
pub(super) async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let run = find(&request, &state, &id).await?;
    Ok(HttpResponse::Ok().json(Answer { data: run }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRun)]
pub(super) struct New {
    /// What it does.
    kind: Startable,
}

/// The runs that a person may start.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Startable {
    Full,
    Sweep,
}

/// Start a full run or a sweep, or join the one that is running
#[utoipa::path(
    post,
    path = "/api/runs",
    operation_id = "start_run",
    request_body = New,
    responses(
        (status = 202, description = "It runs", body = Begun,
            headers(("Location" = String, description = "Where the run is shown"))),
    ),
)]
pub(super) async fn start(request: HttpRequest, state: Data<State>, new: Json<New>) -> Result<HttpResponse, Problem> {
    let kind = match new.kind {
        Startable::Full => RunKind::Full,
        Startable::Sweep => RunKind::Sweep,
    };
    begin(&request, &state, kind).await.map(|(_run, response)| response)
}

/// A run that a caller does not wait for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BegunRun)]
pub(super) struct Begun {
    /// The run.
    data: Option<Run>,
    /// Whether it was running already.
    joined: bool,
}

/// Starts or joins a run; the answer for a caller that does not wait for it.
pub(super) async fn begin(
    request: &HttpRequest,
    state: &State,
    kind: RunKind,
) -> Result<(RunId, HttpResponse), Problem> {
    let failed = |error| Problem::store(request, &error);
    let started = runs::start(&state.context, kind, RunCause::Person).await.map_err(failed)?;
    trail::made(request, started.run);
    let run = runs::find(&state.context, started.run).await.map_err(failed)?;
    let response = HttpResponse::Accepted()
        .insert_header((LOCATION, location(started.run)))
        .json(Begun { data: run, joined: started.joined });
    Ok((started.run, response))
}

/// Stop a running run
#[utoipa::path(
    post,
    path = "/api/runs/{id}/cancel",
    operation_id = "cancel_run",
    params(("id" = i64, Path, description = "The run")),
    responses(
        (status = 200, description = "It is stopped", body = Answer<Run>),
        (status = 404, description = "`not_found`: there is no such run"),
        (status = 409, description = "`run_not_running`: it is over, or held"),
    ),
)]
pub(super) async fn cancel(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = find(&request, &state, &id).await?;
    let cancelled =
        runs::cancel(&state.context.store, run.row.id).await.map_err(|error| Problem::store(&request, &error))?;
    let run = find(&request, &state, &id).await?;
    if cancelled {
        return Ok(HttpResponse::Ok().json(Answer { data: run }));
    }
    let detail = format!("run {} {}: only a running one can be cancelled", run.row.id, run.row.state.told());
    Err(Problem::new(&request, Code::RunNotRunning, detail))
}

/// Where a run is shown.
pub(super) fn location(run: RunId) -> String {
    format!("/api/runs/{run}")
}

async fn find(request: &HttpRequest, state: &State, id: &str) -> Result<Run, Problem> {
    let missing = || Problem::new(request, Code::NotFound, format!("there is no run {id}"));
    let id: RunId = id.parse().map_err(|_not_a_number| missing())?;
    let found = runs::find(&state.context, id).await.map_err(|error| Problem::store(request, &error))?;
    found.ok_or_else(missing)
}
