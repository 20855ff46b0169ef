//! `/settings/tokens`: what scripts and applications come in with.
//!
//! Invariant: a token stands on one page, the answer to its making, and nowhere afterwards.

use std::time::Duration;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::auth::trail;
use super::super::super::error::{Code, Problem};
use super::super::form;
use super::super::frame::{Frame, Reader};
use super::super::page::render;
use super::super::time::{distance, moment};
use super::{TOKENS, Tabs, frame, said};
use crate::domain::role::Role;
use crate::store::ListedToken;
use crate::sync::tokens;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Template)]
#[template(path = "settings/tokens.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    tokens: Vec<ListedToken>,
    /// The one that was made just now.
    made: Option<String>,
}

pub(in crate::web::ui) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    answer(&request, &state, None).await
}

async fn answer(request: &HttpRequest, state: &State, made: Option<String>) -> Result<HttpResponse, Problem> {
    let role = Reader::of(request)?.role;
    let tokens = state.context.store.tokens().await.map_err(|error| Problem::store(request, &error))?;
    let frame = frame(request, state, TOKENS).await?;
    Ok(render(&Page { frame, tabs: Tabs::at(TOKENS, role), tokens, made }))
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
    let wrong = |text: &str| said(TOKENS, Err(Problem::new(&request, Code::BadRequest, text)), "");
    if !tokens::is_name(&name) {
        return wrong(
            "A token needs a name of one line that can be read, so that somebody knows later what it is for.",
        );
    }
    let lifetime = match days.trim() {
        "" => None,
        days => match days.parse::<u32>().ok().filter(|days| (1..=36_500).contains(days)) {
            Some(days) => Some(DAY * days),
            None => {
                return wrong("The days must be a number from 1 to 36,500, or empty for a token that never expires.");
            }
        },
    };
    let issued = tokens::issue(&state.context.store, &name, role, lifetime).await;
    let issued = issued.map_err(|error| Problem::store(&request, &error))?;
    trail::made(&request, issued.id);
    answer(&request, &state, Some(issued.plain)).await
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
