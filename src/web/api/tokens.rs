//! `GET /api/tokens`, `POST /api/tokens`, `DELETE /api/tokens/{id}`.
//!
//! Invariant: a token is in exactly one answer, the one to its making; lists never have it nor its hash.

use std::time::Duration;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::State;
use super::super::auth::trail;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use crate::domain::role::Role;
use crate::store::ListedToken;
use crate::sync::tokens;

/// The longest that a token may live where it is to expire: a hundred years.
const LONGEST_DAYS: u32 = 36_500;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Who has access by token
#[utoipa::path(
    get,
    path = "/api/tokens",
    operation_id = "list_tokens",
    responses((status = 200, description = "Every token, without what opens the door", body = Answer<Vec<ListedToken>>)),
)]
pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tokens = state.context.store.tokens().await.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Answer { data: tokens }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct New {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do.
    role: Role,
    /// Days until it is refused; without it: never.
    #[schema(minimum = 1, maximum = 36500)]
    expires_in_days: Option<u32>,
}

/// Make a token
#[utoipa::path(
    post,
    path = "/api/tokens",
    operation_id = "create_token",
    request_body = New,
    responses((status = 201, description = "It is in this answer and nowhere else", body = Answer<Made>)),
)]
pub(super) async fn create(request: HttpRequest, state: Data<State>, new: Json<New>) -> Result<HttpResponse, Problem> {
    let New { name, role, expires_in_days } = new.into_inner();
    let bad = |detail: String| Problem::new(&request, Code::BadRequest, detail);
    if !tokens::is_name(&name) {
        return Err(bad(format!(
            "name must be one line of 1 to {} characters, one of them visible",
            tokens::LONGEST_NAME
        )));
    }
    if expires_in_days.is_some_and(|days| !(1..=LONGEST_DAYS).contains(&days)) {
        return Err(bad(format!("expires_in_days must be 1 to {LONGEST_DAYS}")));
    }
    let lifetime = expires_in_days.map(|days| DAY.saturating_mul(days));
    let issued = tokens::issue(&state.context.store, &name, role, lifetime).await;
    let issued = issued.map_err(|error| Problem::store(&request, &error))?;
    trail::made(&request, issued.id);
    Ok(HttpResponse::Created().json(Answer { data: Made { id: issued.id, name, role, token: issued.plain } }))
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
pub(super) struct Made {
    /// Its id.
    id: i64,
    /// What it is for.
    name: String,
    /// What it may do.
    role: Role,
    /// What to send as `Authorization: Bearer …`.
    token: String,
}

/// Make a token useless at once
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    operation_id = "revoke_token",
    params(("id" = i64, Path, description = "The token")),
    responses(
        (status = 204, description = "It opens nothing any more"),
        (status = 404, description = "`not_found`: there is no such token"),
    ),
)]
pub(super) async fn revoke(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::new(&request, Code::NotFound, format!("there is no token {id}"));
    let number: i64 = id.parse().map_err(|_not_a_number| missing())?;
    let revoked = state.context.store.delete_token(number).await.map_err(|error| Problem::store(&request, &error))?;
    if revoked { Ok(HttpResponse::NoContent().finish()) } else { Err(missing()) }
}
