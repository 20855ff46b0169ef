//! Who calls the API, and whether that one may: the guard in front of every route of the table in `api::table`.
//!
//! Invariant: who has no valid token is told so before anything else of the request is read or judged, its body included.
//! An unknown token, an expired one and none at all look the same to the caller.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};

use super::State;
use super::error::{Code, Problem};
use crate::domain::role::Role;
use crate::sync::tokens;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Whoever has at least that role.
    Any(Role),
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// What the caller may do.
    pub(super) role: Role,
}

/// Middleware of one route: lets those pass who may, and notes who it is.
pub(super) async fn guard(
    may: May,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match admit(request.request(), may).await {
        Ok(()) => next.call(request).await,
        // An answer, not an error of this layer: it still gets the request's id.
        Err(problem) => Ok(request.error_response(problem)),
    }
}

async fn admit(request: &HttpRequest, may: May) -> Result<(), Problem> {
    let state = request.app_data::<Data<State>>().ok_or_else(|| unauthorized(request))?;
    let caller = identify(request, state).await?;
    let May::Any(least) = may;
    if caller.role < least {
        let detail = format!("this needs the role {}, the token has {}", least.as_str(), caller.role.as_str());
        return Err(Problem::new(request, Code::Forbidden, detail));
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

async fn identify(request: &HttpRequest, state: &State) -> Result<Caller, Problem> {
    let Some(token) = bearer(request) else { return Err(unauthorized(request)) };
    let holder = tokens::holder(&state.context.store, token).await.map_err(|error| Problem::store(request, &error))?;
    holder.map(|holder| Caller { role: holder.role }).ok_or_else(|| unauthorized(request))
}

fn unauthorized(request: &HttpRequest) -> Problem {
    Problem::new(
        request,
        Code::Unauthorized,
        "send a token as \"Authorization: Bearer …\"; customer-sync token create makes one",
    )
}

/// The bearer token (RFC 6750) that a request brings.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
