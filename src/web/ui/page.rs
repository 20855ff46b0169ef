//! A template becomes an answer.
//!
//! Invariant: a page may load our own files and send forms to us, and nothing else; it is kept by nobody, because it shows
//! what only its reader may see.

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::compress;

/// No script and no style but our files; `headers` adds what holds for every answer.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page that may not say where it is cannot say either that its forms are ours: their `Origin` would be `null` (Fetch,
/// section 3.2). Other sites learn nothing by this one either.
const REFERRERS: &str = "same-origin";

/// The page with status 200.
pub(super) fn render(page: &impl Template) -> HttpResponse {
    render_as(StatusCode::OK, page)
}

/// The page with that status.
pub(super) fn render_as(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((REFERRER_POLICY, REFERRERS))
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            HttpResponse::InternalServerError().content_type("text/plain; charset=utf-8").body("The page is broken.")
        }
    }
}

/// The page with status 200, compressed where the browser wants that: only for one that repeats nothing of what it was asked.
pub(super) fn render_compressed(request: &HttpRequest, page: &impl Template) -> HttpResponse {
    let plain = render(page);
    if !compress::is_wanted(request) {
        return plain;
    }
    let (mut head, body) = plain.into_parts();
    let content = body.try_into_bytes().unwrap_or_default();
    head.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.set_body(BoxBody::new(compress::gzip(&content)))
}

/// To that path of ours, after a form was handled: the browser reads it by GET, so that a reload repeats nothing.
pub(super) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// The path if it is one of ours, else the overview: what a link or a form brings could lead anywhere.
pub(super) fn own_path(path: &str) -> &str {
    // A browser takes `\` for `/`, and drops tabs and line breaks, before it looks where an address leads.
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let ours = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/sign-");
    if plain && ours { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_a_path_of_ours_is_followed() {
        for path in ["/", "/customers?q=a&sort=name", "/customers/17", "/account"] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "evil.example",
            "/sign-out",
            "/sign-in?next=/sign-in",
            "/\u{e9}",
        ] {
            assert_eq!(own_path(path), "/", "{path:?}");
        }
    }
}
