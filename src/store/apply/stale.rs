//! Which units saw something that is no longer so.
//!
//! Invariant: pure. A unit is stale when it was `raced` by somebody who stored its document under another name, when a
//! row that it expects or asks about is gone, looks different or no longer matches, when another unit of the batch comes first to the same row or name,
//! or when a name that it wants is held by a row that no living unit makes give it up. The last rule is applied until
//! nothing changes, because a stale unit gives up nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::present::{Present, wanted_name};
use crate::domain::customer::CustomerId;
use crate::domain::plan::{Unit, Write};

/// Indices of stale units; units in `lost` are left out of account.
pub(super) fn find(
    units: &[Unit],
    lost: &BTreeSet<usize>,
    raced: &BTreeSet<usize>,
    present: &BTreeMap<CustomerId, Present>,
    holders: &HashMap<String, CustomerId>,
) -> BTreeSet<usize> {
    let mut stale = BTreeSet::new();
    let mut touched: HashSet<CustomerId> = HashSet::new();
    let mut taken: HashSet<&str> = HashSet::new();
    for (index, unit) in units.iter().enumerate().filter(|(index, _)| !lost.contains(index)) {
        let ids: HashSet<CustomerId> = unit.writes.iter().filter_map(Write::seen).map(|seen| seen.id).collect();
        let names: HashSet<&str> = unit.writes.iter().filter_map(wanted_name).collect();
        let as_seen = unit.writes.iter().all(|write| is_as_seen(write, present));
        if !raced.contains(&index) && as_seen && ids.is_disjoint(&touched) && names.is_disjoint(&taken) {
            touched.extend(ids);
            taken.extend(names);
        } else {
            stale.insert(index);
        }
    }
    loop {
        let living = || units.iter().enumerate().filter(|(index, _)| !lost.contains(index) && !stale.contains(index));
        let given_up: HashSet<CustomerId> =
            living().flat_map(|(_, unit)| &unit.writes).filter_map(gives_up_name).collect();
        let blocked: Vec<usize> = living()
            .filter(|(_, unit)| {
                unit.writes
                    .iter()
                    .filter_map(wanted_name)
                    .any(|name| holders.get(name).is_some_and(|holder| !given_up.contains(holder)))
            })
            .map(|(index, _)| index)
            .collect();
        if blocked.is_empty() {
            return stale;
        }
        stale.extend(blocked);
    }
}

/// Whether the row that a write expects or asks about is as it was when that was decided.
fn is_as_seen(write: &Write, present: &BTreeMap<CustomerId, Present>) -> bool {
    if let Write::Suggest(suggestion) = write {
        return present.get(&suggestion.customer).is_some_and(Present::is_linkable);
    }
    let Some(seen) = write.seen() else { return true };
    let still_matches = |row: &Present| match write {
        Write::Upsert(upsert) => {
            upsert.matched_by.as_ref().is_none_or(|by| !row.deleted && by.still_holds(seen.id, &row.customer))
        }
        _ => true,
    };
    present.get(&seen.id).is_some_and(|row| row.matches(seen) && still_matches(row))
}

/// The row whose present name a write takes away.
pub(super) fn gives_up_name(write: &Write) -> Option<CustomerId> {
    match write {
        Write::Tombstone { seen, release_name: true, .. } => Some(seen.id),
        Write::Upsert(_) | Write::Rename { .. } | Write::LeaveOut(_) => {
            wanted_name(write).and(write.seen()).filter(|seen| seen.erpnext_id.is_some()).map(|seen| seen.id)
        }
        Write::Tombstone { .. }
        | Write::Note { .. }
        | Write::MarkUnknown { .. }
        | Write::Suggest(_)
        | Write::Forget(_) => None,
    }
}
