//! What people decide about links between our rows and documents of ERPNext: link, unlink, accept, reject.
//!
//! Invariant: a decision is recorded and a job put in one transaction; the link itself is made by a worker from what it
//! then reads, like every other write. Only unlinking writes at once (see `store::unlink`), because nothing is read for it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Context;
use super::request::{self, Requested};
use crate::domain::audit::Actor;
use crate::domain::customer::{Customer, CustomerId};
use crate::domain::document::{Document, canonical};
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::domain::suggestion::{Suggestion, SuggestionKind, SuggestionState};
use crate::erpnext::{self, List, Work};
use crate::store::{Store, StoreError, SuggestionRow, Unlinked};

/// Why a decision cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no such row.
    #[error("there is no customer {0}")]
    NoCustomer(CustomerId),
    /// There is no such question.
    #[error("there is no suggestion {0}")]
    NoSuggestion(i64),
    /// The row belongs to a document already, or is deleted.
    #[error(
        "customer {0} cannot be linked: it belongs to a document of ERPNext already (unlink it first), or it is deleted"
    )]
    NotLinkable(CustomerId),
    /// The row has no link to take away.
    #[error("customer {0} is not linked to a document in ERPNext, or it is deleted")]
    NotLinked(CustomerId),
    /// ERPNext has no such document.
    #[error("ERPNext has no Customer of that name; write its name (ID) as ERPNext shows it")]
    NotInErpnext,
    /// Another row has the document.
    #[error(
        "customer {0} is linked to this document already: unlink that one first, or delete its row if it is a double"
    )]
    Held(CustomerId),
    /// It was decided before.
    #[error("this suggestion was decided already: it is {}", .0.as_str())]
    Decided(SuggestionState),
    /// There is nothing to say yes to.
    #[error(
        "ERPNext has no document of this name: link the customer to the right one instead, or reject the suggestion to \
         leave the customer as it is"
    )]
    NothingToAccept,
    /// ERPNext could not be asked.
    #[error("ERPNext cannot tell at the moment whether it has this document: {}", .0.without_detail())]
    Erpnext(#[from] erpnext::Error),
    /// Our own database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Links a local or unread row to the document of that name, as a person wishes, whatever the matching says.
///
/// # Errors
/// What stands in the way.
pub async fn link(context: &Context, id: CustomerId, name: &str) -> Result<Requested, LinkError> {
    if context.store.linkable(&[id]).await?.is_empty() {
        let known = context.store.customer(id).await?.is_some();
        return Err(if known { LinkError::NotLinkable(id) } else { LinkError::NoCustomer(id) });
    }
    let document = match context.client.get(Doctype::Customer.as_str(), name, Work::Interactive).await {
        Ok(document) => document,
        Err(erpnext::Error::ImpossibleName) => None,
        Err(error) => return Err(error.into()),
    };
    let text = |key: &str| document.as_ref()?.get(key)?.as_str().map(str::to_owned);
    let (Some(name), Some(creation)) = (text("name"), text("creation")) else { return Err(LinkError::NotInErpnext) };
    let held = context.store.held(std::slice::from_ref(&name), &[]).await?;
    // A tombstone of an earlier document of that name makes way by itself.
    let other =
        held.iter().find(|row| row.seen.id != id && (!row.deleted || row.seen.creation.as_ref() == Some(&creation)));
    if let Some(other) = other {
        return Err(LinkError::Held(other.seen.id));
    }
    let key = DocKey::customer(name.clone());
    let requested = request::watch(context, id, key.clone()).await?;
    let link =
        Suggestion { name, creation, customer: id, kind: SuggestionKind::Asked, matched_by: "person".to_owned() };
    context.store.accept_link(&link, &person(key)).await?;
    Ok(requested)
}

/// Makes a linked row local again; its document becomes a row of its own. Gives the document's name. `actor` is who does it,
/// for the history.
///
/// # Errors
/// What stands in the way.
pub async fn unlink(store: &Store, id: CustomerId, actor: Option<&Actor>) -> Result<String, LinkError> {
    match store.unlink(id, actor.map(Actor::to_string).as_deref()).await? {
        Unlinked::Done { name } => Ok(name),
        Unlinked::NotLinked => Err(LinkError::NotLinked(id)),
        Unlinked::Unknown => Err(LinkError::NoCustomer(id)),
    }
}

/// What ERPNext says at the moment about the customers of these names (up to some hundred), by name, as columns: to compare
/// by eye. Read in one call, so without linked documents; those that cannot be read or mapped are left out.
///
/// # Errors
/// ERPNext's.
pub async fn documents(context: &Context, names: &[&str]) -> Result<HashMap<String, Customer>, erpnext::Error> {
    let list = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["*"],
        filters: json!([["name", "in", names]]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 0,
    };
    let found = context.client.list(&list, Work::Interactive).await?;
    let documents = found.into_iter().map(|customer| Document { customer: canonical(customer), ..Document::default() });
    let mapped = documents.filter_map(|document| context.mapping.map(&document).ok());
    let customers = mapped.map(|mapped| mapped.record.customer);
    Ok(customers.filter_map(|customer| Some((customer.erpnext_id.clone()?, customer))).collect())
}

/// Answers an open question; gives it as it is afterwards.
///
/// # Errors
/// What stands in the way.
pub async fn decide(store: &Store, id: i64, accept: bool) -> Result<SuggestionRow, LinkError> {
    let question = store.suggestion(id).await?.ok_or(LinkError::NoSuggestion(id))?;
    if question.state != SuggestionState::Open {
        return Err(LinkError::Decided(question.state));
    }
    let is_missing = question.kind == SuggestionKind::Missing;
    if accept && is_missing {
        return Err(LinkError::NothingToAccept);
    }
    if accept && store.linkable(&[question.customer]).await?.is_empty() {
        return Err(LinkError::NotLinkable(question.customer));
    }
    let decision = if accept { SuggestionState::Accepted } else { SuggestionState::Rejected };
    let put = (!is_missing).then(|| person(DocKey::customer(question.name)));
    let decided = store.decide_suggestion(id, decision, put.as_ref()).await?;
    let now = store.suggestion(id).await?.ok_or(LinkError::NoSuggestion(id))?;
    if decided { Ok(now) } else { Err(LinkError::Decided(now.state)) }
}

fn person(key: DocKey) -> Put {
    Put::new(key, Lane::Fast, Cause::Person)
}
