//! A line of a table of routes, and what the server makes of it. The tables themselves: `api::table`, `ui::table`.
//!
//! Invariant: a route exists only as a line of a table, behind the guard that its line describes; so none can be reached
//! that is not listed, or by somebody whom its line leaves out, and no change goes unnoted. Lines of one path stand
//! together, and a path of fixed words stands before one that a parameter would catch.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web;
use actix_web::{Resource, Route};

use super::auth::{May, Proof, guard};
use super::error::only;
use crate::domain::audit::Action;
use crate::domain::role::Role;

/// A line of a table.
pub(super) struct Line {
    pub(super) method: Method,
    /// `{…}` is a parameter.
    pub(super) path: &'static str,
    pub(super) may: May,
    /// What the audit log calls it; `None` for what changes nothing, and where the handler itself finds out who it is.
    pub(super) action: Option<Action>,
    pub(super) handler: fn() -> Route,
    /// Whether the answer is made while it is sent, perhaps without end: `HEAD`, which gets nothing of it, is not served then.
    pub(super) streamed: bool,
}

/// A route as tests and people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoute {
    /// `GET`, `POST` …
    pub method: String,
    /// The whole path; `{…}` is a parameter.
    pub path: String,
    /// The least role that may call it; `None` where no role is asked for.
    pub role: Option<Role>,
    /// Whether a token or a session is needed at all.
    pub guarded: bool,
    /// Whether a token will do.
    pub by_token: bool,
    /// What the audit log calls it, where the guard writes an entry.
    pub action: Option<&'static str>,
}

impl Line {
    pub(super) const fn new(
        method: Method,
        path: &'static str,
        may: May,
        action: Option<Action>,
        handler: fn() -> Route,
    ) -> Self {
        Self { method, path, may, action, handler, streamed: false }
    }

    /// The same line for an answer that is made while it is sent.
    pub(super) const fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// The methods that it serves: `HEAD` wherever something is just read, and the server leaves the body out by itself.
    fn methods(&self) -> Vec<Method> {
        let head = (self.method == Method::GET && self.action.is_none() && !self.streamed).then_some(Method::HEAD);
        std::iter::once(self.method.clone()).chain(head).collect()
    }

    /// The line as tests and people see it; `root` is where its table begins.
    pub(super) fn listed(&self, root: &str) -> ListedRoute {
        let (role, guarded, by_token) = match self.may {
            May::Everybody => (None, false, true),
            May::AtLeast(role) => (Some(role), true, true),
            May::Person(role) => (Some(role), true, false),
            May::SignedIn => (None, true, false),
        };
        ListedRoute {
            method: self.method.to_string(),
            path: format!("{root}{}", self.path),
            role,
            guarded,
            by_token,
            action: self.action.map(Action::as_str),
        }
    }
}

/// The lines as the server serves them, a resource for each path; `proof` is how a change shows that it comes from a page
/// of ours, and `otherwise` who learns which methods a path has.
pub(super) fn resources(
    table: &'static [Line],
    proof: Proof,
    otherwise: May,
) -> impl Iterator<Item = Resource> + use<> {
    table.chunk_by(|one, next| one.path == next.path).filter_map(move |lines| {
        let mut resource = web::resource(lines.first()?.path);
        for line in lines {
            for method in line.methods() {
                let route = (line.handler)().method(method);
                resource = resource.route(behind(line.may, proof, line.action, route));
            }
        }
        let allowed: Vec<Method> = lines.iter().flat_map(Line::methods).collect();
        let allowed: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        // Where everybody may do something, nothing is given away by what that is.
        let open = lines.iter().any(|line| line.may == May::Everybody);
        let otherwise = if open { May::Everybody } else { otherwise };
        Some(resource.default_service(behind(otherwise, proof, None, only(allowed.join(", ")))))
    })
}

/// The route behind its guard.
pub(super) fn behind(may: May, proof: Proof, action: Option<Action>, route: Route) -> Route {
    route.wrap(from_fn(move |request, next| guard(may, proof, action, request, next)))
}
