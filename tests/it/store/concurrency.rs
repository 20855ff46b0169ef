//! Several receivers and workers at once, in one process and in two.
//!
//! Invariant: no deadlock reaches a caller, a job is never held twice, and each accepted hint is worked off by a read
//! that began after it was accepted.

use super::workload::{Weather, Workload};
use super::{Case, on_each_database};

on_each_database! {
    receivers_and_workers_do_not_harm_each_other
    two_processes_share_one_database
}

async fn receivers_and_workers_do_not_harm_each_other(case: Case) {
    let stores = [case.store.clone()];
    let workload = Workload::run(Weather::Fair, &stores, 60, 60).await;
    settled(&case, &workload).await;
}

async fn two_processes_share_one_database(case: Case) {
    let stores = [case.store.clone(), case.another_store().await];
    let workload = Workload::run(Weather::Fair, &stores, 60, 60).await;
    settled(&case, &workload).await;
}

/// Nothing is left to do, nothing was lost.
async fn settled(case: &Case, workload: &Workload) {
    let rows = case.select(["erpnext_id", "notes"], "FROM customers").await;
    let mut rows: Vec<_> = rows;
    rows.sort();
    assert_eq!(rows, workload.expected());
    assert_eq!(case.count("FROM sync_jobs").await, 0);
    assert_eq!(case.count("FROM sync_deliveries").await, workload.accepted() as i64);
}
