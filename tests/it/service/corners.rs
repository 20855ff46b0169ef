//! Corners of identity, permissions and failures that people meet rarely and remember long.

use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::simulator::{Fault, Permission, RateLimit, SYNC_USER, WebhookFault};
use customer_sync::store::JobState;
use serde_json::json;

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::truth::differences;

fn put(name: &str, lane: Lane) -> Put {
    Put::new(DocKey::customer(name), lane, Cause::Person)
}

async fn in_step(connected: &Connected) {
    connected.settled().await;
    let differences = differences(connected.app.store(), &connected.erpnext).await;
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn an_adopted_row_in_another_spelling_beside_the_true_one_goes_round_in_no_circle() {
    let connected = Connected::start(Kind::Sqlite).await;
    connected.erpnext.create_customer(json!({"customer_name": "Acme"})).unwrap();
    connected.settled().await;
    let database = sqlx::SqlitePool::connect(&connected.database.url).await.unwrap();
    sqlx::query("INSERT INTO customers (erpnext_id, name, origin) VALUES ('acme', 'Adopted', 'erpnext')")
        .execute(&database)
        .await
        .unwrap();
    connected.app.hint("on_update", "Customer", "acme").await;
    connected.settled().await;
    assert_eq!(connected.row("acme").await["name"], "Adopted");
    assert_eq!(connected.row("Acme").await["name"], "Acme");
}

#[tokio::test]
async fn a_deleted_customer_of_an_import_becomes_a_tombstone() {
    for count in [3, 30] {
        let connected = Connected::start(Kind::Sqlite).await;
        let erpnext = &connected.erpnext;
        for number in 0..count {
            let name = erpnext.create_customer(json!({"customer_name": format!("Imported {number:02}")})).unwrap();
            erpnext.sql_edit("Customer", &name, json!({"creation": "2020-01-01 00:00:00.000000"})).unwrap();
        }
        connected.settled().await;
        for name in erpnext.names("Customer") {
            connected.app.hint("on_update", "Customer", &name).await;
        }
        connected.settled().await;
        erpnext.delete("Customer", "Imported 01").unwrap();
        connected.settled().await;
        assert!(!connected.row("Imported 01").await["deleted_at"].is_null(), "{count}");
        in_step(&connected).await;
    }
}

#[tokio::test]
async fn a_deleted_customer_of_an_import_that_is_not_all_here_yet_becomes_a_tombstone() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    for name in ["A", "B", "C"] {
        let document = json!({"customer_name": name, "name": name});
        erpnext.import("Customer", document).unwrap();
        erpnext.sql_edit("Customer", name, json!({"creation": "2020-01-01 00:00:00.000000"})).unwrap();
    }
    connected.app.hint("on_update", "Customer", "A").await;
    connected.settled().await;
    erpnext.delete("Customer", "A").unwrap();
    connected.settled().await;
    assert!(!connected.row("A").await["deleted_at"].is_null());
    assert_eq!(connected.app.customers().await.len(), 3);
}

#[tokio::test]
async fn a_revoked_key_pauses_also_when_only_an_address_was_announced() {
    let connected = Connected::start(Kind::Sqlite).await;
    let (_key, secret) = connected.erpnext.key();
    connected.erpnext.change_secret(None);
    connected.app.hint("on_update", "Address", "Some Address").await;
    wait_until("the site is paused", async || connected.app.get("/readyz").await.to_string().contains("\"paused\""))
        .await;
    connected.erpnext.change_secret(Some(&secret));
    connected.settled().await;
    assert_eq!(connected.app.get("/readyz").await["status"], "ready");
}

#[tokio::test]
async fn a_request_that_is_never_accepted_is_not_repeated_for_every_customer_of_the_batch() {
    let connected = Connected::configured(Kind::Sqlite, &[("erpnext.probe_every", "60s")]).await;
    connected.erpnext.seed_customers(40);
    let names = connected.erpnext.names("Customer");
    for name in &names {
        connected.erpnext.faults().poison(name, 417);
    }
    // All at once, so that they are one batch.
    let puts: Vec<Put> = names.iter().map(|name| put(name, Lane::Fast)).collect();
    connected.app.store().put(&puts).await.unwrap();
    wait_until("the site is paused and nothing runs", async || {
        connected.app.get("/readyz").await.to_string().contains("\"paused\"")
            && connected.app.store().queue().await.unwrap().leased == 0
    })
    .await;
    let asked = connected.erpnext.requests().count("frappe.client.get_list", "Customer");
    assert!((2..30).contains(&asked), "{asked} lists of customers");
    assert_eq!(connected.app.store().queue().await.unwrap().dead, 0);
}

#[tokio::test]
async fn a_merge_whose_links_cannot_be_read_waits_instead_of_becoming_a_plain_delete() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    let from = json!({"customer_name": "From", "email_id": "f@m.example", "address_line1": "1", "city": "X", "country": "United States"});
    erpnext.create_customer(from).unwrap();
    erpnext.create_customer(json!({"customer_name": "Into"})).unwrap();
    connected.settled().await;
    let into = connected.row("Into").await["id"].clone();
    for doctype in ["Contact", "Address"] {
        erpnext.set_permission(SYNC_USER, doctype, Some(Permission::NONE));
    }
    erpnext.merge("From", "Into").unwrap();
    connected.app.hint("on_trash", "Customer", "From").await;
    wait_until("the merge waits", async || {
        let job = connected.app.store().job(&DocKey::customer("From")).await.unwrap();
        job.is_none_or(|job| job.error_label.as_deref() == Some("merge_pending"))
    })
    .await;
    for doctype in ["Contact", "Address"] {
        erpnext.set_permission(SYNC_USER, doctype, Some(Permission::READ));
    }
    connected.settled().await;
    assert_eq!(connected.row("From").await["merged_into"], into);
}

#[tokio::test]
async fn one_hidden_contact_does_not_make_all_contacts_unknown() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    for name in ["First", "Last"] {
        erpnext.create_customer(json!({"customer_name": name, "email_id": "f@m.example"})).unwrap();
        connected.settled().await;
    }
    // The newest known Contact is the one that every batch is tested with.
    let contact =
        erpnext.document("Customer", "Last").unwrap()["customer_primary_contact"].as_str().unwrap().to_owned();
    erpnext.hide_document("Contact", &contact, true);
    let name = erpnext.create_customer(json!({"customer_name": "Without"})).unwrap();
    connected.settled().await;
    assert_eq!(connected.app.get("/readyz").await["status"], "ready", "{name}");
}

#[tokio::test]
async fn a_webhook_of_another_doctype_is_acknowledged_whatever_it_says() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let long = "x".repeat(70_000);
        for body in [
            r#"{"doctype": "Sales\u0000Invoice", "name": "a\u0000b", "event": "on\u0000update"}"#.to_owned(),
            json!({"doctype": "Item", "name": long, "event": long}).to_string(),
        ] {
            let response = connected.app.webhook(body).await;
            assert_eq!(response.status().as_u16(), 202, "{kind:?}");
        }
        let unusable = json!({"doctype": "Customer", "event": format!("{long}\0")}).to_string();
        assert_eq!(connected.app.webhook(unusable).await.status().as_u16(), 422, "{kind:?}");
    }
}

#[tokio::test]
async fn bulk_work_waits_where_hints_may_still_go() {
    let connected = Connected::configured(Kind::Sqlite, &[("worker.burst", "1"), ("worker.gather", "1s")]).await;
    let erpnext = &connected.erpnext;
    erpnext.import("Customer", json!({"customer_name": "Hinted"})).unwrap();
    erpnext.import("Customer", json!({"customer_name": "Bulk"})).unwrap();
    let limit = RateLimit { budget: Duration::from_secs(100), window: Duration::from_secs(3600) };
    erpnext.set_rate_limit(Some(limit));
    // The staff spends most of the window: under half remains, and a hint still fits into our fifth. The answers to the
    // second hint tell.
    for spent in [70, 0] {
        connected.app.hint("on_update", "Customer", "Nobody").await;
        connected.settled().await;
        erpnext.spend(Duration::from_secs(spent));
    }
    connected.app.store().put(&[put("Hinted", Lane::Fast), put("Bulk", Lane::Bulk)]).await.unwrap();
    wait_until("the hint is a row", async || connected.app.customer("Hinted").await.is_some()).await;
    wait_until("the bulk job was put off", async || {
        connected
            .app
            .store()
            .job(&DocKey::customer("Bulk"))
            .await
            .unwrap()
            .is_some_and(|job| job.state == JobState::Waiting)
    })
    .await;
    assert!(connected.app.customer("Bulk").await.is_none());
}

#[tokio::test]
async fn a_chain_of_unannounced_renames_ends_visibly_instead_of_going_round() {
    let connected = Connected::configured(Kind::Sqlite, &[("worker.attempts", "2")]).await;
    let erpnext = &connected.erpnext;
    for number in 0..12 {
        erpnext.create_customer(json!({"customer_name": format!("C{number}")})).unwrap();
    }
    connected.settled().await;
    erpnext.faults().webhooks(WebhookFault::Drop, 1_000);
    for number in (0..12).rev() {
        erpnext.rename("Customer", &format!("C{number}"), &format!("C{}", number + 1)).unwrap();
    }
    connected.app.hint("on_change", "Customer", "C1").await;
    connected.settled().await;
    assert_eq!(connected.app.customers().await.len(), 12);
    let job = connected.app.store().job(&DocKey::customer("C1")).await.unwrap().unwrap();
    assert_eq!(job.error_label.as_deref(), Some("tangled_names"));
    // Once the end of the chain is announced, all of it follows.
    for number in (1..=12).rev() {
        connected.app.hint("on_change", "Customer", &format!("C{number}")).await;
    }
    in_step(&connected).await;
}

#[tokio::test]
async fn a_name_used_again_after_two_of_an_import_left_it_belongs_to_the_new_customer() {
    let connected = Connected::configured(Kind::Sqlite, &[("worker.attempts", "2")]).await;
    let erpnext = &connected.erpnext;
    for name in ["A", "B"] {
        erpnext.import("Customer", json!({"customer_name": name})).unwrap();
        erpnext.sql_edit("Customer", name, json!({"creation": "2020-01-01 00:00:00.000000"})).unwrap();
        connected.app.hint("on_update", "Customer", name).await;
        connected.settled().await;
    }
    let (a, b) = (connected.row("A").await["id"].clone(), connected.row("B").await["id"].clone());
    erpnext.faults().webhooks(WebhookFault::Drop, 1_000);
    erpnext.sql_delete("Customer", "A");
    erpnext.rename("Customer", "B", "X").unwrap();
    erpnext.create_customer(json!({"customer_name": "A"})).unwrap();
    connected.app.hint("after_insert", "Customer", "A").await;
    connected.settled().await;
    connected.app.hint("on_change", "Customer", "X").await;
    in_step(&connected).await;
    assert_eq!(connected.row("X").await["id"], b);
    assert_ne!(connected.row("A").await["id"], a);
    assert_eq!(connected.app.customers().await.len(), 3);
}

#[tokio::test]
async fn where_not_even_counting_is_permitted_the_part_is_unknown_and_the_row_is_written() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    erpnext
        .import(
            "Address",
            json!({"address_line1": "1", "city": "X", "country": "United States", "address_title": "Other"}),
        )
        .unwrap();
    erpnext.set_permission(SYNC_USER, "Address", Some(Permission::NONE));
    let forbidden = Fault::Answer(403, "application/json", r#"{"exc_type": "PermissionError"}"#.to_owned());
    erpnext.faults().requests_to("frappe.client.get_count", forbidden, 100);
    erpnext.create_customer(json!({"customer_name": "Written"})).unwrap();
    wait_until("the row is written", async || connected.app.customer("Written").await.is_some()).await;
    let ready = connected.app.get("/readyz").await.to_string();
    assert!(ready.contains("Address is not readable (1 customer)"), "{ready}");
}
