//! The brake on batches that would empty a field: nothing is lost before a person has looked.

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use reqwest::Method;
use serde_json::json;

use super::Connected;
use crate::support::databases::Kind;
use crate::support::truth::differences;

const CUSTOMERS: usize = 80;

/// Customers who all have a tax number, as rows.
async fn with_tax_numbers(kind: Kind) -> (Connected, Vec<String>) {
    let connected = Connected::start(kind).await;
    let names: Vec<String> = (0..CUSTOMERS)
        .map(|number| json!({"customer_name": format!("Customer {number:02}"), "tax_id": format!("TAX {number}")}))
        .map(|customer| connected.erpnext.import("Customer", customer).unwrap())
        .collect();
    read_all(&connected, &names).await;
    assert_eq!(lost(&connected).await, 0);
    (connected, names)
}

/// As a full run asks for them: all in one batch.
async fn read_all(connected: &Connected, names: &[String]) {
    let put = |name: &String| Put::new(DocKey::customer(name), Lane::Bulk, Cause::Full);
    connected.app.store().put(&names.iter().map(put).collect::<Vec<_>>()).await.unwrap();
    connected.app.settled().await;
}

fn empty(connected: &Connected, names: &[String]) {
    for name in names {
        connected.erpnext.sql_edit("Customer", name, json!({"tax_id": null})).unwrap();
    }
}

/// Rows without a tax number.
async fn lost(connected: &Connected) -> usize {
    connected.app.customers().await.iter().filter(|row| row["tax_number"].is_null()).count()
}

#[tokio::test]
async fn a_field_that_most_would_lose_is_kept_until_a_person_agrees() {
    for kind in Kind::ALL {
        let (connected, names) = with_tax_numbers(kind).await;
        let app = &connected.app;
        empty(&connected, &names[..70]);
        read_all(&connected, &names).await;
        assert_eq!(lost(&connected).await, 0, "{kind:?}: nothing was written");
        let parked = app.get("/api/jobs?state=dead&label=would_empty_field").await;
        assert_eq!(parked["total"], 70, "those that did not change are done: {parked}");
        let error = parked["data"][0]["error"].as_str().unwrap();
        assert!(error.contains("tax_number") && error.contains("70 of the 80") && error.contains("retry"), "{error}");

        // The next full run, and what polling finds, change nothing about it.
        read_all(&connected, &names).await;
        assert_eq!(lost(&connected).await, 0, "{kind:?}");

        let body = json!({"all": true, "filter": {"label": "would_empty_field"}});
        let answer = app.request(Method::POST, "/api/jobs/retry").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        app.settled().await;
        let differences = differences(app.store(), &connected.erpnext).await;
        assert!(differences.is_empty(), "{kind:?}: {differences:#?}");
        assert_eq!(lost(&connected).await, 70);
    }
}

#[tokio::test]
async fn what_is_repaired_is_retried_without_a_loss() {
    let (connected, names) = with_tax_numbers(Kind::Sqlite).await;
    empty(&connected, &names);
    read_all(&connected, &names).await;
    for name in &names {
        connected.erpnext.sql_edit("Customer", name, json!({"tax_id": "back"})).unwrap();
    }
    read_all(&connected, &names).await;
    assert_eq!(connected.app.store().queue().await.unwrap().dead, 0, "the next full run revives them");
    assert!(connected.app.customers().await.iter().all(|row| row["tax_number"] == "back"));
}

#[tokio::test]
async fn the_work_of_people_in_erpnext_passes() {
    let (connected, names) = with_tax_numbers(Kind::Sqlite).await;
    // Half of them in one batch.
    empty(&connected, &names[..40]);
    read_all(&connected, &names).await;
    assert_eq!(lost(&connected).await, 40);
    // All of the rest, told by webhooks that come one after the other.
    empty(&connected, &names[40..]);
    for name in &names[40..] {
        connected.app.hint("on_update", "Customer", name).await;
        connected.app.settled().await;
    }
    assert_eq!(lost(&connected).await, CUSTOMERS);
    assert_eq!(connected.app.store().queue().await.unwrap().dead, 0);
}
