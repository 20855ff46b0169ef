//! Misfortune on demand: scripted answers, the rate limit, latency, ERPNext down and up again.
//!
//! Invariant: after a fault is used up the stand-in answers as if nothing had been.

use std::time::{Duration, Instant};

use customer_sync::simulator::{Fault, Options, Pace, RateLimit, Simulator};
use serde_json::json;

use super::wire::Wire;

async fn site(options: Options) -> (Simulator, Wire) {
    let simulator = Simulator::start(options).await.unwrap();
    let wire = Wire::new(&simulator, &simulator.key());
    (simulator, wire)
}

#[tokio::test]
async fn scripted_answers_come_once_and_then_the_truth() {
    let (simulator, wire) = site(Options::default()).await;
    let path = "/api/resource/Customer";
    let faults = simulator.faults();
    faults.requests(Fault::Html(502), 1);
    faults.requests(Fault::Garbage, 1);
    faults.requests(Fault::Redirect("/login".to_owned()), 1);
    faults.requests(Fault::TooManyRequests(7), 1);
    faults.requests(Fault::Close, 1);
    faults.requests(Fault::ServerError, 1);
    faults.requests(Fault::Slow(Duration::from_millis(30)), 1);
    let bad_gateway = wire.get(path).await;
    assert_eq!((bad_gateway.status, bad_gateway.header("content-type")), (502, Some("text/html")));
    let garbage = wire.get(path).await;
    assert!(garbage.status == 200 && garbage.json().is_string());
    assert_eq!(wire.get(path).await.header("location"), Some("/login"));
    let limited = wire.get(path).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    assert!(wire.try_send("GET", path, "").await.is_none(), "closed without an answer");
    assert_eq!(wire.get(path).await.json()["exc_type"], "OperationalError");
    let started = Instant::now();
    assert_eq!(wire.get(path).await.json(), json!({"data": []}));
    assert!(started.elapsed() >= Duration::from_millis(30));
    assert_eq!(wire.get(path).await.json(), json!({"data": []}));
    assert_eq!(simulator.requests().total(), 8);
    assert_eq!(simulator.requests().count("list", "Customer"), 8);
}

#[tokio::test]
async fn the_rate_limit_counts_server_time_and_says_when_to_come_back() {
    let limit = RateLimit { budget: Duration::from_millis(30), window: Duration::from_secs(60) };
    let (simulator, wire) = site(Options { rate_limit: Some(limit), ..Options::default() }).await;
    simulator.freeze_clock("2026-11-22T06:35:10Z".parse().unwrap());
    let path = "/api/resource/Customer";
    let first = wire.get(path).await;
    assert_eq!(first.header("x-ratelimit-limit"), Some("30000"));
    assert_eq!(first.header("x-ratelimit-remaining"), Some("18000"));
    assert_eq!(first.header("x-ratelimit-reset"), Some("50"));
    wire.get(path).await;
    wire.get(path).await;
    let refused = wire.get(path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("50")));
    assert_eq!(refused.json()["exc_type"], "TooManyRequestsError");
    simulator.advance_clock(jiff::SignedDuration::from_secs(50));
    assert_eq!(wire.get(path).await.status, 200);
    simulator.set_rate_limit(None);
    assert_eq!(wire.get(path).await.header("x-ratelimit-limit"), None);
}

#[tokio::test]
async fn a_pace_makes_it_as_slow_as_a_real_site() {
    let pace = Pace { per_call: Duration::from_millis(20), per_row: Duration::ZERO, processes: 1 };
    let (_simulator, wire) = site(Options { pace: Some(pace), ..Options::default() }).await;
    let started = Instant::now();
    let path = "/api/resource/Customer";
    tokio::join!(wire.get(path), wire.get(path), wire.get(path));
    assert!(started.elapsed() >= Duration::from_millis(60), "one process answers one request at a time");
}

#[tokio::test]
async fn while_it_is_down_connections_are_refused_and_documents_stay() {
    let (simulator, wire) = site(Options::default()).await;
    simulator.create_customer(json!({"customer_name": "A"})).unwrap();
    simulator.take_down().await;
    assert!(wire.try_send("GET", "/api/resource/Customer", "").await.is_none());
    simulator.create_customer(json!({"customer_name": "B"})).unwrap();
    simulator.bring_up().await.unwrap();
    let listed = wire.get("/api/resource/Customer?order_by=name%20asc").await.json();
    assert_eq!(listed, json!({"data": [{"name": "A"}, {"name": "B"}]}));
    simulator.stop().await;
    assert!(wire.try_send("GET", "/api/resource/Customer", "").await.is_none());
    assert!(simulator.bring_up().await.is_err());
}

#[tokio::test]
async fn frozen_time_still_gives_every_write_a_modified_of_its_own() {
    let (simulator, _) = site(Options { time_zone: "Europe/Berlin".to_owned(), ..Options::default() }).await;
    simulator.freeze_clock("2026-11-22T06:35:01Z".parse().unwrap());
    simulator.create_customer(json!({"customer_name": "A"})).unwrap();
    simulator.create_customer(json!({"customer_name": "B"})).unwrap();
    let modified = |name| simulator.document("Customer", name).unwrap()["modified"].clone();
    assert_eq!((modified("A"), modified("B")), (json!("2026-11-22 07:35:01"), json!("2026-11-22 07:35:01.000001")));
}
