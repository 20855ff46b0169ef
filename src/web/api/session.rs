//! `POST /api/session` (sign in), `GET` (who am I), `DELETE` (sign out), `PUT /api/session/password`, `DELETE /api/sessions`,
//! `POST /api/first-admin`.
//!
//! Invariant: a session is new at every sign-in, and the one that the browser brought ends; a name that nobody has is
//! answered as a wrong password is, in text and in time.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::State;
use super::super::auth::{Caller, Who, cookie, trail};
use super::super::error::{Code, Problem};
use crate::domain::audit::{Action, Actor};
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::sync::sessions::{self, SignInError, SignedIn};
use crate::sync::users;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

pub(super) async fn sign_in(
    request: HttpRequest,
    state: Data<State>,
    given: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    let Credentials { name, password } = given.into_inner();
    begin(&request, &state, &name, &password).await
}

/// Checks name and password and answers with a new session.
async fn begin(request: &HttpRequest, state: &State, name: &str, password: &str) -> Result<HttpResponse, Problem> {
    let store = &state.context.store;
    let address = state.trust.address(request);
    state.rates.sign_in(address, name).map_err(|wait| Problem::too_many(request, wait))?;
    let signed_in = sessions::sign_in(store, &state.passwords, name, password, state.session_life).await;
    let (actor, action, status) = match &signed_in {
        Ok((_id, user)) => (Actor::User { id: user.user, name: user.name.clone() }, Action::SignIn, StatusCode::OK),
        Err(SignInError::Wrong { user }) => {
            let actor = user.clone().map_or(Actor::Unknown, |(id, name)| Actor::User { id, name });
            (actor, Action::SignInFailed, StatusCode::UNAUTHORIZED)
        }
        Err(error) => return Err(refused(request, error)),
    };
    let noted = trail::note(request, state, actor, action, status).await;
    noted.map_err(|error| Problem::store(request, &error))?;
    let (id, user) = signed_in.map_err(|error| refused(request, &error))?;
    let secure = state.trust.is_secure(request);
    if let Some(before) = cookie::session_of(request, secure) {
        sessions::sign_out(store, &before).await.map_err(|error| Problem::store(request, &error))?;
    }
    let cookie = cookie::with(&id, secure, state.session_life.longest);
    Ok(HttpResponse::Ok().cookie(cookie).json(json!({"data": shown(&user, &id)})))
}

fn refused(request: &HttpRequest, error: &SignInError) -> Problem {
    match error {
        SignInError::Store(error) => Problem::store(request, error),
        SignInError::Password(error) => Problem::password(request, error),
        SignInError::Wrong { .. } => Problem::new(request, Code::WrongCredentials, error.to_string()),
    }
}

fn shown(user: &SignedIn, session: &str) -> Value {
    json!({
        "user": {"id": user.user, "name": user.name, "role": user.role},
        "csrf_token": sessions::csrf_token(session),
    })
}

pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request)?;
    let data = match caller.who {
        Who::User { id, name, session } => shown(&SignedIn { user: id, name, role: caller.role }, &session),
        Who::Token { id, name } => json!({"token": {"id": id, "name": name, "role": caller.role}}),
    };
    Ok(HttpResponse::Ok().json(json!({"data": data})))
}

pub(super) async fn sign_out(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (_id, _name, session) = person(&request)?;
    sessions::sign_out(&state.context.store, &session).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(gone(&request, &state))
}

pub(super) async fn sign_out_everywhere(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (id, _name, _session) = person(&request)?;
    state.context.store.end_sessions(id).await.map_err(|error| Problem::store(&request, &error))?;
    Ok(gone(&request, &state))
}

fn gone(request: &HttpRequest, state: &State) -> HttpResponse {
    HttpResponse::NoContent().cookie(cookie::none(state.trust.is_secure(request))).finish()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    current: String,
    new: String,
}

/// Ends all sessions of the user, and begins a new one here.
pub(super) async fn change_password(
    request: HttpRequest,
    state: Data<State>,
    given: Json<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let (id, name, _session) = person(&request)?;
    let NewPassword { current, new } = given.into_inner();
    let store = &state.context.store;
    let address = state.trust.address(&request);
    state.rates.sign_in(address, &name).map_err(|wait| Problem::too_many(&request, wait))?;
    let known = store.credentials(&name).await.map_err(|error| Problem::store(&request, &error))?;
    let known = known.as_ref().map(|user| user.password.as_str());
    let right = state.passwords.check(&current, known).await;
    if !right.map_err(|error| Problem::password(&request, &error))? {
        return Err(Problem::new(&request, Code::WrongCredentials, "this is not your present password"));
    }
    let changed = users::set_password(store, &state.passwords, id, &new).await;
    changed.map_err(|error| Problem::user(&request, &error))?;
    begin(&request, &state, &name, &new).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstAdmin {
    token: String,
    name: String,
    password: String,
}

pub(super) async fn first_admin(
    request: HttpRequest,
    state: Data<State>,
    given: Json<FirstAdmin>,
) -> Result<HttpResponse, Problem> {
    let FirstAdmin { token, name, password } = given.into_inner();
    let wait = |wait| Problem::too_many(&request, wait);
    state.rates.sign_in(state.trust.address(&request), "").map_err(wait)?;
    let name = UserName::parse(&name).map_err(|error| Problem::new(&request, Code::BadRequest, error.to_string()))?;
    let added = users::add_first_admin(&state.context.store, &state.passwords, &token, &name, &password).await;
    let id = added.map_err(|error| Problem::user(&request, &error))?;
    let actor = Actor::User { id, name: name.as_str().to_owned() };
    let noted = trail::note(&request, &state, actor, Action::FirstAdmin, StatusCode::CREATED).await;
    noted.map_err(|error| Problem::store(&request, &error))?;
    Ok(HttpResponse::Created().json(json!({"data": {"id": id, "name": name, "role": Role::Admin}})))
}

/// Id, name and session of the person who calls.
fn person(request: &HttpRequest) -> Result<(i64, String, String), Problem> {
    match Caller::of(request)?.who {
        Who::User { id, name, session } => Ok((id, name, session)),
        Who::Token { .. } => Err(Problem::new(request, Code::Forbidden, "this is for people who are signed in")),
    }
}
