//! A permission that comes back is noticed by itself, and what could not be read is read again.

use customer_sync::simulator::{Permission, SYNC_USER};
use serde_json::json;

use super::Polling;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

impl Polling {
    async fn ready(&self) -> bool {
        self.app.get("/readyz").await["status"] == "ready"
    }

    /// Catches up until everything can be read again; panics after some rounds.
    async fn until_readable(&self) {
        for _round in 0..8 {
            self.caught_up().await;
            if self.ready().await {
                return;
            }
        }
        panic!("{}", self.app.get("/readyz").await);
    }

    /// Reads every customer, so that all of them are marked.
    async fn read_all(&self) {
        for name in self.erpnext.names("Customer") {
            self.app.hint("on_update", "Customer", &name).await;
        }
        self.app.settled().await;
    }
}

#[tokio::test]
async fn a_doctype_that_can_be_read_again() {
    for kind in Kind::ALL {
        for doctype in ["Contact", "Address"] {
            let polling = Polling::start(kind).await;
            polling.erpnext.seed_customers(30);
            polling.first_full_run().await;
            polling.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::NONE));
            polling.read_all().await;
            assert!(!polling.ready().await, "{kind:?} {doctype}");
            for _round in 0..3 {
                polling.caught_up().await;
            }
            assert!(!polling.ready().await, "{kind:?} {doctype}: it is not back yet");

            polling.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::READ));
            polling.until_readable().await;
            polling.in_step().await;
        }
    }
}

#[tokio::test]
async fn a_field_that_can_be_read_again() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(20);
        polling.first_full_run().await;
        erpnext.hide_field("Customer", "tax_id", true);
        for name in erpnext.names("Customer") {
            erpnext.set_value("Customer", &name, json!({"tax_id": "changed", "website": "https://x.example"})).unwrap();
        }
        polling.caught_up().await;
        assert!(!polling.ready().await, "{kind:?}");
        erpnext.hide_field("Customer", "tax_id", false);
        polling.until_readable().await;
        polling.in_step().await;
    }
}

#[tokio::test]
async fn one_of_several_hidden_customers_that_can_be_read_again() {
    let polling = Polling::start(Kind::Sqlite).await;
    let erpnext = &polling.erpnext;
    erpnext.seed_customers(10);
    polling.first_full_run().await;
    let hidden = erpnext.names("Customer")[2..6].to_vec();
    for name in &hidden {
        erpnext.hide_document("Customer", name, true);
        erpnext.set_value("Customer", name, json!({"tax_id": "unseen"})).unwrap();
        polling.app.hint("on_update", "Customer", name).await;
    }
    polling.app.settled().await;
    assert!(!polling.ready().await);
    erpnext.hide_document("Customer", &hidden[2], false);
    for _round in 0..6 {
        polling.caught_up().await;
    }
    let row = async |name: &str| polling.app.customer(name).await.unwrap();
    assert_eq!(row(&hidden[2]).await["tax_number"], "unseen", "its turn has come");
    assert_ne!(row(&hidden[0]).await["tax_number"], "unseen");
    hidden.iter().for_each(|name| erpnext.hide_document("Customer", name, false));
    polling.until_readable().await;
    polling.in_step().await;
}

#[tokio::test]
async fn traces_of_deletions_that_may_not_be_read_are_left_alone() {
    let polling = Polling::start(Kind::Sqlite).await;
    let erpnext = &polling.erpnext;
    erpnext.seed_customers(3);
    erpnext.set_permission(SYNC_USER, "Deleted Document", Some(Permission::NONE));
    polling.first_full_run().await;
    polling.caught_up().await;
    polling.caught_up().await;
    assert!(polling.ready().await, "nothing is wrong");
    assert_eq!(erpnext.requests().count("frappe.client.get_list", "Deleted Document"), 1, "asked once, not each time");
    let name = erpnext.names("Customer")[0].clone();
    erpnext.set_value("Customer", &name, json!({"tax_id": "goes on"})).unwrap();
    polling.catch_up().await;
    wait_until("it is read", async || polling.app.customer(&name).await.unwrap()["tax_number"] == "goes on").await;
}
