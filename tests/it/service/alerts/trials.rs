//! Misfortunes of the running service, until a real Prometheus with the shipped (shortened) rules fires each alert.
//!
//! Invariant: the lists below are what the trials wait for; together they are all alerts (`rules` compares). A trial
//! makes several things go wrong at once, because each needs a service, an ERPNext and a Prometheus of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use customer_sync::domain::run::{RunKind, RunState};
use customer_sync::simulator::{Fault, Options, RateLimit, Simulator, WebhookFault};
use serde_json::json;

use super::{SHORTER, prometheus};
use crate::support::app::SECRET;
use crate::support::databases::{Kind, fresh};
use crate::support::prometheus::Prometheus;
use crate::support::proxy::TcpProxy;
use crate::support::serviced::Serviced;
use crate::support::sql;

/// What each trial makes fire.
pub const ALL: [&[&str]; 4] = [&CUSTOMERS, &KEY, &ERPNEXT, &DATABASE];

const CUSTOMERS: [&str; 6] = [
    "CustomerSyncSignaturesRejected",
    "CustomerSyncWebhooksMissing",
    "CustomerSyncLagging",
    "CustomerSyncFailedJobs",
    "CustomerSyncRunFailed",
    "CustomerSyncRunHeld",
];
const KEY: [&str; 5] = [
    "CustomerSyncPaused",
    "CustomerSyncPollingStopped",
    "CustomerSyncQueueStuck",
    "CustomerSyncNoFullRun",
    "CustomerSyncDrift",
];
const ERPNEXT: [&str; 2] = ["CustomerSyncRateLimitNearlySpent", "CustomerSyncErpnextFailing"];
const DATABASE: [&str; 3] = ["CustomerSyncDatabaseDown", "CustomerSyncWebhooksNotStored", "CustomerSyncDown"];

/// How often things go wrong.
const BEAT: Duration = Duration::from_millis(200);
/// A trial that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Repeats `misfortune` (told how often before) until all of these alerts have fired, and looks at what they tell.
async fn until_fired(prometheus: &Prometheus, names: &[&str], mut misfortune: impl AsyncFnMut(usize)) {
    let mut silent: BTreeSet<&str> = names.iter().copied().collect();
    let mut beat = tokio::time::interval(BEAT);
    let trial = async {
        for count in 0.. {
            beat.tick().await;
            misfortune(count).await;
            for alert in prometheus.alerts().await.into_iter().filter(|alert| alert.state == "firing") {
                if silent.remove(alert.name()) {
                    let told = alert.annotations.values().all(|text| !text.is_empty() && !text.contains("error"));
                    assert!(told && alert.annotations.len() == 3, "{alert:?}");
                }
            }
            if silent.is_empty() {
                return;
            }
        }
    };
    let fired = tokio::time::timeout(PATIENCE, trial).await.is_ok();
    assert!(fired, "these stay silent: {silent:?}");
}

/// A service with so many customers after its first full run, and who watches it.
async fn watched(customers: usize) -> (Serviced, Prometheus) {
    let erpnext = Simulator::start(Options { retry_scale: 0.01, ..Options::default() }).await.unwrap();
    erpnext.seed_customers(customers);
    let service = Serviced::start(fresh(Kind::Sqlite).await, erpnext, &[("schedule.catch_up", "500ms")]).await;
    assert_eq!(service.run(RunKind::Full).await.state, RunState::Succeeded);
    let prometheus = prometheus(&service, SHORTER).await;
    (service, prometheus)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_secret_lost_webhooks_slow_reads_a_poisoned_customer_and_a_mass_deletion() {
    let (service, prometheus) = watched(100).await;
    let erpnext = &service.erpnext;
    erpnext.register_webhooks(&service.webhook_url(), SECRET).unwrap();
    // Counters must have been seen before they move.
    prometheus.until("customer_sync_changes_total{found_by=\"polling\"} == 0").await;

    let names = erpnext.names("Customer");
    erpnext.faults().webhooks(WebhookFault::Drop, usize::MAX);
    erpnext.faults().poison(&names[0], 417);
    assert_eq!(service.hint(SECRET, &names[0]).await, 202);
    assert_eq!(service.run(RunKind::Full).await.state, RunState::Partial);
    for name in &names[80..] {
        erpnext.sql_delete("Customer", name);
    }
    assert_eq!(service.run(RunKind::Sweep).await.state, RunState::Held);

    until_fired(&prometheus, &CUSTOMERS, async |count| {
        assert_eq!(service.hint("not the secret", &names[1]).await, 401);
        let website = json!({"website": format!("https://{count}.example")});
        for lost in 0..3 {
            // Its webhook is dropped.
            erpnext.update("Customer", &names[2 + (3 * count + lost) % 40], website.clone()).unwrap();
        }
        erpnext.faults().requests(Fault::Slow(Duration::from_secs(1)), 1);
        let announced = &names[42 + count % 38];
        erpnext.set_value("Customer", announced, website).unwrap();
        assert_eq!(service.hint(SECRET, announced).await, 202);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_and_a_full_run_that_is_long_ago() {
    let (service, prometheus) = watched(20).await;
    prometheus.until("customer_sync_run_last_success_timestamp_seconds{kind=\"catch_up\"} > 0").await;
    // Another replica compared while the key was still good.
    let verified =
        "INSERT INTO sync_meta (name, value) VALUES ('verified', '{\"at\":1,\"checked\":9,\"found\":{\"stale\":2}}')";
    sql::execute(&service.database, verified).await;
    service.erpnext.change_secret(None);
    sql::execute(&service.database, "UPDATE sync_runs SET finished_at = finished_at - 3 * 86400000").await;
    let name = service.erpnext.names("Customer").remove(0);
    until_fired(&prometheus, &KEY, async |_count| assert_eq!(service.hint(SECRET, &name).await, 202)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_spends_the_rate_limit_and_erpnext_goes_down() {
    let (service, prometheus) = watched(20).await;
    let window = Duration::from_secs(24 * 3600);
    service.erpnext.set_rate_limit(Some(RateLimit { budget: Duration::from_secs(100_000), window }));
    let (spent, down) = ERPNEXT.split_at(1);
    let names = service.erpnext.names("Customer");
    let hint = async |count: usize| assert_eq!(service.hint(SECRET, &names[count % names.len()]).await, 202);
    hint(0).await;
    prometheus.until("customer_sync_erpnext_budget_left_ratio < 1").await;
    service.erpnext.spend(Duration::from_secs(95_000));
    until_fired(&prometheus, spent, hint).await;

    service.erpnext.set_rate_limit(None);
    service.erpnext.take_down().await;
    until_fired(&prometheus, down, hint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_cannot_be_reached_and_then_the_service_is_killed() {
    let database = fresh(Kind::Postgres).await;
    let port = url::Url::parse(&database.url).unwrap().port().unwrap();
    let proxy = TcpProxy::to(port).await;
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    let service = Serviced::start_via(&database.url_via(proxy.port()), database, erpnext, &[]).await;
    let prometheus = prometheus(&service, SHORTER).await;
    prometheus.until("customer_sync_database_up == 1").await;

    proxy.cut();
    let (away, down) = DATABASE.split_at(2);
    until_fired(&prometheus, away, async |_count| assert_eq!(service.hint(SECRET, "A").await, 503)).await;
    let _kept = service.kill();
    until_fired(&prometheus, down, async |_count| {}).await;
}
