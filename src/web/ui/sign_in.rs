//! `/sign-in` and `/sign-out`.
//!
//! Invariant: who is signed in is led on only to a path of ours. What is wrong with name or password is said as the API
//! says it, and the password is never sent back.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use serde::Deserialize;

use super::super::State;
use super::super::auth::{cookie, entry};
use super::super::error::{Code, Problem};
use super::frame::{Frame, Reader};
use super::page::{own_path, render_as, see_other};
use super::text::sentence;
use super::{form, notice};
use crate::sync::sessions::Counts;
use crate::sync::{sessions, users};

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/ui/askama.toml")]
struct Page<'a> {
    frame: Frame,
    name: &'a str,
    next: &'a str,
    /// What is wrong with the last try.
    wrong: Option<&'a str>,
    /// Nobody can sign in yet.
    nobody: bool,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

pub(super) async fn show(
    request: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let next = own_path(&asked.next);
    if is_signed_in(&request, &state).await {
        return Ok(see_other(next));
    }
    answer(&request, &state, StatusCode::OK, "", next, None).await
}

async fn is_signed_in(request: &HttpRequest, state: &State) -> bool {
    let Some(session) = cookie::session_of(request, state.trust.is_secure(request)) else { return false };
    let found = sessions::who(&state.context.store, &session, state.session_life, Counts::NotAsUse).await;
    found.is_ok_and(|person| person.is_some())
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    name: &str,
    next: &str,
    wrong: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let nobody = users::nobody_can_sign_in(&state.context.store).await;
    let nobody = nobody.map_err(|error| Problem::store(request, &error))?;
    let frame = Frame::plain(request, "Sign in");
    Ok(render_as(status, &Page { frame, name, next, wrong, nobody }))
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn submit(request: HttpRequest, state: Data<State>, body: Bytes) -> Result<HttpResponse, Problem> {
    let Credentials { name, password, next } = form::fields(&request, &body)?;
    let next = own_path(&next);
    match entry::sign_in(&request, &state, &name, &password).await {
        Ok(entered) => {
            let mut response = see_other(next);
            keep(&request, &mut response, &entered.cookie)?;
            Ok(response)
        }
        Err(problem) if matches!(problem.code(), Code::WrongCredentials | Code::TooManyRequests) => {
            answer(&request, &state, problem.status_code(), &name, next, Some(&sentence(problem.detail()))).await
        }
        Err(problem) => Err(problem),
    }
}

/// The browser keeps the session.
pub(super) fn keep(
    request: &HttpRequest,
    response: &mut HttpResponse,
    cookie: &actix_web::cookie::Cookie<'_>,
) -> Result<(), Problem> {
    response.add_cookie(cookie).map_err(|error| {
        tracing::error!(%error, "a session could not be handed out");
        Problem::new(request, Code::Unavailable, "signing in is not possible at the moment")
    })
}

pub(super) async fn sign_out(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let Reader { session, .. } = Reader::of(&request)?;
    sessions::sign_out(&state.context.store, &session).await.map_err(|error| Problem::store(&request, &error))?;
    gone(&request, &state, "You are signed out.")
}

/// To the sign-in page, without the session.
pub(super) fn gone(request: &HttpRequest, state: &State, text: &str) -> Result<HttpResponse, Problem> {
    let mut response = notice::and_say("/sign-in", notice::Tone::Good, text);
    keep(request, &mut response, &cookie::none(state.trust.is_secure(request)))?;
    Ok(response)
}
