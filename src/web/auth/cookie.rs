//! The session's cookie.
//!
//! Invariant: no script reads it, no other site's form sends it with a change, and behind TLS it goes over TLS only and can
//! be set by no other host (`__Host-`, RFC 6265bis): a session cannot be planted from a neighbouring name.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration as Life;
use actix_web::cookie::{Cookie, SameSite};

const NAME: &str = "customer_sync";
const SECURE_NAME: &str = "__Host-customer_sync";

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { NAME }
}

/// The id that the request brings.
pub(in crate::web) fn session_of(request: &HttpRequest, secure: bool) -> Option<String> {
    request.cookie(name(secure)).map(|cookie| cookie.value().to_owned())
}

/// The cookie with that id.
pub(in crate::web) fn with(id: &str, secure: bool, life: Duration) -> Cookie<'static> {
    let life = Life::seconds(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
    Cookie::build(name(secure), id.to_owned())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(life)
        .finish()
}

/// The cookie that takes the other one away.
pub(in crate::web) fn none(secure: bool) -> Cookie<'static> {
    with("", secure, Duration::ZERO)
}
