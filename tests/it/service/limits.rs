//! ERPNext down, slow, limited, refusing or answering nonsense: nothing is lost, deleted or overwritten, and all of it
//! converges by itself.

use std::time::Duration;

use customer_sync::simulator::{Fault, RateLimit};
use serde_json::json;

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::truth::differences;

async fn with_customers(settings: &[(&'static str, &str)]) -> Connected {
    let connected = Connected::configured(Kind::Sqlite, settings).await;
    connected.erpnext.seed_customers(20);
    hint_all(&connected, "on_update").await;
    in_step(&connected).await;
    connected
}

async fn hint_all(connected: &Connected, event: &str) {
    for name in connected.erpnext.names("Customer") {
        connected.app.hint(event, "Customer", &name).await;
    }
}

async fn in_step(connected: &Connected) {
    connected.settled().await;
    let differences = differences(connected.app.store(), &connected.erpnext).await;
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn nonsense_in_front_of_erpnext_deletes_nothing_and_passes() {
    let connected = with_customers(&[]).await;
    let nonsense = [
        Fault::Html(404),
        Fault::Html(403),
        Fault::Html(401),
        Fault::Html(200),
        Fault::Html(502),
        Fault::Answer(404, "application/json", r#"{"message": "Not found"}"#.to_owned()),
        Fault::Answer(404, "application/json", "{}".to_owned()),
        Fault::Answer(200, "application/json", "[]".to_owned()),
        Fault::Garbage,
        Fault::Redirect("https://login.example/".to_owned()),
        Fault::ServerError,
        Fault::Close,
    ];
    for fault in nonsense {
        let before = connected.app.customers().await;
        connected.erpnext.faults().requests(fault.clone(), 12);
        hint_all(&connected, "on_trash").await;
        connected.settled().await;
        connected.erpnext.faults().clear();
        assert_eq!(connected.app.customers().await, before, "{fault:?}");
        assert_eq!(connected.app.store().queue().await.unwrap().dead, 0, "{fault:?}");
    }
    in_step(&connected).await;
}

#[tokio::test]
async fn a_404_that_is_not_erpnexts_own_is_no_delete() {
    let connected = with_customers(&[]).await;
    let name = connected.erpnext.names("Customer")[5].clone();
    let before = connected.row(&name).await;
    // Lists leave it out, so that it is read singly.
    connected.erpnext.hide_document("Customer", &name, true);
    for fault in [Fault::Html(404), Fault::Answer(404, "application/json", r#"{"message": "gone"}"#.to_owned())] {
        connected.erpnext.faults().requests_to("/api/resource/Customer", fault, 1);
        connected.app.hint("on_trash", "Customer", &name).await;
        connected.settled().await;
        assert_eq!(connected.row(&name).await, before);
    }
}

#[tokio::test]
async fn erpnext_away_and_back_again() {
    let connected = with_customers(&[]).await;
    let name = connected.erpnext.names("Customer")[0].clone();
    connected.erpnext.take_down().await;
    hint_all(&connected, "on_update").await;
    let readyz = async || connected.app.get("/readyz").await.to_string();
    wait_until("it is told that ERPNext is away", async || readyz().await.contains("erpnext_unreadable")).await;
    assert!(!readyz().await.contains("breaker_open"), "one cause is one reason");
    connected.erpnext.bring_up().await.unwrap();
    connected.erpnext.update("Customer", &name, json!({"tax_id": "back"})).unwrap();
    in_step(&connected).await;
    assert_eq!(connected.row(&name).await["tax_number"], "back");
}

#[tokio::test]
async fn a_rate_limit_pauses_and_burns_no_attempt() {
    let connected = with_customers(&[]).await;
    let name = connected.erpnext.names("Customer")[0].clone();
    connected.erpnext.set_value("Customer", &name, json!({"tax_id": "later"})).unwrap();
    connected.erpnext.faults().requests(Fault::TooManyRequests(1), 1);
    connected.app.hint("on_update", "Customer", &name).await;
    in_step(&connected).await;
    assert_eq!(connected.row(&name).await["tax_number"], "later");

    // At most a fifth of each window is ours; the staff keeps the rest.
    let limit = RateLimit { budget: Duration::from_secs(10), window: Duration::from_secs(2) };
    connected.erpnext.set_rate_limit(Some(limit));
    for round in 0..3 {
        connected.erpnext.set_value("Customer", &name, json!({"tax_id": format!("round {round}")})).unwrap();
        hint_all(&connected, "on_update").await;
        in_step(&connected).await;
    }
}

#[tokio::test]
async fn a_poisoned_customer_dies_alone_and_says_why() {
    let connected = with_customers(&[("worker.burst", "1"), ("worker.gather", "100ms")]).await;
    let names = connected.erpnext.names("Customer");
    let poisoned = &names[7];
    connected.erpnext.faults().poison(poisoned, 417);
    for name in &names {
        connected.erpnext.set_value("Customer", name, json!({"website": "https://new.example"})).unwrap();
    }
    hint_all(&connected, "on_update").await;
    connected.settled().await;
    assert_eq!(connected.app.store().queue().await.unwrap().dead, 1);
    for name in names.iter().filter(|name| *name != poisoned) {
        assert_eq!(connected.row(name).await["website"], "https://new.example", "{name}");
    }
    connected.erpnext.faults().heal(poisoned);
    // The next hint revives it.
    connected.app.hint("on_update", "Customer", poisoned).await;
    in_step(&connected).await;
    assert_eq!(connected.app.store().queue().await.unwrap().dead, 0);
}

#[tokio::test]
async fn a_request_that_erpnext_never_accepts_pauses_instead_of_killing_every_job() {
    let connected = with_customers(&[]).await;
    let names = connected.erpnext.names("Customer");
    for name in &names {
        connected.erpnext.faults().poison(name, 417);
    }
    hint_all(&connected, "on_update").await;
    wait_until("the site is paused", async || {
        connected.app.get("/readyz").await.to_string().contains("refuses our request")
    })
    .await;
    assert_eq!(connected.app.store().queue().await.unwrap().dead, 0);
    for name in &names {
        connected.erpnext.faults().heal(name);
    }
    in_step(&connected).await;
}
