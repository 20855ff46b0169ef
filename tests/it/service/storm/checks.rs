//! What must be true after a storm: every row is what ERPNext has, and nobody lost the id of a customer.
//!
//! Invariant: the truth is the stand-in itself; nothing of the service's own reasoning is used here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use customer_sync::domain::customer::CustomerId;
use customer_sync::store::{ChangeRow, CustomerDetail};

use super::Storm;
use super::operations::birth_of;
use crate::support::truth::{differences, rows};

/// More would only hide the first ones.
const SHOWN: usize = 5;

impl Storm {
    /// Checks everything; `known` are the ids of an earlier check. The ids of the living customers by birth mark.
    pub async fn check(
        &self,
        ended: &BTreeSet<String>,
        known: &BTreeMap<String, CustomerId>,
    ) -> BTreeMap<String, CustomerId> {
        let (store, erpnext) = (self.app.store(), &self.erpnext);
        let differences = differences(store, erpnext).await;
        self.none("differences", &differences);

        let rows = rows(store).await;
        let by_id: HashMap<CustomerId, &CustomerDetail> = rows.iter().map(|row| (row.row.id, row)).collect();
        let mut ids: BTreeMap<String, CustomerId> = BTreeMap::new();
        let mut wrong = Vec::new();
        for row in rows.iter().filter(|row| row.row.deleted_at.is_none()) {
            let name = row.row.customer.erpnext_id.as_deref().unwrap();
            let birth = birth_of(erpnext, name).unwrap();
            if let Some(other) = ids.insert(birth, row.row.id) {
                wrong.push(format!("{name}: the rows {other} and {} are one customer", row.row.id));
            }
        }
        for (birth, id) in &ids {
            match known.get(birth) {
                Some(before) if before != id && !ended.contains(birth) => {
                    wrong.push(format!("{birth}: had the id {before} and has {id}"));
                }
                _ => {}
            }
        }
        for (birth, id) in known.iter().filter(|(birth, _id)| !ids.contains_key(*birth)) {
            let row = by_id[id];
            if row.row.deleted_at.is_none() {
                wrong.push(format!("{birth}: is gone, but its row {id} lives as {:?}", row.row.customer.erpnext_id));
            }
        }
        for (birth, id) in ids.iter().filter(|(birth, _id)| !ended.contains(*birth)) {
            let history = store.changes_of(*id, None, 1_000).await.unwrap();
            let is_end = |kind: &str| ["deleted", "merged", "filtered"].contains(&kind);
            if history.iter().any(|change| is_end(&change.kind)) {
                let told = |change: &ChangeRow| format!("{} by {}: {}", change.kind, change.cause, change.changes);
                let history: Vec<String> = history.iter().rev().map(told).collect();
                wrong.push(format!("{birth}: was never gone, but look at its row {id}: {history:#?}"));
            }
        }
        self.none("wrong ids or tombstones", &wrong);
        ids
    }

    /// Panics with the seed, which repeats the storm, if there is any.
    fn none(&self, what: &str, found: &[String]) {
        let shown = &found[..found.len().min(SHOWN)];
        assert!(found.is_empty(), "{self}: {} {what}, e.g. {shown:#?}", found.len());
    }
}
