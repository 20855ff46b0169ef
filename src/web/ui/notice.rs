//! What a page says once, after a form was handled: kept in a cookie over the redirect, shown as a toast.
//!
//! Invariant: it is read once and taken away by the page that shows it; no script reads it. Its text is ours, names nobody
//! and is escaped like any other where it is shown.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::page::see_other;

pub(super) const NAME: &str = "customer_sync_notice";
/// Seconds until a notice that no page has shown is forgotten.
const LIFE: i64 = 60;
/// Bytes of the longest text that is shown.
const LONGEST: usize = 500;

/// Whether something went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) tone: Tone,
    pub(super) text: String,
}

impl Notice {
    /// The one that the request brings.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let cookie = request.cookie(NAME)?;
        let text = percent_decode_str(cookie.value()).decode_utf8().ok()?;
        let (tone, text) = text.split_at_checked(1)?;
        let tone = if tone == "+" { Tone::Good } else { Tone::Bad };
        (text.len() <= LONGEST).then(|| Self { tone, text: text.to_owned() })
    }

    /// Whether it is good news.
    pub(super) fn is_good(&self) -> bool {
        self.tone == Tone::Good
    }
}

/// To that path of ours, which will say that.
pub(super) fn and_say(path: &str, tone: Tone, text: &str) -> HttpResponse {
    let mut response = see_other(path);
    let sign = if tone == Tone::Good { '+' } else { '-' };
    let value = utf8_percent_encode(&format!("{sign}{text}"), NON_ALPHANUMERIC).to_string();
    set(&mut response, &cookie(value, LIFE));
    response
}

/// Takes the notice away: it is in this answer.
pub(super) fn clear(response: &mut HttpResponse) {
    set(response, &cookie(String::new(), 0));
}

fn cookie(value: String, seconds: i64) -> Cookie<'static> {
    let life = Duration::seconds(seconds);
    Cookie::build(NAME, value).path("/").http_only(true).same_site(SameSite::Strict).max_age(life).finish()
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::warn!(%error, "a notice could not be sent along");
    }
}
