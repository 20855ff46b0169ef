//! Which units saw something that is no longer so.
//!
//! Invariant: pure. A unit is stale when it was `raced` by somebody who stored its document under another name, when a
//! row that it expects is gone or looks different, when another unit of the batch comes first to the same row or name,
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
        let as_seen = unit
            .writes
            .iter()
            .filter_map(Write::seen)
            .all(|seen| present.get(&seen.id).is_some_and(|row| row.matches(seen)));
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

/// The row whose present name a write takes away.
pub(super) fn gives_up_name(write: &Write) -> Option<CustomerId> {
    match write {
        Write::Tombstone { seen, release_name: true, .. } => Some(seen.id),
        Write::Upsert(_) | Write::Rename { .. } => {
            wanted_name(write).and(write.seen()).filter(|seen| seen.erpnext_id.is_some()).map(|seen| seen.id)
        }
        Write::Tombstone { .. } | Write::Note { .. } | Write::MarkUnknown { .. } => None,
    }
}
