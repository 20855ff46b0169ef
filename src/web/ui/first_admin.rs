//! `/first-admin?token=…`: where the one-time link of the first start leads.
//!
//! Invariant: the link is used up by the form and not by looking at the page, which a link that is over does not open; who
//! made the admin is signed in at once.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use serde::Deserialize;

use super::super::State;
use super::super::auth::entry;
use super::super::error::{Code, Problem};
use super::frame::Frame;
use super::page::render_as;
use super::text::sentence;
use super::{form, notice, sign_in};
use crate::sync::users::{self, UserError};

#[derive(Template)]
#[template(path = "first_admin.html", config = "src/web/ui/askama.toml")]
struct Page<'a> {
    frame: Frame,
    token: &'a str,
    name: &'a str,
    wrong: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    token: String,
}

pub(super) async fn show(
    request: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let open = users::is_open_link(&state.context.store, &asked.token).await;
    if !open.map_err(|error| Problem::store(&request, &error))? {
        return Err(Problem::user(&request, &UserError::NoLink));
    }
    Ok(answer(&request, StatusCode::OK, &asked.token, "", None))
}

fn answer(request: &HttpRequest, status: StatusCode, token: &str, name: &str, wrong: Option<&str>) -> HttpResponse {
    let frame = Frame::plain(request, "Make the first admin");
    render_as(status, &Page { frame, token, name, wrong })
}

#[derive(Deserialize)]
struct FirstAdmin {
    token: String,
    name: String,
    password: String,
}

pub(super) async fn submit(request: HttpRequest, state: Data<State>, body: Bytes) -> Result<HttpResponse, Problem> {
    let FirstAdmin { token, name, password } = form::fields(&request, &body)?;
    match entry::first_admin(&request, &state, &token, &name, &password).await {
        Ok((_id, name)) => {
            let entered = entry::sign_in(&request, &state, name.as_str(), &password).await?;
            let mut response = notice::and_say("/", notice::Tone::Good, "Welcome. You are the first admin.");
            sign_in::keep(&request, &mut response, &entered.cookie)?;
            Ok(response)
        }
        Err(problem) if matches!(problem.code(), Code::Unavailable | Code::LinkUsed) => Err(problem),
        Err(problem) => Ok(answer(&request, problem.status_code(), &token, &name, Some(&sentence(problem.detail())))),
    }
}
