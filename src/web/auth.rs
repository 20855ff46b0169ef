//! Who calls the API: a bearer token (RFC 6750) and its role.
//!
//! Invariant: who has no valid token is told so before anything else of the request is read or judged, its body included.
//! An unknown token and none at all look the same to the caller.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};

use super::State;
use super::error::{Code, Problem};
use crate::domain::role::Role;
use crate::sync::tokens;

/// Middleware: turns away whoever has no valid token, and notes the role of the others for [`require`].
pub(super) async fn identify(
    state: Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match role_of(request.request(), &state).await {
        Ok(role) => {
            request.extensions_mut().insert(role);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        // An answer, not an error of this layer: it still gets the request's id.
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

async fn role_of(request: &HttpRequest, state: &State) -> Result<Role, Problem> {
    let role = match bearer(request) {
        Some(token) => {
            tokens::role_of(&state.context.store, token).await.map_err(|error| Problem::store(request, &error))?
        }
        None => None,
    };
    role.ok_or_else(|| unauthorized(request))
}

/// Lets the request pass if its token has at least that role.
pub(super) fn require(request: &HttpRequest, least: Role) -> Result<(), Problem> {
    let role = request.extensions().get::<Role>().copied().ok_or_else(|| unauthorized(request))?;
    if role >= least {
        return Ok(());
    }
    let detail = format!("this needs the role {}, the token has {}", least.as_str(), role.as_str());
    Err(Problem::new(request, Code::Forbidden, detail))
}

fn unauthorized(request: &HttpRequest) -> Problem {
    Problem::new(
        request,
        Code::Unauthorized,
        "send a token as \"Authorization: Bearer …\"; customer-sync token create makes one",
    )
}

/// The bearer token that a request brings.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
