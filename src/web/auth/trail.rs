//! The audit log's entries for calls: one per change, written by the guard.
//!
//! Invariant: the entry is durable before the handler runs, so whoever goes away while it waits is noted all the same; where
//! it cannot be written, nothing is changed.

use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest};

use super::Caller;
use crate::domain::audit::{Action, Actor, Deed, target};
use crate::store::StoreError;
use crate::web::State;

/// What a handler's answer hides: a page that says what went wrong is told by a redirect, like one that says that all is well.
pub(in crate::web) struct Outcome(pub(in crate::web) StatusCode);

/// Notes that the caller does that to what the path names; gives the entry's id.
pub(super) async fn begin(request: &HttpRequest, state: &State, action: Action) -> Result<i64, StoreError> {
    let actor = Caller::of(request).map_or(Actor::Unknown, |caller| caller.who.actor());
    state.context.store.note_deed(&deed(request, state, actor, action, target_of(request)), None).await
}

/// The local id of what a deed made.
#[derive(Clone, Copy)]
struct Made(i64);

/// Tells the log the local id of what the call has made, which its path could not name yet.
pub(in crate::web) fn made(request: &HttpRequest, id: i64) {
    request.extensions_mut().insert(Made(id));
}

/// Notes how it was answered, and what it made.
pub(super) async fn end(state: &State, entry: i64, response: &ServiceResponse) {
    let made = response.request().extensions().get::<Made>().map(|made| made.0);
    let hidden = response.response().extensions().get::<Outcome>().map(|outcome| outcome.0);
    let status = hidden.unwrap_or(response.status());
    if let Err(error) = state.context.store.complete_deed(entry, status.as_u16(), made).await {
        tracing::warn!(%error, entry, "the audit log lacks how a deed was answered");
    }
}

/// Notes what somebody did whom no guard has identified: signing in, or trying to.
pub(in crate::web) async fn note(
    request: &HttpRequest,
    state: &State,
    actor: Actor,
    action: Action,
    status: StatusCode,
) -> Result<(), StoreError> {
    let deed = deed(request, state, actor, action, None);
    state.context.store.note_deed(&deed, Some(status.as_u16())).await.map(drop)
}

fn deed(request: &HttpRequest, state: &State, actor: Actor, action: Action, target: Option<String>) -> Deed {
    Deed { actor, address: Some(state.trust.address(request).to_string()), action, target }
}

/// What the path names.
fn target_of(request: &HttpRequest) -> Option<String> {
    let named = request.match_info();
    named.get("id").or_else(|| named.get("name")).and_then(target)
}
