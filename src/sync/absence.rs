//! What it means that a customer was not in the list: renamed, spelled differently, not permitted, merged, deleted.
//!
//! Invariant: a row becomes a tombstone only by the document's own 404 with Frappe's JSON, only if something said that
//! it is gone, and only after nobody has its `creation` under another name.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::concealed::concealed;
use super::expand::links_of;
use super::identity::{CROWD, Pair};
use super::moves::{mentions, names_created_at};
use super::site::probe;
use super::{Context, Decision, SyncError, erase};
use crate::domain::document::{Doc, Unknown};
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, Claim, DocKey, Put};
use crate::domain::plan::{Gone, Write};
use crate::domain::suggestion::{Suggestion, SuggestionKind};
use crate::erpnext::{Error, Work};
use crate::store::Held;

/// The mark of a customer that the key may not read at all.
pub const CUSTOMER_UNKNOWN: &str = "customer";

/// Reads the document singly and decides. `held` is the row that has its name, if there is one.
pub async fn decide(context: &Context, claim: &Claim, held: Option<&Held>, work: Work) -> Decision {
    let decided = match context.client.get(Doctype::Customer.as_str(), &claim.key.name, work).await {
        Ok(Some(document)) => answered(context, claim, held, &document, work).await,
        Ok(None) => gone(context, claim, held, work).await,
        Err(Error::Forbidden { .. }) => not_permitted(context, held).await,
        Err(error) => Err(error.into()),
    };
    decided.unwrap_or_else(Decision::Failed)
}

/// ERPNext looks names up without regard to case and accents: the name in its answer is the true one.
async fn answered(
    context: &Context,
    claim: &Claim,
    held: Option<&Held>,
    document: &Doc,
    work: Work,
) -> Result<Decision, SyncError> {
    let text = |field: &str| document.get(field).and_then(Value::as_str);
    let Some(true_name) = text("name").filter(|name| *name != claim.key.name) else {
        return Err(SyncError::ListedDifferently);
    };
    if held.and_then(|row| row.seen.creation.as_deref()).is_some_and(|ours| Some(ours) != text("creation")) {
        // A spelling of our name belongs to another document, so ours is as gone as by a 404.
        let decision = gone(context, claim, held, work).await?;
        return Ok(decision.and(claim.inherit(DocKey::customer(true_name))));
    }
    let mut respelled = held.filter(|row| row.seen.creation.is_none());
    if respelled.is_some() && !context.store.held(&[true_name.to_owned()], &[]).await?.is_empty() {
        // The true name has a row already: the adopted one is a double of the user's own, for a person to join.
        respelled = None;
    }
    Ok(Decision::Write {
        writes: respelled
            .map(|row| Write::Rename { seen: row.seen.clone(), to: true_name.to_owned() })
            .into_iter()
            .collect(),
        puts: vec![claim.inherit(DocKey::customer(true_name))],
    })
}

async fn not_permitted(context: &Context, held: Option<&Held>) -> Result<Decision, SyncError> {
    if let Err(error) = probe(&context.client).await {
        return Err(pause(context, error));
    }
    tracing::warn!(
        customer = held.map(|row| row.seen.id),
        "not permitted to read this customer: its row stays as it is (see User Permissions in ERPNext)"
    );
    Ok(kept(held))
}

/// The row stays as it is, marked as one that the key may not read.
fn kept(held: Option<&Held>) -> Decision {
    match held {
        Some(row) if !row.unknown.has(CUSTOMER_UNKNOWN) => {
            let unknown = Unknown(BTreeSet::from([CUSTOMER_UNKNOWN.to_owned()]));
            Decision::NotPermitted(vec![Write::MarkUnknown { seen: row.seen.clone(), unknown }])
        }
        Some(_) | None => Decision::NotPermitted(Vec::new()),
    }
}

/// Stops all reading where the key itself was refused; anything else keeps its own error.
pub(super) fn pause(context: &Context, error: Error) -> SyncError {
    match error {
        Error::Unauthorized { .. } | Error::Forbidden { .. } => {
            let reason = error.without_detail();
            context.site.pause(reason.clone());
            SyncError::Paused(reason)
        }
        error => error.into(),
    }
}

async fn gone(context: &Context, claim: &Claim, held: Option<&Held>, work: Work) -> Result<Decision, SyncError> {
    // A row that the filter leaves out follows its document like a living one.
    let Some(row) = held.filter(|row| !row.deleted || row.filtered) else { return Ok(Decision::Skipped) };
    let Some(creation) = row.seen.creation.clone() else { return never_there(context, claim, row).await };
    let theirs = names_created_at(context, std::slice::from_ref(&creation), work).await?;
    let elsewhere = not_ours(context, &theirs).await?;
    let crowd = elsewhere.len() > CROWD;
    if !elsewhere.is_empty() {
        // Of a crowd (an import) nobody can tell from here which one it became; the sweep sees all of them at once.
        let others = elsewhere.into_iter().filter(|_name| !crowd);
        let puts: Vec<Put> = others.map(|name| claim.inherit(DocKey::customer(name))).collect();
        if claim.absent {
            // Renamed, or deleted beside others of one import: known as soon as those are stored.
            return Ok(Decision::After(puts, SyncError::NamesakesPending));
        }
        return Ok(Decision::Write { writes: Vec::new(), puts });
    }
    if !claim.absent {
        // A missing document that nobody called deleted is left to the sweep.
        return Ok(Decision::Skipped);
    }
    if !concealed(context, &HashSet::from([creation]), &theirs).await?.is_empty() {
        // Renamed to a name that a User Permission hides.
        return Ok(kept(Some(row)));
    }
    tombstone(context, claim, row, work).await
}

/// An adopted row that was never read is not known to have been in this ERPNext at all: never a tombstone, but a question
/// for a person, unless only a hint of any kind made us look.
async fn never_there(context: &Context, claim: &Claim, row: &Held) -> Result<Decision, SyncError> {
    let thorough = claim.absent || matches!(claim.cause, Cause::Person | Cause::Full | Cause::Sweep);
    let name = claim.key.name.as_str();
    let asked = context.store.suggestions_named(&[name]).await?.iter().any(|asked| asked.customer == row.seen.id);
    if !thorough || asked {
        return Ok(Decision::Skipped);
    }
    let question = Suggestion {
        name: name.to_owned(),
        creation: String::new(),
        customer: row.seen.id,
        kind: SuggestionKind::Missing,
        matched_by: "name".to_owned(),
    };
    Ok(Decision::Write { writes: vec![Write::Suggest(question)], puts: Vec::new() })
}

/// The names of those documents that are not rows of ours by the same pair.
async fn not_ours(context: &Context, theirs: &[Pair]) -> Result<Vec<String>, SyncError> {
    if theirs.is_empty() {
        return Ok(Vec::new());
    }
    // By name: of one `creation` the store gives only the first few rows, and an import may have thousands.
    let names: Vec<String> = theirs.iter().map(|pair| pair.name.clone()).collect();
    let ours: HashSet<Pair> = context
        .store
        .held(&names, &[])
        .await?
        .into_iter()
        .filter_map(|row| Some(Pair { name: row.seen.erpnext_id?, creation: row.seen.creation? }))
        .collect();
    Ok(theirs.iter().filter(|pair| !ours.contains(*pair)).map(|pair| pair.name.clone()).collect())
}

async fn tombstone(context: &Context, claim: &Claim, row: &Held, work: Work) -> Result<Decision, SyncError> {
    let merged = merged_into(context, row, &claim.key.name, work).await?;
    let mut puts = Vec::new();
    let mut why = Gone::Deleted;
    if let Some(name) = merged {
        let held = context.store.held(std::slice::from_ref(&name), &[]).await?;
        let follows = |held: &&Held| !held.deleted || held.filtered;
        let target = held.iter().filter(follows).find(|held| held.seen.erpnext_id.as_ref() == Some(&name));
        let put = || claim.inherit(DocKey::customer(&name));
        if let Some(target) = target {
            why = Gone::Merged(target.seen.id);
            puts.push(put());
        } else if !is_left_out(context, &name, work).await? && !is_erased(context, &name).await? {
            return Ok(Decision::After(vec![put()], SyncError::MergePending));
        }
    }
    let tombstone = Write::Tombstone { seen: row.seen.clone(), gone: why, release_name: false };
    Ok(Decision::Write { writes: vec![tombstone], puts })
}

/// Whether the filter keeps that customer from ever having a row: nothing waits for it then.
async fn is_left_out(context: &Context, name: &str, work: Work) -> Result<bool, SyncError> {
    let Some(filter) = &context.rules.filter else { return Ok(false) };
    Ok(!context.client.matches(name, filter, work).await?)
}

/// Whether that customer was erased: nothing waits for its row either.
async fn is_erased(context: &Context, name: &str) -> Result<bool, SyncError> {
    let erased = erase::known::erased_names(context, Doctype::Customer, &[name.to_owned()]).await?;
    Ok(!erased.is_empty())
}

/// A merge re-points the vanished customer's Addresses and Contacts and leaves a comment in the other's history.
async fn merged_into(context: &Context, row: &Held, name: &str, work: Work) -> Result<Option<String>, SyncError> {
    let linked = context.store.linked(&[row.seen.id]).await?;
    let mut candidates = BTreeSet::new();
    for doctype in [Doctype::Address, Doctype::Contact] {
        let names: Vec<&str> =
            linked.iter().filter(|link| link.doctype == doctype).map(|link| link.name.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let links = links_of(context, doctype, &names, work).await?.ok_or(SyncError::MergePending)?;
        candidates.extend(links.into_iter().map(|link| link.customer).filter(|customer| customer != name));
    }
    for candidate in candidates {
        let history = match context.client.history(Doctype::Customer.as_str(), &candidate).await {
            Ok(history) => history,
            Err(Error::Forbidden { .. }) => return Err(SyncError::MergePending),
            Err(error) => return Err(error.into()),
        };
        if history.iter().any(|comment| mentions(comment, name)) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
