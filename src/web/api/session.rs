//! `POST /api/session` (sign in), `GET` (who am I), `DELETE` (sign out), `PUT /api/session/password`, `DELETE /api/sessions`,
//! `POST /api/first-admin`.
//!
//! Invariant: what these do, the pages do by the same functions (`auth::entry`); here it only becomes JSON.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::State;
use super::super::auth::{Caller, Who, cookie, entry};
use super::super::error::{Code, Problem};
use super::answer::Answer;
use crate::domain::role::Role;
use crate::sync::sessions::{self, SignedIn};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// The name to sign in with.
    name: String,
    /// The password.
    password: String,
}

/// Sign in
#[utoipa::path(
    post,
    path = "/api/session",
    operation_id = "sign_in",
    request_body = Credentials,
    responses(
        (status = 200, description = "Signed in", body = Answer<Person>,
            headers(("Set-Cookie" = String, description = "The session"))),
        (status = 401, description = "`wrong_credentials`: name or password is wrong"),
    ),
)]
pub(super) async fn sign_in(
    request: HttpRequest,
    state: Data<State>,
    given: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    let Credentials { name, password } = given.into_inner();
    begin(&request, &state, &name, &password).await
}

async fn begin(request: &HttpRequest, state: &State, name: &str, password: &str) -> Result<HttpResponse, Problem> {
    let entered = entry::sign_in(request, state, name, password).await?;
    let data = shown(entered.user, &entered.session);
    Ok(HttpResponse::Ok().cookie(entered.cookie).json(Answer { data }))
}

/// Who somebody is, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Account {
    /// The id of the user, or of the token.
    id: i64,
    /// The name of the user, or what the token is for.
    name: String,
    /// What they may do.
    role: Role,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(super) struct Person {
    /// The user.
    user: Account,
    /// For the header `X-CSRF-Token` of each change.
    csrf_token: String,
}

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Caller)]
pub(super) enum Me {
    /// Somebody who is signed in.
    Person(Person),
    /// Whoever holds a token.
    Token {
        /// The token.
        token: Account,
    },
}

fn shown(user: SignedIn, session: &str) -> Person {
    let SignedIn { user: id, name, role } = user;
    Person { user: Account { id, name, role }, csrf_token: sessions::csrf_token(session) }
}

/// Who am I
#[utoipa::path(
    get,
    path = "/api/session",
    operation_id = "who_am_i",
    responses((status = 200, description = "The user who is signed in, or the token", body = Answer<Me>)),
)]
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request)?;
    let data = match caller.who {
        Who::User { id, name, session } => Me::Person(shown(SignedIn { user: id, name, role: caller.role }, &session)),
        Who::Token { id, name } => Me::Token { token: Account { id, name, role: caller.role } },
    };
    Ok(HttpResponse::Ok().json(Answer { data }))
}

/// Sign out here
#[utoipa::path(
    delete,
    path = "/api/session",
    operation_id = "sign_out",
    responses(
        (status = 204, description = "Signed out",
            headers(("Set-Cookie" = String, description = "Takes the session away"))),
    ),
)]
pub(super) async fn sign_out(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (_id, _name, session) = person(&request)?;
    sessions::sign_out(&state.context.store, &session).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(gone(&request, &state))
}

/// Sign out everywhere
#[utoipa::path(
    delete,
    path = "/api/sessions",
    operation_id = "sign_out_everywhere",
    responses(
        (status = 204, description = "Signed out",
            headers(("Set-Cookie" = String, description = "Takes the session away"))),
    ),
)]
pub(super) async fn sign_out_everywhere(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (id, _name, _session) = person(&request)?;
    state.context.store.end_sessions(id).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(gone(&request, &state))
}

fn gone(request: &HttpRequest, state: &State) -> HttpResponse {
    HttpResponse::NoContent().cookie(cookie::none(state.trust.is_secure(request))).finish()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// The present one.
    current: String,
    /// The one to come: 12 characters at least, 1,024 bytes at most.
    #[schema(min_length = 12, max_length = 1024)]
    new: String,
}

/// Change the own password
///
/// Ends all sessions of the user, and begins a new one here.
#[utoipa::path(
    put,
    path = "/api/session/password",
    operation_id = "change_password",
    request_body = NewPassword,
    responses(
        (status = 200, description = "Changed, and signed in anew", body = Answer<Person>,
            headers(("Set-Cookie" = String, description = "The session"))),
        (status = 401, description = "`wrong_credentials`: this is not the present password"),
    ),
)]
pub(super) async fn change_password(
    request: HttpRequest,
    state: Data<State>,
    given: Json<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let (id, name, _session) = person(&request)?;
    let NewPassword { current, new } = given.into_inner();
    entry::change_password(&request, &state, (id, &name), &current, &new).await?;
    begin(&request, &state, &name, &new).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstAdmin {
    /// From the log of the first start.
    token: String,
    /// The name to sign in with.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$")]
    name: String,
    /// 12 characters at least, 1,024 bytes at most.
    #[schema(min_length = 12, max_length = 1024)]
    password: String,
}

/// Become the first admin, with the token that the log shows at the first start
#[utoipa::path(
    post,
    path = "/api/first-admin",
    operation_id = "add_first_admin",
    request_body = FirstAdmin,
    responses(
        (status = 201, description = "There is an admin now, who may sign in", body = Answer<Account>),
        (status = 403, description = "`link_used`: the token is wrong, used or too old"),
        (status = 409, description = "`user_exists`: somebody has this name"),
    ),
)]
pub(super) async fn first_admin(
    request: HttpRequest,
    state: Data<State>,
    given: Json<FirstAdmin>,
) -> Result<HttpResponse, Problem> {
    let FirstAdmin { token, name, password } = given.into_inner();
    let (id, name) = entry::first_admin(&request, &state, &token, &name, &password).await?;
    Ok(HttpResponse::Created().json(Answer { data: Account { id, name: name.as_str().to_owned(), role: Role::Admin } }))
}

/// Id, name and session of the person who calls.
fn person(request: &HttpRequest) -> Result<(i64, String, String), Problem> {
    match Caller::of(request)?.who {
        Who::User { id, name, session } => Ok((id, name, session)),
        Who::Token { .. } => Err(Problem::new(request, Code::Forbidden, "this is for people who are signed in")),
    }
}
