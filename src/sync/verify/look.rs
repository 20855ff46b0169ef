//! One look at a batch of customers: what ERPNext says, what our rows say, and what is wrong.
//!
//! Invariant: nothing is written, and a look alone proves nothing while people work: each comes with a token that is the
//! same only while both sides stay as they are, and with whether a job is about to change the row.

use std::collections::{BTreeSet, HashSet};

use super::judge::{Judged, Ours, judge};
use crate::domain::customer::CustomerId;
use crate::domain::difference::Difference;
use crate::domain::fields::content_hash;
use crate::domain::job::{Cause, Claim, DocKey, Lane};
use crate::domain::plan::Write;
use crate::store::Pending;
use crate::sync::{Context, Decision, SyncError, rehearsal};

/// What one look found about one customer.
#[derive(Debug)]
pub(super) struct Looked {
    /// Its name.
    pub(super) name: String,
    /// All that is wrong with it.
    pub(super) differences: Vec<Difference>,
    /// It has no row, and shall have none for now.
    pub(super) left_out: bool,
    /// Equal tokens: nothing has moved in between, on either side.
    pub(super) token: String,
    /// A job will look at it, or at something that it is made of, within moments.
    pub(super) in_flight: bool,
}

impl Looked {
    /// Whether something is wrong that is to be repaired.
    pub(super) fn is_drift(&self) -> bool {
        self.differences.iter().any(|difference| difference.kind.is_drift())
    }
}

/// Looks at customers of which it is not known whether ERPNext lists them (any more).
///
/// # Errors
/// ERPNext or the database could not answer.
pub(super) async fn again(context: &Context, names: &[String]) -> Result<Vec<Looked>, SyncError> {
    let listed: HashSet<String> = rehearsal::names_among(context, names).await?.into_iter().collect();
    let (there, gone): (Vec<String>, Vec<String>) = names.iter().cloned().partition(|name| listed.contains(name));
    let mut looked = at(context, &there, true).await?;
    looked.extend(at(context, &gone, false).await?);
    Ok(looked)
}

/// Looks at customers that ERPNext lists, or at rows of ours that it does not.
///
/// # Errors
/// ERPNext or the database could not answer.
pub(super) async fn at(context: &Context, names: &[String], listed: bool) -> Result<Vec<Looked>, SyncError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // As for a person in the fast lane: no brake parks what differs, and an accepted filter speaks for each customer.
    let claims: Vec<Claim> =
        names.iter().map(|name| rehearsal::claim(name, Lane::Fast, Cause::Person, !listed)).collect();
    let mut decisions = rehearsal::decide(context, &claims).await?;
    // Names that moved in a circle: a worker takes the others of them in its next round; alone, each is decided at once.
    for (claim, decision) in claims.iter().zip(&mut decisions) {
        if matches!(decision, Decision::Again)
            && let Some(alone) = rehearsal::decide(context, std::slice::from_ref(claim)).await?.pop()
        {
            *decision = alone;
        }
    }
    // Rows are read after their documents: a worker that was faster makes them look newer, never older.
    let ours = ours(context, names, &decisions).await?;
    let mut judged: Vec<Judged> = Vec::with_capacity(names.len());
    for (name, decision) in names.iter().zip(&decisions) {
        judged.push(judge(&context.mapping, &ours, name, listed, decision)?);
    }
    let made_of: BTreeSet<DocKey> = judged
        .iter()
        .filter(|judged| !judged.differences.is_empty())
        .flat_map(|judged| judged.made_of.clone())
        .collect();
    let pending = context.store.pending(&made_of).await?;
    let mut looked = Vec::with_capacity(names.len());
    for (name, Judged { mut differences, left_out, made_of, modified }) in names.iter().zip(judged) {
        let held = ours.held.get(name);
        let token = (&differences, modified, held.map(|held| (&held.modified, &held.seen.hash, held.deleted)));
        let token = content_hash(&token)?;
        let jobs: Vec<&Pending> = made_of.iter().filter_map(|key| pending.get(key)).collect();
        let failing = jobs.iter().find_map(|job| match job {
            Pending::Failing(why) => Some(why),
            Pending::Soon => None,
        });
        if let Some(why) = failing {
            for difference in differences.iter_mut().filter(|difference| difference.kind.is_drift()) {
                difference.why.push_str("; its job fails: ");
                difference.why.push_str(why);
            }
        }
        let in_flight = jobs.iter().any(|job| **job == Pending::Soon);
        looked.push(Looked { name: name.clone(), differences, left_out, token, in_flight });
    }
    Ok(looked)
}

/// Our side of the batch.
async fn ours(context: &Context, names: &[String], decisions: &[Decision]) -> Result<Ours, SyncError> {
    let held = context.store.held(names, &[]).await?;
    let writes = decisions.iter().filter_map(|decision| match decision {
        Decision::Write { writes, .. } => Some(writes),
        _ => None,
    });
    let seen = writes.flatten().filter_map(Write::seen).map(|seen| seen.id);
    let ids: BTreeSet<CustomerId> = held.iter().map(|held| held.seen.id).chain(seen).collect();
    let ids: Vec<CustomerId> = ids.into_iter().collect();
    let records = context.store.records(&ids).await?;
    let documents = context.store.documents(&ids).await?;
    let held = held.into_iter().filter_map(|held| Some((held.seen.erpnext_id.clone()?, held))).collect();
    Ok(Ours { records, documents, held })
}
