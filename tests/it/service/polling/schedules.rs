//! Schedules by API: who may see and change them, and what pausing does.

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::simulator::RateLimit;
use customer_sync::sync::tokens;
use serde_json::json;

use super::{Polling, schedule};
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::truth::differences;

#[tokio::test]
async fn a_paused_schedule_does_not_run() {
    for kind in Kind::ALL {
        let settings = [("schedule.catch_up", "100ms"), ("schedule.catch_up_slowest", "100ms")];
        let polling = Polling::configured(kind, &settings).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(3);
        polling.first_full_run().await;
        let paused = polling.order("catch_up", "pause", 200).await;
        assert!(["paused", "running"].contains(&paused["data"]["state"].as_str().unwrap()), "{paused}");
        wait_until("its last turn is over", async || schedule(&polling.app, "catch_up").await["state"] == "paused")
            .await;
        let before = schedule(&polling.app, "catch_up").await;
        let problem = polling.order("catch_up", "run", 409).await;
        assert_eq!(problem["code"], "schedule_paused", "{problem}");
        let name = erpnext.names("Customer")[0].clone();
        erpnext.set_value("Customer", &name, json!({"tax_id": "meanwhile"})).unwrap();
        // Something else that the scheduler does shows that it has looked.
        polling.order("prune", "run", 202).await;
        let pruned = async || schedule(&polling.app, "prune").await["next_at"].is_string();
        wait_until("it has looked", pruned).await;
        assert_eq!(schedule(&polling.app, "catch_up").await, before, "{kind:?}");
        polling.order("catch_up", "resume", 200).await;
        wait_until("it is in step", async || differences(polling.app.store(), erpnext).await.is_empty()).await;
    }
}

#[tokio::test]
async fn all_schedules_are_listed_with_their_last_and_next_run() {
    let settings = [("schedule.full", "0 3 * * *"), ("schedule.time_zone", "Europe/Berlin"), ("schedule.sweep", "1h")];
    let polling = Polling::configured(Kind::Sqlite, &settings).await;
    wait_until("they are made", async || {
        polling.app.get("/api/schedules").await["data"].as_array().unwrap().len() == 5
    })
    .await;
    let full = schedule(&polling.app, "full").await;
    assert_eq!((&full["schedule"], &full["state"]), (&json!("0 3 * * * (Europe/Berlin)"), &json!("waiting")));
    let next = full["next_at"].as_str().unwrap();
    assert!(next.ends_with("T02:00:00.000Z") || next.ends_with("T01:00:00.000Z"), "{next}");
    assert_eq!(schedule(&polling.app, "catch_up").await["state"], "off");
    wait_until("it was pruned", async || schedule(&polling.app, "prune").await["last_result"] == "0 rows forgotten")
        .await;
    polling.order("full", "run", 202).await;
    wait_until("the full run is started", async || schedule(&polling.app, "full").await["last_result"].is_string())
        .await;
    let told = schedule(&polling.app, "full").await["last_result"].clone();
    assert!(told.as_str().is_some_and(|told| told.contains("run ")), "{told}");
    assert!(schedule(&polling.app, "full").await["next_at"].is_string(), "and its own time stays");
}

#[tokio::test]
async fn a_viewer_looks_and_an_operator_acts() {
    let polling = Polling::start(Kind::Sqlite).await;
    let app = &polling.app;
    let viewer = tokens::create(app.store(), "reader", Role::Viewer).await.unwrap();
    let list = app.http.get(format!("{}/api/schedules", app.url));
    assert_eq!(list.bearer_auth(&viewer).send().await.unwrap().status(), 200);
    for order in ["pause", "resume", "run"] {
        let url = format!("{}/api/schedules/catch_up/{order}", app.url);
        assert_eq!(app.http.post(&url).send().await.unwrap().status(), 401);
        assert_eq!(app.http.post(&url).bearer_auth(&viewer).send().await.unwrap().status(), 403);
        assert_eq!(app.http.get(&url).bearer_auth(&viewer).send().await.unwrap().status(), 405);
    }
    let problem = polling.order("lunch", "run", 404).await;
    assert!(problem["detail"].as_str().unwrap().contains("catch_up, sweep, full, prune, verify"), "{problem}");
}

#[tokio::test]
async fn where_erpnext_limits_the_rate_catch_up_is_rare() {
    let settings = [("schedule.catch_up", "30s"), ("schedule.catch_up_slowest", "1h")];
    let polling = Polling::configured(Kind::Sqlite, &settings).await;
    let interval = async || {
        polling.caught_up().await;
        let rows = polling.app.store().schedules().await.unwrap();
        let row = rows.into_iter().find(|row| row.name == "catch_up").unwrap();
        (row.next_at.unwrap() - row.last_finished_at.unwrap()) / 100
    };
    polling.erpnext.seed_customers(2);
    polling.first_full_run().await;
    assert_eq!(interval().await, 300);
    let hourly = RateLimit { budget: Duration::from_secs(3600), window: Duration::from_secs(86_400) };
    polling.erpnext.set_rate_limit(Some(hourly));
    assert_eq!(interval().await, 3_000);
}
