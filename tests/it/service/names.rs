//! Renames, merges, swaps and spellings: ids stay, and nobody gets a second row.

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use serde_json::json;

use super::Connected;
use crate::support::databases::Kind;
use crate::support::truth::differences;

async fn in_step(connected: &Connected) {
    connected.settled().await;
    let differences = differences(connected.app.store(), &connected.erpnext).await;
    assert!(differences.is_empty(), "{differences:#?}");
}

async fn id_of(connected: &Connected, name: &str) -> i64 {
    connected.row(name).await["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_rename_followed_at_once_by_webhooks_keeps_the_id() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let quick = json!({"customer_name": "Old Name", "email_id": "o@n.example", "address_line1": "1", "city": "X", "country": "United States"});
        let old = erpnext.create_customer(quick).unwrap();
        in_step(&connected).await;
        let id = id_of(&connected, &old).await;
        erpnext.rename("Customer", &old, "New Name").unwrap();
        // Hints of the old name and of the new one, at once and in any order.
        for name in ["New Name", "Old Name", "New Name"] {
            connected.app.hint("on_update", "Customer", name).await;
        }
        erpnext.update("Customer", "New Name", json!({"tax_id": "7"})).unwrap();
        in_step(&connected).await;
        assert_eq!(id_of(&connected, "New Name").await, id, "{kind:?}");
        assert_eq!(connected.app.customers().await.len(), 1);
        assert_eq!(connected.app.store().alias("Old Name").await.unwrap(), Some(id));
    }
}

#[tokio::test]
async fn a_swap_and_a_chain_of_names_keep_every_id() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        for name in ["A", "B", "C", "D"] {
            erpnext.create_customer(json!({"customer_name": name, "tax_id": name})).unwrap();
        }
        in_step(&connected).await;
        let [a, b, c, d] = [
            id_of(&connected, "A").await,
            id_of(&connected, "B").await,
            id_of(&connected, "C").await,
            id_of(&connected, "D").await,
        ];
        for (from, to) in [("A", "T"), ("B", "A"), ("T", "B"), ("D", "E"), ("C", "D")] {
            erpnext.rename("Customer", from, to).unwrap();
        }
        in_step(&connected).await;
        let now = [
            id_of(&connected, "B").await,
            id_of(&connected, "A").await,
            id_of(&connected, "D").await,
            id_of(&connected, "E").await,
        ];
        assert_eq!(now, [a, b, c, d], "{kind:?}");
    }
}

#[tokio::test]
async fn a_merge_points_to_the_one_that_remains() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let from = json!({"customer_name": "From", "email_id": "f@m.example", "address_line1": "1", "city": "X", "country": "United States"});
        erpnext.create_customer(from).unwrap();
        erpnext.create_customer(json!({"customer_name": "Into"})).unwrap();
        in_step(&connected).await;
        let (from, into) = (id_of(&connected, "From").await, id_of(&connected, "Into").await);
        erpnext.merge("From", "Into").unwrap();
        in_step(&connected).await;
        let gone = connected.app.get(&format!("/api/customers/{from}")).await;
        assert_eq!(gone["data"]["merged_into"], json!(into), "{kind:?}: {gone}");
        assert!(!gone["data"]["deleted_at"].is_null());
    }
}

#[tokio::test]
async fn a_misspelt_hint_costs_one_read_and_makes_no_second_row() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        connected.erpnext.create_customer(json!({"customer_name": "Acme"})).unwrap();
        connected.settled().await;
        connected.erpnext.requests().reset();
        for spelling in ["acme", "ÀCME"] {
            connected.app.hint("on_update", "Customer", spelling).await;
        }
        in_step(&connected).await;
        assert_eq!(connected.app.customers().await.len(), 1, "{kind:?}");
        assert_eq!(connected.erpnext.requests().count("get", "Customer"), 2);
    }
}

#[tokio::test]
async fn a_hint_for_nobody_and_a_late_hint_for_a_deleted_one_change_nothing() {
    let connected = Connected::start(Kind::Sqlite).await;
    connected.app.hint("on_update", "Customer", "Nobody").await;
    connected.app.hint("on_trash", "Customer", "Nobody").await;
    connected.settled().await;
    assert!(connected.app.customers().await.is_empty());

    // Missing without anybody calling it deleted: left to the sweep, never a tombstone.
    connected.erpnext.create_customer(json!({"customer_name": "Lost"})).unwrap();
    connected.settled().await;
    connected.erpnext.sql_delete("Customer", "Lost");
    connected.app.hint("on_update", "Customer", "Lost").await;
    connected.settled().await;
    assert!(connected.row("Lost").await["deleted_at"].is_null());
}

#[tokio::test]
async fn a_name_that_was_restored_once_may_later_belong_to_somebody_else() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        erpnext.create_customer(json!({"customer_name": "Lazarus"})).unwrap();
        in_step(&connected).await;
        let id = id_of(&connected, "Lazarus").await;
        erpnext.delete("Customer", "Lazarus").unwrap();
        erpnext.restore("Customer", "Lazarus").unwrap();
        in_step(&connected).await;
        assert_eq!(id_of(&connected, "Lazarus").await, id, "{kind:?}: restored");
        // A script deletes it without a trace, so that the restoration stays the last word about that name.
        erpnext.sql_delete("Customer", "Lazarus");
        erpnext.create_customer(json!({"customer_name": "Lazarus"})).unwrap();
        in_step(&connected).await;
        let other = id_of(&connected, "Lazarus").await;
        assert_ne!(other, id, "{kind:?}: another customer");
        // Deleted as well and created again before it is restored, so that it comes back under another name.
        erpnext.delete("Customer", "Lazarus").unwrap();
        erpnext.create_customer(json!({"customer_name": "Lazarus"})).unwrap();
        assert_eq!(erpnext.restore("Customer", "Lazarus").unwrap(), "Lazarus - 1");
        in_step(&connected).await;
        assert_ne!(id_of(&connected, "Lazarus").await, other, "{kind:?}: a third one");
    }
}

#[tokio::test]
async fn a_row_whose_name_lives_on_in_another_spelling_as_somebody_else_is_gone() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let (app, erpnext) = (&connected.app, &connected.erpnext);
        erpnext.create_customer(json!({"customer_name": "Echo Ltd"})).unwrap();
        in_step(&connected).await;
        let id = id_of(&connected, "Echo Ltd").await;
        erpnext.sql_delete("Customer", "Echo Ltd");
        erpnext.import("Customer", json!({"customer_name": "ECHO LTD"})).unwrap();
        // As a sweep asks for a name that it does not find.
        let put = Put { absent: true, ..Put::new(DocKey::customer("Echo Ltd"), Lane::Bulk, Cause::Sweep) };
        app.store().put(&[put]).await.unwrap();
        in_step(&connected).await;
        assert_ne!(id_of(&connected, "ECHO LTD").await, id, "{kind:?}");
        let old = app.get(&format!("/api/customers/{id}")).await;
        assert!(!old["data"]["deleted_at"].is_null(), "{kind:?}: {old}");
    }
}
