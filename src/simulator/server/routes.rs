//! From a request to its answer: faults, maintenance, the rate limit, who is asking, and what for.
//!
//! Invariant: paths are decoded exactly once and as a whole, as WSGI does, so `%2F` works in names, and a name that
//! ends in `/` cannot be reached by path.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, DATE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::fmt::rfc2822::DateTimePrinter;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::reply::{self, Reply};
use super::{methods, resource};
use crate::simulator::documents::{Doc, text};
use crate::simulator::faults::{Fault, Maintenance};
use crate::simulator::refusal::Refusal;
use crate::simulator::requests::Request;
use crate::simulator::shared::Shared;

/// The longest request line that gunicorn accepts, in bytes.
const REQUEST_LINE_LIMIT: usize = 4094;

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) target: Target,
    /// Query and body together.
    pub(super) parameters: Doc,
    /// The body alone.
    pub(super) body: Doc,
    /// E-mail of the user, or `Guest`.
    pub(super) user: String,
}

/// What a path points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Resource { doctype: String, name: String, v2: bool },
    Method(String),
    Nothing,
}

impl Target {
    fn of_path(path: &str) -> Self {
        let path = path.trim_start_matches('/');
        let path = path.strip_prefix("api/v1/").map(|rest| format!("api/{rest}")).unwrap_or_else(|| path.to_owned());
        if let Some(method) = path.strip_prefix("api/method/") {
            return Self::Method(method.trim_end_matches('/').to_owned());
        }
        let (rest, v2) = match (path.strip_prefix("api/resource/"), path.strip_prefix("api/v2/document/")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return Self::Nothing,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (doctype, name) = rest.split_once('/').unwrap_or((rest, ""));
        Self::Resource { doctype: doctype.to_owned(), name: name.to_owned(), v2 }
    }
}

/// Answers one request, by the site's own clock.
pub(super) async fn answer(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let mut response = respond(request, body, &shared).await;
    let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&shared.read().clock.instant());
    if let Some(now) = now.ok().and_then(|now| HeaderValue::from_str(&now).ok()) {
        response.headers_mut().insert(DATE, now);
    }
    response
}

async fn respond(request: HttpRequest, body: web::Bytes, shared: &Shared) -> HttpResponse {
    let line = request.method().as_str().len() + request.uri().to_string().len() + "  HTTP/1.1".len();
    if line > REQUEST_LINE_LIMIT {
        return reply::line_too_long(line, REQUEST_LINE_LIMIT);
    }
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let target = Target::of_path(&path);
    let parsed = parse_body(&request, &body);
    let noted = describe(&request, &path, &target, parsed.as_ref().ok());
    let fault = shared.faults.take(&path, noted.doctype.as_deref().unwrap_or_default());
    shared.requests.note(noted);
    if let Some(fault) = fault
        && let Some(response) = misfortune(&request, fault).await
    {
        return response;
    }
    let budget = shared.meter.budget(shared.read().clock.instant());
    if budget.is_some_and(|budget| budget.exceeded) {
        return reply::respond(Reply::refused(&Refusal::rate_limited(), false), budget);
    }
    let Ok(_process) = shared.processes.acquire().await else { return reply::html(502) };
    let began = Instant::now();
    let reply = carry_out(shared, &request, target, parsed);
    let cost = shared.options.pace.unwrap_or_default().cost(reply.rows);
    if shared.options.pace.is_some() {
        tokio::time::sleep(cost.saturating_sub(began.elapsed())).await;
    }
    shared.requests.worked(began.elapsed());
    shared.meter.spend(cost);
    let budget = shared.meter.budget(shared.read().clock.instant());
    reply::respond(reply, budget)
}

fn carry_out(shared: &Shared, request: &HttpRequest, target: Target, parsed: Result<(Doc, Doc), Refusal>) -> Reply {
    let v2 = matches!(target, Target::Resource { v2: true, .. });
    let outcome = closed(shared, request, &target).and_then(|()| {
        let user = authenticate(shared, request)?;
        let (parameters, body) = parsed?;
        if let Some(status) = shared.faults.poisoned(&body) {
            return Err(Refusal::broken_document(status));
        }
        let call = Call { method: request.method().clone(), target, parameters, body, user };
        match &call.target {
            Target::Resource { doctype, name, .. } => resource::answer(shared, &call, doctype, name),
            Target::Method(method) => methods::answer(shared, &call, method),
            Target::Nothing => Err(Refusal::unknown_doctype(request.path())),
        }
    });
    outcome.unwrap_or_else(|refusal| Reply::refused(&refusal, v2))
}

fn closed(shared: &Shared, request: &HttpRequest, target: &Target) -> Result<(), Refusal> {
    let reads = *request.method() == Method::GET || matches!(target, Target::Method(name) if name.contains(".get_"));
    match shared.faults.present_maintenance() {
        Maintenance::Closed => Err(Refusal::maintenance()),
        Maintenance::ReadOnly if !reads => Err(Refusal::read_only()),
        Maintenance::Off | Maintenance::ReadOnly => Ok(()),
    }
}

fn authenticate(shared: &Shared, request: &HttpRequest) -> Result<String, Refusal> {
    let Some(header) = request.headers().get(AUTHORIZATION) else { return Ok("Guest".to_owned()) };
    let site = shared.read();
    let user = header.to_str().ok().and_then(|header| site.accounts.authenticate(header));
    user.map(|user| user.email.clone()).ok_or_else(Refusal::authentication)
}

/// Parameters of query and body together, and the body alone.
fn parse_body(request: &HttpRequest, body: &[u8]) -> Result<(Doc, Doc), Refusal> {
    let pairs = |text: &[u8]| -> Doc {
        url::form_urlencoded::parse(text)
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect()
    };
    let mut parameters = pairs(request.query_string().as_bytes());
    let body = if body.is_empty() {
        Doc::new()
    } else if request.headers().get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded") {
        pairs(body)
    } else {
        match serde_json::from_slice(body) {
            Ok(Value::Object(body)) => body,
            Ok(_) => Doc::new(),
            Err(error) => return Err(Refusal::bad_json(error.column())),
        }
    };
    parameters.extend(body.clone());
    Ok((parameters, body))
}

fn describe(request: &HttpRequest, path: &str, target: &Target, parsed: Option<&(Doc, Doc)>) -> Request {
    let parameter = |name: &str| parsed.and_then(|(parameters, _)| text(parameters, name)).map(str::to_owned);
    let (call, doctype) = match target {
        Target::Resource { doctype, name, .. } => {
            let call = match (request.method().as_str(), name.is_empty()) {
                ("GET", true) => "list",
                ("GET", false) => "get",
                ("POST", _) => "create",
                ("PUT", _) => "update",
                (_, _) => "delete",
            };
            (call.to_owned(), Some(doctype.clone()))
        }
        Target::Method(method) => (method.clone(), parameter("doctype")),
        Target::Nothing => (String::new(), None),
    };
    Request { method: request.method().to_string(), path: path.to_owned(), call, doctype }
}

/// The answer of a fault; `None` where the right one is only late.
async fn misfortune(request: &HttpRequest, fault: Fault) -> Option<HttpResponse> {
    let response = match fault {
        Fault::Slow(pause) => {
            tokio::time::sleep(pause).await;
            return None;
        }
        Fault::Hang(pause) => {
            tokio::time::sleep(pause).await;
            cut(request)
        }
        Fault::Close => cut(request),
        Fault::Html(status) => reply::html(status),
        Fault::Answer(status, content_type, body) => reply::foreign(status, content_type, body),
        Fault::Garbage => reply::foreign(200, "application/json", "{\"data\":[{\"name\":\"Hal".to_owned()),
        Fault::Redirect(to) => reply::redirect(&to),
        Fault::TooManyRequests(seconds) => reply::too_many_requests(seconds),
        Fault::ServerError => {
            let refusal = Refusal::ambiguous_column("name");
            reply::respond(Reply::refused(&refusal, false), None)
        }
    };
    Some(response)
}

/// Closes the connection under the response, so that the client gets none.
fn cut(request: &HttpRequest) -> HttpResponse {
    if let Some(socket) = request.conn_data::<Arc<TcpStream>>() {
        // If it is gone already the client has no answer either.
        drop(socket.shutdown(Shutdown::Both));
    }
    reply::html(502)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_after_decoding() {
        let resource =
            |doctype: &str, name: &str, v2| Target::Resource { doctype: doctype.into(), name: name.into(), v2 };
        assert_eq!(Target::of_path("/api/resource/Customer/A/B"), resource("Customer", "A/B", false));
        assert_eq!(Target::of_path("/api/resource/Customer/A/"), resource("Customer", "A", false));
        assert_eq!(Target::of_path("/api/resource/Customer/"), resource("Customer", "", false));
        assert_eq!(Target::of_path("/api/v2/document/Customer/A"), resource("Customer", "A", true));
        assert_eq!(Target::of_path("/api/method/frappe.ping"), Target::Method("frappe.ping".into()));
        assert_eq!(Target::of_path("/app"), Target::Nothing);
    }
}
