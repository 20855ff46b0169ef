//! `POST /api/customers/{id}/link`, `…/unlink`, `GET /api/suggestions`, `POST /api/suggestions/{id}/accept`, `…/reject`.
//!
//! Invariant: a link is made by a worker, so linking and accepting answer 202 (or, with `wait`, the outcome); unlinking is
//! done when it is answered. What is true of rows and documents is decided in `sync::links`.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::auth::Caller;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::customers::{Waiting, outcome};
use super::paging;
use crate::domain::customer::CustomerId;
use crate::domain::suggestion::SuggestionState;
use crate::store::SuggestionRow;
use crate::sync::links;
use crate::sync::request::{Outcome, Queued};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WantedLink)]
pub(super) struct Wanted {
    /// ERPNext's name of the document.
    erpnext_id: String,
}

/// Link a local row to a customer of ERPNext
///
/// A worker makes the link, by reading the customer.
#[utoipa::path(
    post,
    path = "/api/customers/{id}/link",
    operation_id = "link_customer",
    params(("id" = i64, Path, description = "The customer"), Waiting),
    request_body = Wanted,
    responses(
        (status = 200, description = "What it came to, where it was done in time", body = Answer<Outcome>),
        (status = 202, description = "It will be linked", body = Answer<Queued<'static>>),
        (status = 404, description = "`not_found`: there is no such customer"),
        (status = 409, description = "`not_linkable`, `not_in_erpnext`, `already_linked`: the reason"),
        (status = 503, description = "`erpnext_unavailable`: ERPNext cannot be asked for the document"),
    ),
)]
pub(super) async fn link(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    waiting: Query<Waiting>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let patience = waiting.patience(&request, &state)?;
    let id: CustomerId = number(&request, &id)?;
    let linked = links::link(&state.context, id, &wanted.erpnext_id).await;
    let requested = linked.map_err(|error| Problem::link(&request, &error))?;
    state.wake.wake();
    outcome(&request, &state, &requested, patience).await
}

/// Make a linked row local again
#[utoipa::path(
    post,
    path = "/api/customers/{id}/unlink",
    operation_id = "unlink_customer",
    params(("id" = i64, Path, description = "The customer")),
    responses(
        (status = 200, description = "It is local", body = Answer<Unlinked>),
        (status = 404, description = "`not_found`: there is no such customer"),
        (status = 409, description = "`not_linked`: it is not linked"),
    ),
)]
pub(super) async fn unlink(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = number(&request, &id)?;
    let caller = Caller::of(&request)?;
    let unlinked = links::unlink(&state.context.store, id, Some(&caller.who.actor())).await;
    let name = unlinked.map_err(|error| Problem::link(&request, &error))?;
    state.wake.wake();
    Ok(HttpResponse::Ok().json(Answer { data: Unlinked { customer: id, effect: "unlinked", erpnext_id: name } }))
}

/// Which questions are asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Asked {
    #[default]
    Open,
    Accepted,
    Rejected,
    Done,
    All,
}

impl Asked {
    const fn only(self) -> Option<SuggestionState> {
        match self {
            Self::Open => Some(SuggestionState::Open),
            Self::Accepted => Some(SuggestionState::Accepted),
            Self::Rejected => Some(SuggestionState::Rejected),
            Self::Done => Some(SuggestionState::Done),
            Self::All => None,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Where the question stands; `open` unless told otherwise.
    #[serde(default)]
    #[param(inline)]
    state: Asked,
    /// The last id of the page before.
    after: Option<i64>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Which rows and customers of ERPNext may be the same, by id
#[utoipa::path(
    get,
    path = "/api/suggestions",
    operation_id = "list_suggestions",
    params(Paging),
    responses((status = 200, description = "Questions for a person", body = Answer<Vec<SuggestionRow>>)),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, paging.limit)?;
    let only = paging.state.only();
    let word = only.map_or("all", SuggestionState::as_str);
    let page = state.context.store.suggestions(only, paging.after.unwrap_or_default(), limit).await;
    let page = page.map_err(|error| Problem::store(&request, &error))?;
    let mut response =
        paging::answer(&page, limit, |last| format!("/api/suggestions?state={word}&after={}&limit={limit}", last.id));
    Ok(response.json(Answer { data: page }))
}

/// They are the same: link them
#[utoipa::path(
    post,
    path = "/api/suggestions/{id}/accept",
    operation_id = "accept_suggestion",
    params(("id" = i64, Path, description = "The suggestion")),
    responses(
        (status = 202, description = "It is decided", body = Answer<SuggestionRow>),
        (status = 404, description = "`not_found`: there is no such suggestion"),
        (status = 409, description = "`already_decided`, `not_linkable`: decided before, or nothing to accept"),
    ),
)]
pub(super) async fn accept(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    decide(&request, &state, &id, true).await
}

/// They are not the same
#[utoipa::path(
    post,
    path = "/api/suggestions/{id}/reject",
    operation_id = "reject_suggestion",
    params(("id" = i64, Path, description = "The suggestion")),
    responses(
        (status = 202, description = "It is decided", body = Answer<SuggestionRow>),
        (status = 404, description = "`not_found`: there is no such suggestion"),
        (status = 409, description = "`already_decided`, `not_linkable`: decided before, or nothing to accept"),
    ),
)]
pub(super) async fn reject(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    decide(&request, &state, &id, false).await
}

/// What was unlinked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnlinkedCustomer)]
pub(super) struct Unlinked {
    /// The row.
    #[schema(value_type = i64)]
    customer: CustomerId,
    /// `unlinked`.
    effect: &'static str,
    /// ERPNext's name of what it was linked to.
    erpnext_id: String,
}

async fn decide(request: &HttpRequest, state: &State, id: &str, accept: bool) -> Result<HttpResponse, Problem> {
    let decided = links::decide(&state.context.store, number(request, id)?, accept).await;
    let decided = decided.map_err(|error| Problem::link(request, &error))?;
    state.wake.wake();
    Ok(HttpResponse::Accepted().json(Answer { data: decided }))
}

/// An id of a path.
fn number(request: &HttpRequest, id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_not_a_number| Problem::new(request, Code::NotFound, format!("{id} is no id")))
}
