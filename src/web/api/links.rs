//! `POST /api/customers/{id}/link`, `…/unlink`, `GET /api/suggestions`, `POST /api/suggestions/{id}/accept`, `…/reject`.
//!
//! Invariant: a link is made by a worker, so linking and accepting answer 202 (or, with `wait`, the outcome); unlinking is
//! done when it is answered. What is true of rows and documents is decided in `sync::links`.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::super::State;
use super::super::error::{Code, Problem};
use super::customers::{Waiting, outcome};
use super::paging;
use crate::domain::customer::CustomerId;
use crate::domain::suggestion::SuggestionState;
use crate::sync::links;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// ERPNext's name of the document.
    erpnext_id: String,
}

pub(super) async fn link(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    waiting: Query<Waiting>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let wait = waiting.seconds(&request)?;
    let id: CustomerId = number(&request, &id)?;
    let linked = links::link(&state.context, id, &wanted.erpnext_id).await;
    let requested = linked.map_err(|error| Problem::link(&request, &error))?;
    state.wake.wake();
    outcome(&request, &state, &requested, wait).await
}

pub(super) async fn unlink(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = number(&request, &id)?;
    let name = links::unlink(&state.context.store, id).await.map_err(|error| Problem::link(&request, &error))?;
    state.wake.wake();
    Ok(HttpResponse::Ok().json(json!({"data": {"customer": id, "effect": "unlinked", "erpnext_id": name}})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// `open` (the default), `accepted`, `rejected`, `done` or `all`.
    state: Option<String>,
    /// The last id of the page before.
    after: Option<i64>,
    /// Rows wanted, 1 to 500.
    limit: Option<u32>,
}

pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, paging.limit)?;
    let word = paging.state.as_deref().unwrap_or(SuggestionState::Open.as_str());
    let only = SuggestionState::parse(word);
    if only.is_none() && word != "all" {
        let detail = "state must be open, accepted, rejected, done or all";
        return Err(Problem::new(&request, Code::BadRequest, detail));
    }
    let page = state.context.store.suggestions(only, paging.after.unwrap_or_default(), limit).await;
    let page = page.map_err(|error| Problem::store(&request, &error))?;
    let mut response =
        paging::answer(&page, limit, |last| format!("/api/suggestions?state={word}&after={}&limit={limit}", last.id));
    Ok(response.json(json!({"data": page})))
}

pub(super) async fn accept(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    decide(&request, &state, &id, true).await
}

pub(super) async fn reject(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    decide(&request, &state, &id, false).await
}

async fn decide(request: &HttpRequest, state: &State, id: &str, accept: bool) -> Result<HttpResponse, Problem> {
    let decided = links::decide(&state.context.store, number(request, id)?, accept).await;
    let decided = decided.map_err(|error| Problem::link(request, &error))?;
    state.wake.wake();
    Ok(HttpResponse::Accepted().json(json!({"data": decided})))
}

/// An id of a path.
fn number(request: &HttpRequest, id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_not_a_number| Problem::new(request, Code::NotFound, format!("{id} is no id")))
}
