//! `/settings/tokens`: what scripts and applications come in with.
//!
//! Invariant: a token stands on one page, the answer to its making, and nowhere afterwards.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::auth::trail;
use super::super::super::error::{Code, Problem};
use super::super::form;
use super::super::frame::{Frame, Reader};
use super::super::page::render_as;
use super::super::time::{distance, moment};
use super::{TOKENS, Tabs, frame, said};
use crate::domain::role::Role;
use crate::store::ListedToken;
use crate::sync::tokens;

const NO_NAME: &str = "A token needs a name of one line that can be read, so that somebody knows later what it is for.";
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Template)]
#[template(path = "settings/tokens.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    tokens: Vec<ListedToken>,
    /// The one that was made just now.
    made: Option<String>,
    /// What was filled in, where it was refused.
    filled: Filled,
}

/// The form for a new token, as it was sent.
struct Filled {
    name: String,
    role: Role,
    days: String,
    wrong: Option<&'static str>,
}

impl Default for Filled {
    fn default() -> Self {
        Self { name: String::new(), role: Role::Viewer, days: "90".to_owned(), wrong: None }
    }
}

pub(in crate::web::ui) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    answer(&request, &state, None, Filled::default()).await
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    made: Option<String>,
    filled: Filled,
) -> Result<HttpResponse, Problem> {
    let role = Reader::of(request)?.role;
    let tokens = state.context.store.tokens().await.map_err(|error| Problem::store(request, &error))?;
    let frame = frame(request, state, TOKENS).await?;
    let status = if filled.wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(render_as(status, &Page { frame, tabs: Tabs::at(TOKENS, role), tokens, made, filled }))
}

#[derive(Deserialize)]
struct New {
    name: String,
    role: Role,
    /// Days until it is refused; empty for never.
    days: String,
}

pub(in crate::web::ui) async fn create(
    request: HttpRequest,
    state: Data<State>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let New { name, role, days } = form::fields(&request, &body)?;
    let lifetime = match lifetime(&days) {
        Ok(lifetime) if tokens::is_name(&name) => lifetime,
        read => {
            let wrong = Some(read.err().unwrap_or(NO_NAME));
            return answer(&request, &state, None, Filled { name, role, days, wrong }).await;
        }
    };
    let issued = tokens::issue(&state.context.store, &name, role, lifetime).await;
    let issued = issued.map_err(|error| Problem::store(&request, &error))?;
    trail::made(&request, issued.id);
    answer(&request, &state, Some(issued.plain), Filled::default()).await
}

/// How long a token of so many days lives; `None` for ever.
fn lifetime(days: &str) -> Result<Option<Duration>, &'static str> {
    const WRONG: &str = "The days must be a number from 1 to 36,500, or empty for a token that never expires.";
    let days = Some(days.trim()).filter(|days| !days.is_empty());
    let number = |days: &str| days.parse::<u32>().ok().filter(|days| (1..=36_500).contains(days));
    days.map(|days| number(days).map(|days| DAY * days).ok_or(WRONG)).transpose()
}

pub(in crate::web::ui) async fn revoke(
    request: HttpRequest,
    state: Data<State>,
    id: Path<i64>,
) -> Result<HttpResponse, Problem> {
    let revoked = state.context.store.delete_token(*id).await.map_err(|error| Problem::store(&request, &error))?;
    let missing = || Problem::new(&request, Code::NotFound, "This token was revoked already.");
    said(TOKENS, if revoked { Ok(()) } else { Err(missing()) }, "Revoked: it is refused from now on.")
}
