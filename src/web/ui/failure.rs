//! A failure as a page: what a browser shows where a script would get `application/problem+json`.
//!
//! Invariant: nothing is said that the problem itself does not say, and no database is asked: it may be what fails. Status
//! and headers stay. Whoever is not signed in is led to the sign-in page and from there back.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, REFERER};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Position, Url};

use super::super::error::{Code, Problem};
use super::frame::{Frame, place};
use super::text::sentence;
use super::{notice, page};

const UNREADABLE: &str = "Something in this address is not known here. Begin again at the overview.";

/// Where other programs and not people ask.
const NOT_PAGES: [&str; 5] = ["/api", "/webhooks", "/metrics", "/livez", "/readyz"];

#[derive(Template)]
#[template(path = "failure.html", config = "src/web/ui/askama.toml")]
struct Failure<'a> {
    frame: Frame,
    status: u16,
    headline: &'a str,
    detail: String,
    /// Where to try again, where that may help.
    again: Option<String>,
    request_id: &'a str,
}

/// Middleware of the pages: a problem becomes a page where a browser asks, and a notice that was shown is taken away.
pub(super) async fn dress(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    let (request, response) = response.into_parts();
    let problem = response.error().and_then(|error| error.as_error::<Problem>());
    let mut response = match problem {
        // A part of a page stays as it is; the script says what is wrong.
        Some(problem) if is_fragment(&request) && problem.code() == Code::Unauthorized => read_anew(),
        Some(problem) if is_for_people(&request) => dressed(&request, problem, &response),
        _ => response,
    };
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page && !is_fragment(&request) && request.cookie(notice::NAME).is_some() {
        notice::clear(&mut response);
    }
    Ok(ServiceResponse::new(request, response))
}

/// Whether htmx asks for a part of a page.
pub(super) fn is_fragment(request: &HttpRequest) -> bool {
    request.headers().contains_key("hx-request")
}

fn is_for_people(request: &HttpRequest) -> bool {
    let path = request.path();
    let is_page = !NOT_PAGES
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())));
    let accepted = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    is_page && accepted.contains("text/html") && !is_fragment(request)
}

fn dressed(request: &HttpRequest, problem: &Problem, plain: &HttpResponse) -> HttpResponse {
    if problem.code() == Code::Unauthorized {
        return to_sign_in(request);
    }
    let status = problem.status_code();
    let passes = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let frame = Frame::plain(request, headline(status));
    let failure = Failure {
        frame,
        status: status.as_u16(),
        headline: headline(status),
        detail: if is_unreadable(problem) { UNREADABLE.to_owned() } else { sentence(problem.detail()) },
        again: (passes && request.method() == Method::GET).then(|| place(request)),
        request_id: problem.request_id(),
    };
    let mut response = page::render_as(status, &failure);
    for (name, value) in plain.headers() {
        if !response.headers().contains_key(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response
}

/// Has htmx read the whole page anew, which leads to the sign-in page.
fn read_anew() -> HttpResponse {
    HttpResponse::Unauthorized().insert_header(("HX-Refresh", "true")).finish()
}

/// Whether the words of an address do not fit its page: what is said of that is for programs.
fn is_unreadable(problem: &Problem) -> bool {
    problem.code() == Code::BadRequest && problem.detail().starts_with("Query deserialize error")
}

fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
    if request.method() != Method::GET {
        let text = "You are signed out, so nothing was done. Sign in and do it again.";
        return notice::and_say(&sign_in(&came_from(request)), notice::Tone::Bad, text);
    }
    page::see_other(&sign_in(asked))
}

/// Where to sign in, to be led there afterwards.
fn sign_in(next: &str) -> String {
    if next == "/" {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
    }
}

/// The page that a form was sent from, as far as the browser tells; whether it is one of ours is seen to where it is followed.
fn came_from(request: &HttpRequest) -> String {
    let referer = request.headers().get(REFERER).and_then(|referer| referer.to_str().ok());
    let page = referer.and_then(|referer| Url::parse(referer).ok());
    page.map_or_else(|| "/".to_owned(), |page| page[Position::BeforePath..Position::AfterQuery].to_owned())
}

fn headline(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "This address cannot be used like that",
        StatusCode::CONFLICT => "This is not possible (any more)",
        StatusCode::TOO_MANY_REQUESTS => "Too fast",
        StatusCode::SERVICE_UNAVAILABLE => "Not available at the moment",
        status if status.is_client_error() => "This request cannot be understood",
        _ => "Something went wrong here",
    }
}
