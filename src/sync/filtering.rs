//! What the configured filter means for a document and its row.
//!
//! Invariant: a mistake in the filter must not empty the table. Until a sweep has shown what a filter would remove (or a
//! person approved it), it is not *accepted*: it only keeps new customers out, and rows that we have stay in sync as if it
//! was not there. Accepted, it also marks rows as left out, yet only on the word of somebody who speaks of this one
//! customer: a webhook, a person, or the sweep's candidate. What the sweep makes of it is in `sync::sweep`.

use std::collections::HashSet;

use super::identity::Pair;
use super::rules::Rules;
use super::{Context, SyncError};
use crate::domain::customer::CustomerId;
use crate::domain::filter::fingerprint;
use crate::domain::job::{Claim, Lane};
use crate::domain::plan::{LeaveOut, Write};
use crate::erpnext::Batch;
use crate::store::{Held, Store, StoreError};

/// The filter that was accepted last; empty where none was.
const META_FILTER: &str = "filter";

/// The filter's word on one batch.
#[derive(Debug)]
pub struct Filtering<'a> {
    /// `None` without a filter.
    matching: Option<&'a HashSet<String>>,
    accepted: bool,
}

impl<'a> Filtering<'a> {
    /// Looks whether the filter is accepted, if that matters for one of these rows, each with its document's name.
    ///
    /// # Errors
    /// Our database's.
    pub async fn of<'b>(
        context: &Context,
        batch: &'a Batch,
        rows: impl Iterator<Item = (&'b str, &'b Held)>,
    ) -> Result<Self, SyncError> {
        let matching = batch.matching.as_ref();
        let is_out = |name: &str| matching.is_some_and(|matching| !matching.contains(name));
        let mut living = rows.filter(|(_name, held)| !held.deleted);
        let accepted = living.any(|(name, _held)| is_out(name)) && is_accepted(context).await?;
        Ok(Self { matching, accepted })
    }

    /// Whether a document without a row may have one.
    #[must_use]
    pub fn lets_in(&self, name: &str) -> bool {
        self.matching.is_none_or(|matching| matching.contains(name))
    }

    /// Whether this document has no living row from now on. `held` is its row.
    #[must_use]
    pub fn leaves_out(&self, claim: &Claim, name: &str, held: Option<&Held>) -> bool {
        let is_out = !self.lets_in(name);
        let may_go = |held: &Held| {
            // An adopted row belongs to its document only once it was read.
            held.seen.creation.is_some() && (claim.absent || (self.accepted && claim.lane == Lane::Fast))
        };
        is_out && held.is_none_or(|held| held.deleted || may_go(held))
    }
}

/// What has to be written for a row whose document is left out; `None` where all is as it should be.
#[must_use]
pub fn leave_out(held: Held, document: Pair, modified: String) -> Option<Write> {
    let is_done = held.filtered
        && held.seen.erpnext_id.as_ref() == Some(&document.name)
        && held.seen.creation.as_ref() == Some(&document.creation)
        && held.modified.as_ref() == Some(&modified);
    let Pair { name, creation } = document;
    (!is_done).then(|| Write::LeaveOut(Box::new(LeaveOut { seen: held.seen, name, creation, modified })))
}

/// Whether the configured filter (or having none) is the one that was accepted.
///
/// # Errors
/// Our database's.
pub async fn is_accepted(context: &Context) -> Result<bool, StoreError> {
    let accepted = context.store.meta(META_FILTER).await?.unwrap_or_default();
    Ok(accepted == fingerprint(context.rules.filter.as_ref()))
}

/// From now on the configured filter holds for the rows that we have, too.
///
/// # Errors
/// Our database's.
pub async fn accept(store: &Store, rules: &Rules) -> Result<(), StoreError> {
    let fingerprint = fingerprint(rules.filter.as_ref());
    if store.meta(META_FILTER).await?.unwrap_or_default() == fingerprint {
        return Ok(());
    }
    store.set_meta(META_FILTER, &fingerprint).await
}

/// Where there is no row that a filter could leave out, any filter holds from the beginning.
///
/// # Errors
/// Our database's.
pub async fn accept_where_nothing_is_lost(store: &Store, rules: &Rules) -> Result<(), StoreError> {
    let is_empty = store.followed(CustomerId::MIN, 1).await?.is_empty();
    if is_empty { accept(store, rules).await } else { Ok(()) }
}
