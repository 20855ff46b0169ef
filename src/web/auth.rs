//! Who calls the API: a bearer token (RFC 6750) and its role.
//!
//! Invariant: an unknown token and none at all look the same to the caller.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::State;
use super::error::{Code, Problem};
use crate::domain::role::Role;
use crate::sync::tokens;

/// Lets the request pass if its token has at least that role.
pub(super) async fn require(request: &HttpRequest, state: &State, least: Role) -> Result<(), Problem> {
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _token)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_scheme, token)| token.trim());
    let role = match token {
        Some(token) => {
            tokens::role_of(&state.context.store, token).await.map_err(|error| Problem::store(request, &error))?
        }
        None => None,
    };
    match role {
        Some(role) if role >= least => Ok(()),
        Some(role) => {
            let detail = format!("this needs the role {}, the token has {}", least.as_str(), role.as_str());
            Err(Problem::new(request, Code::Forbidden, detail))
        }
        None => Err(Problem::new(
            request,
            Code::Unauthorized,
            "send a token as \"Authorization: Bearer …\"; customer-sync token create makes one",
        )),
    }
}
