//! Runs succeed, are held, wait: what they move.

use customer_sync::simulator::Options;
use serde_json::json;

use super::{Move, Watched};
use crate::support::databases::Kind;

const CUSTOMERS: usize = 40;
/// With the hidden one, which no list shows either, 16 are missing.
const DELETED: usize = 15;
const POISONED: usize = 10;

pub(super) const MOVES: &[Move] = &[
    ("customer_sync_runs_total", "customer_sync_runs_total{kind=\"full\",result=\"succeeded\"} == 1"),
    ("customer_sync_runs_total", "customer_sync_runs_total{kind=\"sweep\",result=\"held\"} == 1"),
    ("customer_sync_run_seconds", "customer_sync_run_seconds_sum{kind=\"full\"} > 0"),
    (
        "customer_sync_run_last_success_timestamp_seconds",
        "abs(time() - customer_sync_run_last_success_timestamp_seconds{kind=\"full\"}) < 3600",
    ),
    (
        "customer_sync_run_last_success_timestamp_seconds",
        "abs(time() - customer_sync_run_last_success_timestamp_seconds{kind=\"catch_up\"}) < 3600",
    ),
    ("customer_sync_hidden_documents", "customer_sync_hidden_documents{doctype=\"Customer\"} == 1"),
    ("customer_sync_runs_held", "customer_sync_runs_held{kind=\"sweep\"} == 1"),
    ("customer_sync_held_candidates", "customer_sync_held_candidates == 16"),
    ("customer_sync_run_active", "customer_sync_run_active{kind=\"full\"} == 1"),
    ("customer_sync_run_customers", "customer_sync_run_customers{kind=\"full\",state=\"left\"} > 0"),
    ("customer_sync_run_customers", "customer_sync_run_customers{kind=\"full\",state=\"done\"} > 0"),
    ("customer_sync_differences", "customer_sync_differences{kind=\"stale\"} == 1"),
    ("customer_sync_verified_customers", "customer_sync_verified_customers == 40"),
    ("customer_sync_verified_timestamp_seconds", "abs(time() - customer_sync_verified_timestamp_seconds) < 3600"),
    ("customer_sync_schedule_paused", "customer_sync_schedule_paused{schedule=\"sweep\"} == 1"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_move_what_tells_of_them() {
    let settings = [
        ("CUSTOMER_SYNC__SCHEDULE__CATCH_UP", "1s"),
        ("CUSTOMER_SYNC__VERIFY__SETTLE", "100ms"),
        // What fails once is still waiting when it is measured.
        ("CUSTOMER_SYNC__WORKER__BACKOFF_BASE", "10h"),
        ("CUSTOMER_SYNC__WORKER__BACKOFF_MAX", "10h"),
    ];
    let watched = Watched::start(Kind::Sqlite, Options::default(), &settings).await;
    watched.erpnext.seed_customers(CUSTOMERS);
    watched.run("full").await;
    watched.prometheus.until("customer_sync_runs_total{kind=\"full\",result=\"succeeded\"} == 1").await;
    watched.prometheus.until("customer_sync_run_active{kind=\"full\"} == 0").await;

    let names = watched.erpnext.names("Customer");
    watched.erpnext.sql_edit("Customer", &names[20], json!({"website": "https://new.example"})).unwrap();
    watched.post("/api/schedules/verify/run", json!({})).await;
    watched.prometheus.until("customer_sync_differences{kind=\"stale\"} == 1").await;

    let (hidden, deleted) = (&names[0], &names[1..=DELETED]);
    watched.erpnext.hide_document("Customer", hidden, true);
    for name in deleted {
        watched.erpnext.sql_delete("Customer", name);
    }
    watched.run("sweep").await;
    watched.prometheus.until("customer_sync_runs_held{kind=\"sweep\"} == 1").await;

    for name in names.iter().rev().take(POISONED) {
        watched.erpnext.faults().poison(name, 500);
    }
    let waiting = watched.run("full").await;
    watched.post("/api/schedules/sweep/pause", json!({})).await;
    watched.seen(MOVES).await;

    watched.post(&format!("/api/runs/{waiting}/cancel"), json!({})).await;
    watched.prometheus.until("customer_sync_run_active{kind=\"full\"} == 0").await;
    watched.prometheus.until("sum(customer_sync_run_customers) == 0").await;
    watched.prometheus.until("customer_sync_runs_total{kind=\"full\",result=\"cancelled\"} == 1").await;
}
