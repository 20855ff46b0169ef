//! `POST /theme`: light, dark, or what the reader's system has.
//!
//! Invariant: the choice is in a cookie and nowhere else, so that the first paint of every page already has it.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::super::error::Problem;
use super::form;
use super::page::{own_path, see_other};

const NAME: &str = "customer_sync_theme";

/// How pages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Theme {
    /// As the reader's system does.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The reader's choice.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let chosen = request.cookie(NAME);
        let chosen = chosen.as_ref().map(Cookie::value).unwrap_or_default();
        Self::ALL.into_iter().find(|theme| theme.as_str() == chosen).unwrap_or(Self::System)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// As the switch calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Choice {
    theme: Theme,
    back: String,
}

pub(super) async fn choose(request: HttpRequest, body: Bytes) -> Result<HttpResponse, Problem> {
    let Choice { theme, back } = form::fields(&request, &body)?;
    let mut response = see_other(own_path(&back));
    let cookie = Cookie::build(NAME, theme.as_str()).path("/").same_site(SameSite::Lax);
    let cookie = cookie.max_age(Duration::days(if theme == Theme::System { 0 } else { 365 })).finish();
    if let Err(error) = response.add_cookie(&cookie) {
        tracing::warn!(%error, "the choice of a theme could not be kept");
    }
    Ok(response)
}
