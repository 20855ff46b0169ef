//! What a held sweep would remove: `GET /api/runs/{id}/candidates`, `POST /api/runs/{id}/approve` and `/discard`.
//!
//! Invariant: only an admin decides, and of two who do the first one counts.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::super::State;
use super::super::error::{Code, Problem};
use super::paging;
use crate::domain::run::RunId;
use crate::sync::sweep::{self, Verdict};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// The last name of the page before.
    after: Option<String>,
    /// Rows wanted, 1 to 500.
    limit: Option<u32>,
}

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
    Ok(response.json(json!({"data": rows})))
}

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
        .json(json!({"data": {"id": id, "state": "running"}})))
}

pub(super) async fn discard(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = find(&request, &state, &id).await?;
    let verdict = sweep::discard(&state.context.store, id).await.map_err(|error| Problem::store(&request, &error))?;
    decided(&request, verdict, id)?;
    Ok(HttpResponse::Ok().json(json!({"data": {"id": id, "state": "discarded"}})))
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
