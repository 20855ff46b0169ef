//! ERPNext limits, refuses, falls silent; the database is away: what that moves, and that it moves back.

use std::time::Duration;

use customer_sync::simulator::{Options, Pace, RateLimit};
use reqwest::StatusCode;

use super::{Move, Watched};
use crate::support::databases::{Kind, fresh};
use crate::support::proxy::TcpProxy;

pub(super) const MOVES: &[Move] =
    &[LIMITED[0], LIMITED[1], REFUSED[0], REFUSED[1], REFUSED[2], SILENT[0], SILENT[1], AWAY[0]];

const LIMITED: [Move; 2] = [
    ("customer_sync_erpnext_budget_left_ratio", "customer_sync_erpnext_budget_left_ratio < 1"),
    ("customer_sync_erpnext_share_left_ratio", "customer_sync_erpnext_share_left_ratio < 1"),
];
const REFUSED: [Move; 3] = [
    ("customer_sync_erpnext_paused", "customer_sync_erpnext_paused == 1"),
    ("customer_sync_queue_jobs", "customer_sync_queue_jobs{lane=\"fast\"} > 0"),
    ("customer_sync_queue_oldest_seconds", "customer_sync_queue_oldest_seconds{lane=\"fast\"} > 1"),
];
const SILENT: [Move; 2] = [
    ("customer_sync_erpnext_breaker_open", "customer_sync_erpnext_breaker_open == 1"),
    ("customer_sync_erpnext_calls_total", "customer_sync_erpnext_calls_total{status=\"connect\"} > 0"),
];
const AWAY: [Move; 1] = [("customer_sync_database_up", "customer_sync_database_up == 0")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_move_what_tells_of_them_and_their_end_moves_it_back() {
    let database = fresh(Kind::Postgres).await;
    let port = url::Url::parse(&database.url).unwrap().port().unwrap();
    let proxy = TcpProxy::to(port).await;
    let via_proxy = database.url_via(proxy.port());
    let options = Options { pace: Some(Pace::default()), ..Options::default() };
    let settings = [("CUSTOMER_SYNC__WORKER__BACKOFF_BASE", "100ms"), ("CUSTOMER_SYNC__WORKER__BACKOFF_MAX", "1s")];
    let watched = Watched::on(database, &via_proxy, options, &settings).await;
    watched.erpnext.seed_customers(5);
    let names = watched.erpnext.names("Customer");

    let (budget, window) = (Duration::from_secs(3600), Duration::from_secs(86_400));
    watched.erpnext.set_rate_limit(Some(RateLimit { budget, window }));
    assert_eq!(watched.webhook(&names[0]).await, StatusCode::ACCEPTED);
    watched.seen(&LIMITED).await;
    watched.erpnext.set_rate_limit(None);
    assert_eq!(watched.webhook(&names[0]).await, StatusCode::ACCEPTED);
    watched.prometheus.until("customer_sync_erpnext_budget_left_ratio == 1").await;

    let (_key, secret) = watched.erpnext.key();
    watched.erpnext.change_secret(Some("another secret"));
    assert_eq!(watched.webhook(&names[1]).await, StatusCode::ACCEPTED);
    watched.seen(&REFUSED).await;
    watched.erpnext.change_secret(Some(&secret));
    watched.prometheus.until("customer_sync_erpnext_paused == 0").await;
    watched.prometheus.until("customer_sync_queue_jobs{lane=\"fast\"} == 0").await;

    watched.erpnext.take_down().await;
    for name in &names {
        assert_eq!(watched.webhook(name).await, StatusCode::ACCEPTED);
    }
    watched.seen(&SILENT).await;
    watched.erpnext.bring_up().await.unwrap();
    watched.prometheus.until("customer_sync_erpnext_breaker_open == 0").await;

    watched.prometheus.until("customer_sync_database_up == 1").await;
    proxy.cut();
    watched.seen(&AWAY).await;
    proxy.restore();
    watched.prometheus.until("customer_sync_database_up == 1").await;
}
