//! `GET /api/users`, `POST /api/users`, `PATCH /api/users/{id}`, `DELETE /api/users/{id}`, `DELETE /api/users/{id}/sessions`.
//!
//! Invariant: whoever's role or password changes is signed out; the last admin stays one. No answer holds a password.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::super::State;
use super::super::error::{Code, Problem};
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::store::UserRow;
use crate::sync::users;

pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let users = state.context.store.users().await.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(json!({"data": users})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    role: Role,
    password: String,
}

pub(super) async fn create(request: HttpRequest, state: Data<State>, new: Json<New>) -> Result<HttpResponse, Problem> {
    let New { name, role, password } = new.into_inner();
    let name = UserName::parse(&name).map_err(|error| Problem::new(&request, Code::BadRequest, error.to_string()))?;
    let added = users::add(&state.context.store, &state.passwords, &name, role, &password).await;
    let id = added.map_err(|error| Problem::user(&request, &error))?;
    let user = find(&request, &state, &id.to_string()).await?;
    Ok(HttpResponse::Created().json(json!({"data": user})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    role: Option<Role>,
    password: Option<String>,
}

pub(super) async fn change(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    change: Json<Change>,
) -> Result<HttpResponse, Problem> {
    let Change { role, password } = change.into_inner();
    let user = find(&request, &state, &id).await?;
    let store = &state.context.store;
    if let Some(role) = role {
        users::set_role(store, user.id, role).await.map_err(|error| Problem::user(&request, &error))?;
    }
    if let Some(password) = password {
        let changed = users::set_password(store, &state.passwords, user.id, &password).await;
        changed.map_err(|error| Problem::user(&request, &error))?;
    }
    Ok(HttpResponse::Ok().json(json!({"data": find(&request, &state, &id).await?})))
}

pub(super) async fn remove(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = find(&request, &state, &id).await?;
    users::remove(&state.context.store, user.id).await.map_err(|error| Problem::user(&request, &error))?;
    Ok(HttpResponse::NoContent().finish())
}

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
