//! Answers as gunicorn and Frappe send them.
//!
//! Invariant: every JSON answer carries Frappe's headers; HTML is only what ERPNext, or a proxy in front of it, would
//! send as HTML.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, SERVER, SET_COOKIE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::Value;

use crate::simulator::json::{Style, to_text};
use crate::simulator::rate_limit::Budget;
use crate::simulator::refusal::Refusal;

/// What a request was answered, before it becomes HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) json: String,
    /// Rows answered, for what it cost.
    pub(super) rows: usize,
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self { status: 200, json: to_text(value, Style::Compact), rows: 1 }
    }

    pub(super) fn refused(refusal: &Refusal, v2: bool) -> Self {
        let body = if v2 { refusal.body_v2() } else { refusal.body() };
        Self { status: refusal.status, json: to_text(&body, Style::Compact), rows: 0 }
    }
}

const COOKIES: [&str; 5] = [
    "sid=Guest; Max-Age=612000; HttpOnly; Path=/; SameSite=Lax",
    "system_user=no; Path=/; SameSite=Lax",
    "full_name=Guest; Path=/; SameSite=Lax",
    "user_id=Guest; Path=/; SameSite=Lax",
    "user_image=; Path=/; SameSite=Lax",
];

fn builder(status: u16) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    builder.insert_header((SERVER, "gunicorn"));
    builder
}

/// The HTTP response of a reply, with the rate limit's headers where there is one.
pub(super) fn respond(reply: Reply, budget: Option<Budget>) -> HttpResponse {
    let mut builder = builder(reply.status);
    builder.insert_header((CONTENT_TYPE, "application/json"));
    // A site that is closed does not even begin a session.
    if reply.status != 503 {
        for cookie in COOKIES {
            builder.append_header((SET_COOKIE, cookie));
        }
    }
    if let Some(budget) = budget {
        builder.insert_header(("X-RateLimit-Limit", budget.limit_microseconds.to_string()));
        builder.insert_header(("X-RateLimit-Remaining", budget.remaining_microseconds.to_string()));
        builder.insert_header(("X-RateLimit-Reset", budget.reset_seconds.to_string()));
        if budget.exceeded && reply.status == 429 {
            builder.insert_header((RETRY_AFTER, budget.reset_seconds.to_string()));
        }
    }
    builder.body(reply.json)
}

/// Any answer that is not Frappe's.
pub(super) fn foreign(status: u16, content_type: &str, body: String) -> HttpResponse {
    builder(status).insert_header((CONTENT_TYPE, content_type)).body(body)
}

/// An HTML page with a status.
pub(super) fn html(status: u16) -> HttpResponse {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let page = format!(
        "<html>\n<head><title>{status} {reason}</title></head>\n<body><h1>{status} {reason}</h1></body>\n</html>\n"
    );
    foreign(status, "text/html", page)
}

pub(super) fn redirect(to: &str) -> HttpResponse {
    builder(302).insert_header((LOCATION, to)).insert_header((CONTENT_TYPE, "text/html")).body("")
}

pub(super) fn too_many_requests(seconds: u64) -> HttpResponse {
    let reply = Reply::refused(&Refusal::rate_limited(), false);
    builder(429)
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((RETRY_AFTER, seconds.to_string()))
        .body(reply.json)
}

/// gunicorn's own refusal of a request line that is too long.
pub(super) fn line_too_long(length: usize, limit: usize) -> HttpResponse {
    let page = format!(
        "<html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n  <body>\n    <h1><p>Bad Request</p></h1>\n    \
         Request Line is too large ({length} &gt; {limit})\n  </body>\n</html>\n"
    );
    let mut builder = HttpResponse::BadRequest();
    builder.force_close();
    builder.insert_header((CONTENT_TYPE, "text/html")).body(page)
}
