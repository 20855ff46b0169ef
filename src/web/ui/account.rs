//! `/account`: one's own password and sessions.
//!
//! Invariant: whoever changes the password must know the present one, stays signed in here and is signed out everywhere
//! else.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use serde::Deserialize;

use super::super::State;
use super::super::auth::entry;
use super::super::error::{Code, Problem};
use super::frame::{Frame, Reader};
use super::page::render_as;
use super::text::sentence;
use super::time::{distance, moment};
use super::{form, notice, sign_in};
use crate::store::ListedSession;
use crate::sync::sessions;

#[derive(Template)]
#[template(path = "account.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    name: String,
    role: &'static str,
    wrong: Option<String>,
    sessions: Vec<ListedSession>,
    /// The session that asks.
    own: String,
}

impl Page {
    fn is_own(&self, session: &ListedSession) -> bool {
        sessions::is_own(session, &self.own)
    }
}

pub(super) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    answer(&request, &state, StatusCode::OK, None).await
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    wrong: Option<String>,
) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(request, state, None, "Your account").await?;
    let Reader { id, name, role, session: own } = Reader::of(request)?;
    let sessions = sessions::open(&state.context.store, Some(id), state.session_life).await;
    let sessions = sessions.map_err(|error| Problem::store(request, &error))?;
    Ok(render_as(status, &Page { frame, name, role: role.as_str(), wrong, sessions, own }))
}

#[derive(Deserialize)]
struct NewPassword {
    current: String,
    new: String,
}

pub(super) async fn change_password(
    request: HttpRequest,
    state: Data<State>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let NewPassword { current, new } = form::fields(&request, &body)?;
    let Reader { id, name, .. } = Reader::of(&request)?;
    match entry::change_password(&request, &state, (id, &name), &current, &new).await {
        Ok(()) => {
            let entered = entry::sign_in(&request, &state, &name, &new).await?;
            let mut response = notice::and_say("/account", notice::Tone::Good, "Your password is changed.");
            sign_in::keep(&request, &mut response, &entered.cookie)?;
            Ok(response)
        }
        Err(problem) if problem.code() == Code::Unavailable => Err(problem),
        Err(problem) => answer(&request, &state, problem.status_code(), Some(sentence(problem.detail()))).await,
    }
}

pub(super) async fn end_session(
    request: HttpRequest,
    state: Data<State>,
    session: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Reader { id, .. } = Reader::of(&request)?;
    let ended = sessions::end(&state.context.store, id, &session).await;
    let (tone, said) = match ended.map_err(|error| Problem::store(&request, &error))? {
        true => (notice::Tone::Good, "That session is over."),
        false => (notice::Tone::Bad, "It was over already."),
    };
    Ok(notice::and_say("/account", tone, said))
}

pub(super) async fn sign_out_everywhere(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let Reader { id, .. } = Reader::of(&request)?;
    state.context.store.end_sessions(id).await.map_err(|error| Problem::store(&request, &error))?;
    sign_in::gone(&request, &state, "You are signed out everywhere.")
}
