//! What a held sweep would remove: `GET /api/runs/{id}/candidates`, `POST /api/runs/{id}/approve` and `/discard`.
//!
//! Invariant: only an admin decides, and of two who do the first one counts.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::paging;
use crate::domain::candidate::Candidate;
use crate::domain::run::{RunId, RunState};
use crate::sync::sweep::{self, Verdict};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The last name of the page before.
    after: Option<String>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// What a sweep would remove (held) or has removed, by name
#[utoipa::path(
    get,
    path = "/api/runs/{id}/candidates",
    tag = "runs",
    operation_id = "list_candidates",
    params(("id" = i64, Path, description = "The run"), Paging),
    responses(
        (status = 200, description = "Rows that it would remove, or has removed", body = Answer<Vec<Candidate>>),
        (status = 404, description = "`not_found`: there is no such run"),
    ),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, paging.limit)?;
    let id = find(&request, &state, &id).await?;
    let after = paging.after.as_deref().unwrap_or_default();
    let rows = state.context.store.run_candidates(id, after, limit).await;
    let rows = rows.map_err(|error| Problem::store(&request, &error))?;
    let mut response = paging::answer(&rows, limit, |last| {
        let after = utf8_percent_encode(&last.name, NON_ALPHANUMERIC);
        format!("/api/runs/{id}/candidates?after={after}&limit={limit}")
    });
    Ok(response.json(Answer { data: rows }))
}

/// Remove what a held sweep would remove
#[utoipa::path(
    post,
    path = "/api/runs/{id}/approve",
    tag = "runs",
    operation_id = "approve_run",
    params(("id" = i64, Path, description = "The run")),
    responses(
        (status = 202, description = "It removes exactly what its list says", body = Answer<Decided>,
            headers(("Location" = String, description = "Where the run is shown"))),
        (status = 404, description = "`not_found`: there is no such run"),
        (status = 409, description = "`run_not_held`: somebody decided already, or a later sweep took its place"),
    ),
)]
pub(super) async fn approve(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = find(&request, &state, &id).await?;
    let verdict = sweep::approve(&state.context, id).await.map_err(|error| Problem::store(&request, &error))?;
    decided(&request, verdict, id)?;
    let location = format!("/api/runs/{id}");
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, location))
        .json(Answer { data: Decided { id, state: RunState::Running } }))
}

/// Do not remove what a held sweep would remove
#[utoipa::path(
    post,
    path = "/api/runs/{id}/discard",
    tag = "runs",
    operation_id = "discard_run",
    params(("id" = i64, Path, description = "The run")),
    responses(
        (status = 200, description = "It removes nothing", body = Answer<Decided>),
        (status = 404, description = "`not_found`: there is no such run"),
        (status = 409, description = "`run_not_held`: somebody decided already, or a later sweep took its place"),
    ),
)]
pub(super) async fn discard(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = find(&request, &state, &id).await?;
    let verdict = sweep::discard(&state.context.store, id).await.map_err(|error| Problem::store(&request, &error))?;
    decided(&request, verdict, id)?;
    Ok(HttpResponse::Ok().json(Answer { data: Decided { id, state: RunState::Discarded } }))
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DecidedRun)]
pub(super) struct Decided {
    /// The run.
    #[schema(value_type = i64)]
    id: RunId,
    /// `running` where it was approved, `discarded` where it was not.
    state: RunState,
}

fn decided(request: &HttpRequest, verdict: Verdict, id: RunId) -> Result<(), Problem> {
    match verdict {
        Verdict::Done => Ok(()),
        Verdict::NotHeld => {
            let detail = format!("the run {id} is not held: somebody decided already, or a later sweep took its place");
            Err(Problem::new(request, Code::RunNotHeld, detail))
        }
        Verdict::Unknown => Err(missing(request, &id.to_string())),
    }
}

async fn find(request: &HttpRequest, state: &State, id: &str) -> Result<RunId, Problem> {
    let id: RunId = id.parse().map_err(|_not_a_number| missing(request, id))?;
    let found = state.context.store.run(id).await.map_err(|error| Problem::store(request, &error))?;
    found.map(|run| run.id).ok_or_else(|| missing(request, &id.to_string()))
}

fn missing(request: &HttpRequest, id: &str) -> Problem {
    Problem::new(request, Code::NotFound, format!("there is no run {id}"))
}
