//! `GET /api/users`, `POST /api/users`, `PATCH /api/users/{id}`, `DELETE /api/users/{id}`, `DELETE /api/users/{id}/sessions`.
//!
//! Invariant: whoever's role or password changes is signed out; the last admin stays one. No answer holds a password.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::State;
use super::super::auth::trail;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::store::UserRow;
use crate::sync::users;

/// Who may sign in
#[utoipa::path(
    get,
    path = "/api/users",
    operation_id = "list_users",
    responses((status = 200, description = "Every user", body = Answer<Vec<UserRow>>)),
)]
pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let users = state.context.store.users().await.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Answer { data: users }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub(super) struct New {
    /// The name to sign in with.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$")]
    name: String,
    /// What they may do.
    role: Role,
    /// 12 characters at least, 1,024 bytes at most.
    #[schema(min_length = 12, max_length = 1024)]
    password: String,
}

/// Add a user
#[utoipa::path(
    post,
    path = "/api/users",
    operation_id = "add_user",
    request_body = New,
    responses(
        (status = 201, description = "The user", body = Answer<UserRow>),
        (status = 404, description = "`not_found`: somebody removed the user meanwhile"),
        (status = 409, description = "`user_exists`: somebody has this name"),
    ),
)]
pub(super) async fn create(request: HttpRequest, state: Data<State>, new: Json<New>) -> Result<HttpResponse, Problem> {
    let New { name, role, password } = new.into_inner();
    let name = UserName::parse(&name).map_err(|error| Problem::new(&request, Code::BadRequest, error.to_string()))?;
    let added = users::add(&state.context.store, &state.passwords, &name, role, &password).await;
    let id = added.map_err(|error| Problem::user(&request, &error))?;
    trail::made(&request, id);
    let user = find(&request, &state, &id.to_string()).await?;
    Ok(HttpResponse::Created().json(Answer { data: user }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub(super) struct Change {
    /// What they may do from now on.
    role: Option<Role>,
    /// 12 characters at least, 1,024 bytes at most.
    #[schema(min_length = 12, max_length = 1024)]
    password: Option<String>,
}

/// Give a user another role or password, which signs them out
#[utoipa::path(
    patch,
    path = "/api/users/{id}",
    operation_id = "change_user",
    params(("id" = i64, Path, description = "The user")),
    request_body = Change,
    responses(
        (status = 200, description = "The user", body = Answer<UserRow>),
        (status = 404, description = "`not_found`: there is no such user"),
        (status = 409, description = "`last_admin`: nobody would be admin any more"),
    ),
)]
pub(super) async fn change(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    change: Json<Change>,
) -> Result<HttpResponse, Problem> {
    let Change { role, password } = change.into_inner();
    let user = find(&request, &state, &id).await?;
    let (store, passwords) = (&state.context.store, &state.passwords);
    let changed = users::change(store, passwords, user.id, role, password.as_deref()).await;
    changed.map_err(|error| Problem::user(&request, &error))?;
    Ok(HttpResponse::Ok().json(Answer { data: find(&request, &state, &id).await? }))
}

/// Remove a user
#[utoipa::path(
    delete,
    path = "/api/users/{id}",
    operation_id = "remove_user",
    params(("id" = i64, Path, description = "The user")),
    responses(
        (status = 204, description = "The user is gone and signed out"),
        (status = 404, description = "`not_found`: there is no such user"),
        (status = 409, description = "`last_admin`: nobody would be admin any more"),
    ),
)]
pub(super) async fn remove(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = find(&request, &state, &id).await?;
    users::remove(&state.context.store, user.id).await.map_err(|error| Problem::user(&request, &error))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sign a user out everywhere
#[utoipa::path(
    delete,
    path = "/api/users/{id}/sessions",
    operation_id = "sign_out_user",
    params(("id" = i64, Path, description = "The user")),
    responses(
        (status = 204, description = "The user is signed out"),
        (status = 404, description = "`not_found`: there is no such user"),
    ),
)]
pub(super) async fn sign_out(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = find(&request, &state, &id).await?;
    state.context.store.end_sessions(user.id).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::NoContent().finish())
}

async fn find(request: &HttpRequest, state: &State, id: &str) -> Result<UserRow, Problem> {
    let missing = || Problem::new(request, Code::NotFound, format!("there is no user {id}"));
    let number: i64 = id.parse().map_err(|_not_a_number| missing())?;
    let found = state.context.store.user(number).await.map_err(|error| Problem::store(request, &error))?;
    found.ok_or_else(missing)
}
