//! A permission that is taken away in the middle of the work changes no row and is named by `/readyz`.

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::simulator::{Permission, SYNC_USER};
use customer_sync::store::JobFilter;
use serde_json::{Value, json};

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::truth::differences;

async fn with_customers(kind: Kind) -> Connected {
    let connected = Connected::start(kind).await;
    connected.erpnext.seed_customers(30);
    hint_all(&connected).await;
    assert_eq!(differences(connected.app.store(), &connected.erpnext).await, [""; 0]);
    connected
}

async fn hint_all(connected: &Connected) {
    for name in connected.erpnext.names("Customer") {
        connected.app.hint("on_update", "Customer", &name).await;
    }
    connected.settled().await;
}

async fn details(connected: &Connected) -> Vec<Value> {
    let mut details = Vec::new();
    for row in connected.app.customers().await {
        details.push(connected.app.get(&format!("/api/customers/{}", row["id"])).await);
    }
    details
}

async fn reasons(connected: &Connected) -> String {
    let ready = connected.app.get("/readyz").await;
    assert_eq!(ready["status"], "degraded", "{ready}");
    ready["reasons"].to_string()
}

#[tokio::test]
async fn losing_contact_or_address_keeps_every_row() {
    for kind in Kind::ALL {
        for doctype in ["Contact", "Address"] {
            let connected = with_customers(kind).await;
            let before = details(&connected).await;
            connected.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::NONE));
            hint_all(&connected).await;
            assert_eq!(details(&connected).await, before, "{kind:?} {doctype}");
            assert!(reasons(&connected).await.contains(&format!("{doctype} is not readable (30 customers)")));

            connected.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::READ));
            hint_all(&connected).await;
            assert_eq!(connected.app.get("/readyz").await["status"], "ready", "{kind:?} {doctype}");
        }
    }
}

#[tokio::test]
async fn a_hidden_field_keeps_its_value_while_the_rest_goes_on() {
    for kind in Kind::ALL {
        let connected = with_customers(kind).await;
        let erpnext = &connected.erpnext;
        let name = erpnext.create_customer(json!({"customer_name": "Secretive", "tax_id": "T1"})).unwrap();
        connected.settled().await;
        let id = connected.row(&name).await["id"].clone();
        erpnext.hide_field("Customer", "tax_id", true);
        erpnext.update("Customer", &name, json!({"tax_id": "T2", "website": "https://x.example"})).unwrap();
        connected.settled().await;
        let row = connected.row(&name).await;
        assert_eq!((&row["tax_number"], &row["website"]), (&json!("T1"), &json!("https://x.example")), "{kind:?}");
        assert!(reasons(&connected).await.contains("the field tax_id of Customer is not readable"));
        erpnext.hide_field("Customer", "tax_id", false);
        connected.app.hint("on_update", "Customer", &name).await;
        connected.settled().await;
        let row = connected.row(&name).await;
        assert_eq!((&row["tax_number"], &row["id"]), (&json!("T2"), &id));
    }
}

#[tokio::test]
async fn a_customer_hidden_by_a_user_permission_is_kept() {
    for kind in Kind::ALL {
        let connected = with_customers(kind).await;
        let name = connected.erpnext.names("Customer")[3].clone();
        let before = connected.row(&name).await;
        connected.erpnext.hide_document("Customer", &name, true);
        connected.erpnext.update("Customer", &name, json!({"tax_id": "changed"})).unwrap();
        connected.app.hint("on_trash", "Customer", &name).await;
        connected.settled().await;
        assert_eq!(connected.row(&name).await, before, "{kind:?}");
        assert!(reasons(&connected).await.contains("1 customer may not be read"));
        connected.erpnext.hide_document("Customer", &name, false);
        connected.app.hint("on_update", "Customer", &name).await;
        connected.settled().await;
        assert_eq!(connected.row(&name).await["tax_number"], "changed");
        assert_eq!(connected.app.get("/readyz").await["status"], "ready");
    }
}

#[tokio::test]
async fn a_revoked_key_pauses_and_a_repaired_one_goes_on_by_itself() {
    let connected = with_customers(Kind::Sqlite).await;
    let before = details(&connected).await;
    let (_key, secret) = connected.erpnext.key();
    connected.erpnext.change_secret(None);
    let name = connected.erpnext.names("Customer")[0].clone();
    connected.erpnext.update("Customer", &name, json!({"tax_id": "after"})).unwrap();
    connected.erpnext.webhooks_settled().await;
    wait_until("the site is paused", async || connected.app.get("/readyz").await.to_string().contains("\"paused\""))
        .await;
    assert_eq!(details(&connected).await, before);
    let readyz = connected.app.get("/readyz").await.to_string();
    assert!(readyz.contains("ERPNEXT_API_KEY"), "{readyz}");

    connected.erpnext.change_secret(Some(&secret));
    connected.settled().await;
    assert_eq!(connected.row(&name).await["tax_number"], "after");
    assert_eq!(connected.app.get("/readyz").await["status"], "ready");
}

#[tokio::test]
async fn losing_customer_itself_pauses() {
    let connected = with_customers(Kind::Sqlite).await;
    let before = details(&connected).await;
    connected.erpnext.set_permission(SYNC_USER, "Customer", Some(Permission::NONE));
    connected.app.hint("on_trash", "Customer", &connected.erpnext.names("Customer")[0]).await;
    wait_until("the site is paused", async || connected.app.get("/readyz").await.to_string().contains("\"paused\""))
        .await;
    connected.erpnext.set_permission(SYNC_USER, "Customer", Some(Permission::READ));
    connected.settled().await;
    assert_eq!(details(&connected).await, before);
}

#[tokio::test]
async fn whatever_is_lost_together_is_named_one_by_one() {
    let connected = with_customers(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    for doctype in ["Contact", "Address"] {
        erpnext.set_permission(SYNC_USER, doctype, Some(Permission::NONE));
    }
    for field in ["tax_id", "website"] {
        erpnext.hide_field("Customer", field, true);
    }
    hint_all(&connected).await;
    let reasons = reasons(&connected).await;
    for lost in ["Contact is not", "Address is not", "the field tax_id of", "the field website of"] {
        assert!(reasons.contains(lost), "{lost}: {reasons}");
    }
    assert_eq!(reasons.matches("(30 customers)").count(), 4, "{reasons}");
}

#[tokio::test]
async fn a_hidden_customer_that_was_renamed_is_kept_and_found_again() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let (app, erpnext) = (&connected.app, &connected.erpnext);
        for name in ["Hidden", "Swapped", "Visible"] {
            erpnext.create_customer(json!({"customer_name": name})).unwrap();
        }
        connected.settled().await;
        let id = async |name: &str| connected.row(name).await["id"].as_i64().unwrap();
        let (hidden, swapped, visible) = (id("Hidden").await, id("Swapped").await, id("Visible").await);
        erpnext.hide_document("Customer", "Hidden", true);
        erpnext.hide_document("Customer", "Swapped", true);
        erpnext.rename("Customer", "Hidden", "Renamed").unwrap();
        erpnext.rename("Customer", "Swapped", "Between").unwrap();
        erpnext.rename("Customer", "Visible", "Swapped").unwrap();
        erpnext.rename("Customer", "Between", "Visible").unwrap();
        // As a sweep asks for a name that no list has.
        let put = Put { absent: true, ..Put::new(DocKey::customer("Hidden"), Lane::Bulk, Cause::Sweep) };
        app.store().put(&[put]).await.unwrap();
        let waits = JobFilter { label: Some("name_concealed".to_owned()), ..JobFilter::default() };
        wait_until("the name waits for the one that is hidden", async || {
            app.store().job_count(&waits).await.unwrap() > 0
        })
        .await;
        wait_until("the sweep's question is answered", async || {
            app.store().job(&DocKey::customer("Hidden")).await.unwrap().is_none()
        })
        .await;
        let rows = app.customers().await;
        assert!(rows.iter().all(|row| row["deleted_at"].is_null()), "{kind:?}: {rows:#?}");

        erpnext.show_documents();
        for name in ["Renamed", "Swapped", "Visible"] {
            app.hint("on_update", "Customer", name).await;
        }
        connected.settled().await;
        let differences = differences(app.store(), erpnext).await;
        assert!(differences.is_empty(), "{kind:?}: {differences:#?}");
        assert_eq!((id("Renamed").await, id("Visible").await, id("Swapped").await), (hidden, swapped, visible));
    }
}
