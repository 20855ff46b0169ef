//! What a person does with a customer on its page: `POST /customers/{id}/sync`, `…/delete`, `…/link`, `…/unlink`.
//!
//! Invariant: each is the API's use case with the API's roles; the page that is shown afterwards says what came of it. A
//! sync or a link is waited for a short while only: it goes on without anybody waiting.

use std::time::Duration;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::super::State;
use super::super::error::{Code, Problem};
use super::address::address;
use super::customer::{missing, number};
use super::form;
use super::frame::Reader;
use super::notice::{Tone, and_say};
use super::text::sentence;
use crate::domain::edit::Expected;
use crate::sync::edit::{self, EditError};
use crate::sync::links::{self, LinkError};
use crate::sync::request::{self, Outcome, Requested};

/// How long a person is kept waiting for what comes of it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn sync(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = number(&request, &id)?;
    let failed = |error| Problem::store(&request, &error);
    let customer = state.context.store.customer(id).await.map_err(failed)?.ok_or_else(|| missing(&request, id))?;
    let Some(name) = customer.row.customer.erpnext_id else {
        let detail = "this customer is local: it is not linked to a document in ERPNext";
        return Err(Problem::new(&request, Code::NotSynced, detail));
    };
    let requested = request::customer(&state.context, id, name).await.map_err(failed)?;
    finish(&request, &state, &page_of(id), &requested).await
}

#[derive(Deserialize)]
struct Link {
    erpnext_id: String,
}

pub(super) async fn link(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let id = number(&request, &id)?;
    let Link { erpnext_id } = form::fields(&request, &body)?;
    let page = page_of(id);
    match links::link(&state.context, id, erpnext_id.trim()).await {
        Ok(requested) => finish(&request, &state, &page, &requested).await,
        Err(error @ (LinkError::Store(_) | LinkError::NoCustomer(_))) => Err(Problem::link(&request, &error)),
        Err(refused) => {
            let again = address(&page, &[("link", erpnext_id.trim())]);
            Ok(and_say(&again, Tone::Bad, &sentence(&refused.to_string())))
        }
    }
}

pub(super) async fn unlink(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = number(&request, &id)?;
    let reader = Reader::of(&request)?;
    match links::unlink(&state.context.store, id, Some(&reader.actor())).await {
        Ok(_name) => {
            // Its document is due: it becomes a customer of its own.
            state.wake.wake();
            Ok(and_say(&page_of(id), Tone::Good, "Unlinked: it is only here from now on."))
        }
        Err(refused @ LinkError::NotLinked(_)) => Ok(and_say(&page_of(id), Tone::Bad, &sentence(&refused.to_string()))),
        Err(error) => Err(Problem::link(&request, &error)),
    }
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

pub(super) async fn delete(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let id = number(&request, &id)?;
    let Version { version } = form::fields(&request, &body)?;
    let reader = Reader::of(&request)?;
    let deleted = edit::delete(&state.context, id, &Expected::OneOf(vec![version]), &reader.actor()).await;
    match deleted {
        Ok(_customer) => {
            // Documents that waited for an answer about it are due.
            state.wake.wake();
            Ok(and_say(&page_of(id), Tone::Good, "The customer is deleted."))
        }
        Err(EditError::Outdated { .. }) => {
            let text = "Not deleted: the customer was changed meanwhile. This is how it is now.";
            Ok(and_say(&page_of(id), Tone::Bad, text))
        }
        Err(refused @ EditError::DeletedInErpnext { .. }) => {
            Ok(and_say(&page_of(id), Tone::Bad, &sentence(&refused.to_string())))
        }
        Err(error) => Err(Problem::edit(&request, &error)),
    }
}

/// Where a customer is shown.
pub(super) fn page_of(id: i64) -> String {
    format!("/customers/{id}")
}

async fn finish(
    request: &HttpRequest,
    state: &State,
    page: &str,
    requested: &Requested,
) -> Result<HttpResponse, Problem> {
    state.wake.wake();
    let outcome =
        requested.finished(&state.context, PATIENCE).await.map_err(|error| Problem::store(request, &error))?;
    let (tone, text) = match outcome {
        Some(outcome) => told(&outcome),
        None => (Tone::Good, "It will be read as soon as ERPNext answers."),
    };
    Ok(and_say(page, tone, text))
}

/// In words of ours: the page itself shows what ERPNext said.
fn told(outcome: &Outcome) -> (Tone, &'static str) {
    match outcome.effect.as_str() {
        "failed" => (Tone::Bad, "It could not be read: the reason is on this page."),
        "not_permitted" => (Tone::Bad, "ERPNext does not show it to the sync user."),
        "skipped" | "erased" => (Tone::Bad, "It was not taken from ERPNext."),
        _ if outcome.error.is_some() => (Tone::Bad, "Not all of it could be read: the reason is on this page."),
        "unchanged" => (Tone::Good, "Nothing had changed in ERPNext."),
        "linked" => (Tone::Good, "Linked: it follows ERPNext from now on."),
        "deleted" => (Tone::Good, "It is deleted in ERPNext, and now here."),
        _ => (Tone::Good, "Synced: it has ERPNext's present values."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_a_sentence() {
        let outcome = |effect: &str, error: Option<&str>| Outcome {
            customer: Some(1),
            effect: effect.to_owned(),
            error: error.map(str::to_owned),
        };
        assert_eq!(told(&outcome("updated", None)).0, Tone::Good);
        let (tone, text) = told(&outcome("failed", Some("Jane Doe is locked")));
        assert!(tone == Tone::Bad && !text.contains("Jane"), "{text}");
        assert_eq!(told(&outcome("unchanged", Some("a part is unreadable"))).0, Tone::Bad);
    }
}
