//! Webhooks become rows, or do not: what they, their jobs and the process itself move.

use std::time::Duration;

use customer_sync::simulator::{Fault, Options};
use reqwest::StatusCode;
use serde_json::json;

use super::{Move, Watched};
use crate::support::app::{SECRET, wait_until};
use crate::support::databases::Kind;
use crate::support::sql::{count, execute};

pub(super) const MOVES: &[Move] = &[
    ("customer_sync_build_info", "customer_sync_build_info{version!=\"\"} == 1"),
    ("customer_sync_deliveries_total", "customer_sync_deliveries_total{verdict=\"queued\"} > 0"),
    ("customer_sync_deliveries_total", "customer_sync_deliveries_total{verdict=\"unsigned\"} == 1"),
    ("customer_sync_ingest_seconds", "customer_sync_ingest_seconds_sum / customer_sync_ingest_seconds_count > 0"),
    ("customer_sync_commit_batch_size", "customer_sync_commit_batch_size_count > 0"),
    ("customer_sync_jobs_total", "customer_sync_jobs_total{outcome=\"done\"} > 0"),
    ("customer_sync_job_seconds", "customer_sync_job_seconds_sum / customer_sync_job_seconds_count > 0"),
    ("customer_sync_job_attempts", "customer_sync_job_attempts_bucket{le=\"1\"} > 0"),
    ("customer_sync_rows_total", "customer_sync_rows_total{effect=\"created\"} > 0"),
    ("customer_sync_changes_total", "customer_sync_changes_total{found_by=\"webhook\"} > 0"),
    (
        "customer_sync_webhook_to_row_seconds",
        "histogram_quantile(0.5, customer_sync_webhook_to_row_seconds_bucket) < 60",
    ),
    ("customer_sync_erpnext_calls_total", "customer_sync_erpnext_calls_total{call=\"list\",status=\"ok\"} > 0"),
    ("customer_sync_erpnext_call_seconds", "customer_sync_erpnext_call_seconds_sum{call=\"list\"} > 0"),
    ("customer_sync_database_connections", "sum(customer_sync_database_connections) > 0"),
    ("customer_sync_database_connections_max", "customer_sync_database_connections_max == 7"),
    ("customer_sync_job_errors_total", "customer_sync_job_errors_total{error=\"invalid\"} > 0"),
    ("customer_sync_queue_dead_jobs", "customer_sync_queue_dead_jobs == 1"),
    ("customer_sync_queue_later_jobs", "customer_sync_queue_later_jobs > 0"),
    ("customer_sync_open_suggestions", "customer_sync_open_suggestions == 2"),
    ("customer_sync_leases_lost_total", "customer_sync_leases_lost_total == 1"),
    ("customer_sync_transaction_repeats_total", "customer_sync_transaction_repeats_total{reason=\"lease_lost\"} == 1"),
    ("process_cpu_seconds_total", "rate(process_cpu_seconds_total[5m]) > 0"),
    ("process_resident_memory_bytes", "process_resident_memory_bytes > 1e6"),
    ("process_virtual_memory_bytes", "process_virtual_memory_bytes > 1e6"),
    ("process_open_fds", "process_open_fds > 3"),
    ("process_max_fds", "process_max_fds > 3"),
    ("process_threads", "process_threads > 1"),
    ("process_start_time_seconds", "abs(time() - process_start_time_seconds) < 3600"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_jobs_and_rows_move_what_tells_of_them() {
    let settings = [
        ("CUSTOMER_SYNC__MATCHING__KEYS", "email"),
        ("CUSTOMER_SYNC__DATABASE__MAX_CONNECTIONS", "7"),
        // What fails once is still waiting when it is measured.
        ("CUSTOMER_SYNC__WORKER__BACKOFF_BASE", "10h"),
        ("CUSTOMER_SYNC__WORKER__BACKOFF_MAX", "10h"),
    ];
    let watched = Watched::start(Kind::Postgres, Options::default(), &settings).await;
    let url = format!("{}/webhooks/erpnext", watched.serving.url);
    watched.erpnext.register_webhooks(&url, SECRET).unwrap();

    watched.erpnext.create_customer(json!({"customer_name": "Good"})).unwrap();
    assert_eq!(watched.signed("Good", "another secret").await, StatusCode::UNAUTHORIZED);

    watched.erpnext.faults().poison("Refused", 417);
    watched.erpnext.faults().poison("Breaks", 500);
    for name in ["Refused", "Breaks"] {
        watched.erpnext.create_customer(json!({"customer_name": name})).unwrap();
    }

    for name in ["One", "Other"] {
        let row = format!("INSERT INTO customers (name, email) VALUES ('{name}', 'a@a.example')");
        execute(&watched.database, &row).await;
    }
    watched.erpnext.create_customer(json!({"customer_name": "Which", "email_id": "a@a.example"})).unwrap();
    watched.erpnext.webhooks_settled().await;
    watched.prometheus.until("customer_sync_open_suggestions == 2").await;

    lose_a_lease(&watched).await;
    watched.seen(MOVES).await;
}

/// Somebody else takes a job over while ERPNext is slow to answer about it.
async fn lose_a_lease(watched: &Watched) {
    watched.erpnext.import("Customer", json!({"customer_name": "Slow"})).unwrap();
    watched.erpnext.faults().requests(Fault::Slow(Duration::from_secs(3)), 1);
    assert_eq!(watched.webhook("Slow").await, StatusCode::ACCEPTED);
    let claimed = "FROM sync_jobs WHERE name = 'Slow' AND token IS NOT NULL";
    wait_until("the job is claimed", async || count(&watched.database, claimed).await == 1).await;
    execute(&watched.database, "UPDATE sync_jobs SET token = token + 1 WHERE name = 'Slow'").await;
}
