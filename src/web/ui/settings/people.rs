//! `/settings/people`: who may sign in.
//!
//! Invariant: as in the API: whoever's role or password changes is signed out, and the last admin stays one.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::auth::trail;
use super::super::super::error::{Code, Problem};
use super::super::address::address;
use super::super::form;
use super::super::frame::{Frame, Reader};
use super::super::page::render_as;
use super::super::text::sentence;
use super::super::time::{distance, moment};
use super::{PEOPLE, Tabs, frame, said, said_at};
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::store::UserRow;
use crate::sync::users;

#[derive(Template)]
#[template(path = "settings/people.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    people: Vec<UserRow>,
    /// The reader's own id.
    own: i64,
    /// What was filled in, where it was refused.
    filled: Filled,
    /// Of whom something was refused, and why.
    refused: Option<(i64, String)>,
}

impl Page {
    /// Why something about that person was refused.
    fn refused_of(&self, id: &i64) -> Option<&str> {
        self.refused.as_ref().filter(|(of, _why)| of == id).map(|(_of, why)| why.as_str())
    }
}

/// The form for somebody new, as it was sent; without the password, which is never sent back.
#[derive(Default)]
struct Filled {
    name: String,
    role: Option<Role>,
    wrong: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::web::ui) struct Wanted {
    /// Of whom something was refused: it is said beside the form.
    about: Option<i64>,
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    answer(&request, &state, StatusCode::OK, Filled::default(), wanted.about).await
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    filled: Filled,
    about: Option<i64>,
) -> Result<HttpResponse, Problem> {
    let Reader { id: own, role, .. } = Reader::of(request)?;
    let people = state.context.store.users().await.map_err(|error| Problem::store(request, &error))?;
    let mut frame = frame(request, state, PEOPLE).await?;
    let refused = about.and_then(|id| Some((id, frame.notice.take()?.text)));
    Ok(render_as(status, &Page { frame, tabs: Tabs::at(PEOPLE, role), people, own, filled, refused }))
}

#[derive(Deserialize)]
struct New {
    name: String,
    role: Role,
    password: String,
}

pub(in crate::web::ui) async fn add(
    request: HttpRequest,
    state: Data<State>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let New { name, role, password } = form::fields(&request, &body)?;
    let wrong = |error: crate::domain::user::WrongName| Problem::new(&request, Code::BadRequest, error.to_string());
    let added = match UserName::parse(&name).map_err(wrong) {
        Ok(name) => {
            let added = users::add(&state.context.store, &state.passwords, &name, role, &password).await;
            added.map(|id| trail::made(&request, id)).map_err(|error| Problem::user(&request, &error))
        }
        Err(problem) => Err(problem),
    };
    match added {
        Ok(()) => said(PEOPLE, Ok(()), &format!("{} may sign in now.", name.trim())),
        Err(problem) if problem.code() == Code::Unavailable => Err(problem),
        Err(problem) => {
            let filled = Filled { name, role: Some(role), wrong: Some(sentence(problem.detail())) };
            answer(&request, &state, problem.status_code(), filled, None).await
        }
    }
}

#[derive(Deserialize)]
struct NewRole {
    role: Role,
}

pub(in crate::web::ui) async fn set_role(
    request: HttpRequest,
    state: Data<State>,
    id: Path<i64>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let NewRole { role } = form::fields(&request, &body)?;
    let done = users::set_role(&state.context.store, *id, role).await;
    let text = format!("The role is {} now; they sign in anew.", role.as_str());
    told(*id, done.map_err(|error| Problem::user(&request, &error)), &text)
}

#[derive(Deserialize)]
struct NewPassword {
    password: String,
}

pub(in crate::web::ui) async fn set_password(
    request: HttpRequest,
    state: Data<State>,
    id: Path<i64>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let NewPassword { password } = form::fields(&request, &body)?;
    let done = users::set_password(&state.context.store, &state.passwords, *id, &password).await;
    told(*id, done.map_err(|error| Problem::user(&request, &error)), "The password is changed; they sign in anew.")
}

pub(in crate::web::ui) async fn sign_out(
    request: HttpRequest,
    state: Data<State>,
    id: Path<i64>,
) -> Result<HttpResponse, Problem> {
    let done = state.context.store.end_sessions(*id).await.map(drop);
    said(PEOPLE, done.map_err(|error| Problem::store(&request, &error)), "Signed out everywhere.")
}

pub(in crate::web::ui) async fn remove(
    request: HttpRequest,
    state: Data<State>,
    id: Path<i64>,
) -> Result<HttpResponse, Problem> {
    let done = users::remove(&state.context.store, *id).await.map_err(|error| Problem::user(&request, &error));
    told(*id, done, "Removed.")
}

/// What an order about a person came to.
fn told(id: i64, done: Result<(), Problem>, text: &str) -> Result<HttpResponse, Problem> {
    said_at(&address(PEOPLE.address, &[("about", &id.to_string())]), PEOPLE, done, text)
}
