//! What happens in ERPNext arrives in the tables, on each database.

use std::time::Duration;

use customer_sync::domain::job::{DocKey, Lane};
use customer_sync::simulator::Fault;
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;

use super::Connected;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;
use crate::support::truth::differences;

async fn in_step(connected: &Connected) {
    connected.settled().await;
    let differences = differences(connected.app.store(), &connected.erpnext).await;
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn a_customer_with_all_that_is_linked_to_it() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let quick = json!({
            "customer_name": "Käse & Söhne \"GmbH\" 東京 🧀", "customer_type": "Company", "tax_id": "DE 1",
            "email_id": "a@b.example", "mobile_no": "+49 1", "address_line1": "Weg 1", "city": "Köln", "country": "United States",
        });
        let name = erpnext.create_customer(quick).unwrap();
        in_step(&connected).await;
        let row = connected.row(&name).await;
        assert_eq!(
            (&row["email"], &row["phone"], &row["city"]),
            (&json!("a@b.example"), &json!("+49 1"), &json!("Köln"))
        );

        erpnext.update("Customer", &name, json!({"disabled": 1, "tax_id": "DE 2", "credit_limits": []})).unwrap();
        in_step(&connected).await;
        assert_eq!(connected.row(&name).await["is_active"], json!(false));

        // Neither is told by a webhook of the Customer.
        let customer = erpnext.document("Customer", &name).unwrap();
        let address = customer["customer_primary_address"].as_str().unwrap();
        let contact = customer["customer_primary_contact"].as_str().unwrap();
        erpnext.update("Address", address, json!({"city": "Bonn", "address_line2": "Hinterhof"})).unwrap();
        erpnext
            .update("Contact", contact, json!({"email_ids": [{"email_id": "new@b.example", "is_primary": 1}]}))
            .unwrap();
        in_step(&connected).await;
        let row = connected.row(&name).await;
        assert_eq!((&row["city"], &row["email"]), (&json!("Bonn"), &json!("new@b.example")), "{kind:?}");

        let second = json!({"first_name": "Zoë", "links": [{"link_doctype": "Customer", "link_name": name}]});
        let second = erpnext.create("Contact", second).unwrap();
        in_step(&connected).await;
        erpnext.unlink("Contact", &second, &name).unwrap();
        in_step(&connected).await;

        let history = connected.app.store().changes_of(row["id"].as_i64().unwrap(), None, 50).await.unwrap();
        assert_eq!(history.last().unwrap().kind, "created");
        assert!(history.iter().all(|change| change.cause == "webhook" && change.delivery_id.is_some()));
    }
}

#[tokio::test]
async fn deleted_and_restored_keeps_the_id() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let name = erpnext.create_customer(json!({"customer_name": "Gone Ltd"})).unwrap();
        connected.settled().await;
        let id = connected.row(&name).await["id"].clone();
        erpnext.delete("Customer", &name).unwrap();
        connected.settled().await;
        let row = connected.row(&name).await;
        assert!(!row["deleted_at"].is_null() && row["id"] == id, "{kind:?}: {row}");
        erpnext.restore("Customer", &name).unwrap();
        in_step(&connected).await;
        assert_eq!(connected.row(&name).await["id"], id, "{kind:?}");
    }
}

#[tokio::test]
async fn a_reused_name_is_another_customer() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let name = erpnext.create_customer(json!({"customer_name": "Phoenix"})).unwrap();
        connected.settled().await;
        let id = connected.row(&name).await["id"].clone();
        erpnext.delete("Customer", &name).unwrap();
        erpnext.create_customer(json!({"customer_name": "Phoenix"})).unwrap();
        in_step(&connected).await;
        assert_ne!(connected.row(&name).await["id"], id, "{kind:?}");
        let old = connected.app.get(&format!("/api/customers/{id}")).await;
        assert!(!old["data"]["deleted_at"].is_null());
    }
}

#[tokio::test]
async fn nothing_is_written_for_a_customer_that_did_not_change() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let name = connected.erpnext.create_customer(json!({"customer_name": "Quiet"})).unwrap();
        connected.settled().await;
        let before = connected.row(&name).await;
        connected.erpnext.update("Customer", &name, json!({})).unwrap();
        connected.settled().await;
        connected.app.hint("on_update", "Customer", &name).await;
        connected.settled().await;
        assert_eq!(connected.row(&name).await, before, "{kind:?}");
        assert_eq!(connected.app.store().changes_of(before["id"].as_i64().unwrap(), None, 9).await.unwrap().len(), 1);
    }
}

/// Sends a hint as ERPNext does: a 503 (a machine that is too busy at the moment) is tried again.
async fn accepted(app: &TestApp, name: &str) {
    for _attempt in 0..10 {
        match app.hint("on_update", "Customer", name).await.status().as_u16() {
            202 => return,
            503 => {}
            other => panic!("{other}"),
        }
    }
    panic!("refused ten times");
}

#[tokio::test]
async fn many_at_once_are_read_in_batches() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("worker.burst", "1"), ("worker.gather", "300ms")]).await;
        connected.erpnext.seed_customers(1000);
        let names = connected.erpnext.names("Customer");
        connected.erpnext.requests().reset();
        let app = &connected.app;
        iter(&names).for_each_concurrent(32, async |name| accepted(app, name).await).await;
        in_step(&connected).await;
        let requests = connected.erpnext.requests().total();
        assert!(requests < 250, "{kind:?}: {requests} requests for 1,000 customers");
    }
}

#[tokio::test]
async fn two_processes_share_one_database() {
    for kind in Kind::SERVERS {
        let connected = Connected::start(kind).await;
        let other = TestApp::configured(&connected.database, &connected.erpnext, &[]).await;
        connected.erpnext.seed_customers(300);
        let names = connected.erpnext.names("Customer");
        iter(names.iter().enumerate())
            .for_each_concurrent(16, async |(index, name)| {
                let app = if index % 2 == 0 { &connected.app } else { &other };
                accepted(app, name).await;
            })
            .await;
        in_step(&connected).await;
        assert_eq!(connected.app.customers().await.len(), 300, "{kind:?}");
    }
}

#[tokio::test]
async fn customers_that_are_announced_arrive() {
    let connected = Connected::start(Kind::Sqlite).await;
    connected.erpnext.seed_customers(40);
    connected.erpnext.announce_customers();
    in_step(&connected).await;
}

#[tokio::test]
async fn hints_during_a_read_make_exactly_one_more() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    erpnext.import("Customer", json!({"customer_name": "Busy"})).unwrap();
    // The look at the site at the start lists a customer too.
    wait_until("the start is over", async || erpnext.requests().count("frappe.client.get_list", "Customer") == 1).await;
    erpnext.requests().reset();
    erpnext.faults().requests_to("Customer", Fault::Slow(Duration::from_secs(3)), 1);
    accepted(&connected.app, "Busy").await;
    wait_until("it is read", async || erpnext.requests().total() > 0).await;
    erpnext.set_value("Customer", "Busy", json!({"tax_id": "meanwhile"})).unwrap();
    iter(0..5).for_each_concurrent(5, async |_hint| accepted(&connected.app, "Busy").await).await;
    in_step(&connected).await;
    assert_eq!(erpnext.requests().count("frappe.client.get_list", "Customer"), 2);
    assert_eq!(connected.row("Busy").await["tax_number"], "meanwhile");
}

#[tokio::test]
async fn an_address_of_many_customers_reaches_all_of_them_in_the_bulk_lane() {
    let connected = Connected::start(Kind::Sqlite).await;
    let erpnext = &connected.erpnext;
    let links: Vec<_> = (0..60)
        .map(|number| erpnext.import("Customer", json!({"customer_name": format!("Branch {number:02}")})).unwrap())
        .map(|name| json!({"link_doctype": "Customer", "link_name": name}))
        .collect();
    let address = json!({"address_title": "Shared", "address_line1": "1", "city": "Old", "country": "United States", "links": links});
    // Slow enough to look at a job before it is done.
    erpnext.faults().requests_to("Customer", Fault::Slow(Duration::from_millis(1500)), 1);
    let address = erpnext.create("Address", address).unwrap();
    wait_until("they wait in the bulk lane", async || {
        let job = connected.app.store().job(&DocKey::customer("Branch 00")).await.unwrap();
        job.is_some_and(|job| job.lane == Lane::Bulk)
    })
    .await;
    wait_until("all are rows", async || connected.app.customers().await.len() == 60).await;
    in_step(&connected).await;
    erpnext.unlink("Address", &address, "Branch 07").unwrap();
    erpnext.update("Address", &address, json!({"city": "New"})).unwrap();
    in_step(&connected).await;
    assert_eq!(connected.row("Branch 07").await["city"], json!(null));
    assert_eq!(connected.row("Branch 08").await["city"], "New");
}
