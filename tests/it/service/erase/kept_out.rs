//! ERPNext still has the customer: whatever it tells, the row stays empty. Somebody else with the same name is welcome.

use std::time::Duration;

use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::domain::stamp::BEFORE_ALL;
use customer_sync::sync::verify;
use reqwest::Method;
use serde_json::json;

use super::super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

impl Connected {
    async fn run(&self, kind: RunKind) {
        let run = self.app.store().start_run(kind, RunCause::Person).await.unwrap().run;
        let row = self.run_over(run).await;
        assert_eq!(row.state, RunState::Succeeded, "{row:?}");
        assert_eq!((row.counts.created, row.counts.failed), (0, 0), "{row:?}");
    }

    async fn catch_up(&self) {
        let marks =
            ["Customer", "Contact", "Address", "Deleted Document"].map(|doctype| (doctype, BEFORE_ALL.to_owned()));
        self.app.store().set_first_watermarks(&marks).await.unwrap();
        let ended = async || {
            let all = self.app.get("/api/schedules").await;
            let all = all["data"].as_array().unwrap().clone();
            all.into_iter().find(|schedule| schedule["name"] == "catch_up").unwrap()["last_finished_at"].clone()
        };
        let before = ended().await;
        let order = self.app.request(Method::POST, "/api/schedules/catch_up/run").send().await.unwrap();
        assert_eq!(order.status().as_u16(), 202);
        wait_until("the catch-up is over", async || ended().await != before).await;
        self.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_erpnext_tells_fills_it_again() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let Connected { app, erpnext, .. } = &connected;
        // The erased one is the last that a run lists, where it would stand if the run kept that.
        erpnext.create_customer(json!({"customer_name": "Another"})).unwrap();
        let name = connected.marked("Quillfeather");
        connected.settled().await;
        connected.run(RunKind::Full).await;
        let id = connected.id_of(&name).await;
        connected.erase(id).await;

        erpnext.update("Customer", &name, json!({"tax_id": "TAXQ99-2"})).unwrap();
        connected.stays_erased(id, "after an edit").await;
        let address = erpnext.names("Address").into_iter().find(|address| address.contains("Quillfeather")).unwrap();
        erpnext.update("Address", &address, json!({"address_line2": "Zanzibarweg 8"})).unwrap();
        connected.stays_erased(id, "after an edit of its address").await;
        let contact = json!({"first_name": "Grizelda 2", "links": [{"link_doctype": "Customer", "link_name": name}]});
        erpnext.create("Contact", contact).unwrap();
        connected.stays_erased(id, "after a new contact").await;
        connected.run(RunKind::Full).await;
        connected.stays_erased(id, "after a full run").await;
        connected.catch_up().await;
        connected.stays_erased(id, "after a catch-up").await;
        connected.run(RunKind::Sweep).await;
        connected.stays_erased(id, "after a sweep").await;

        erpnext.rename("Customer", &name, "Quillfeather II").unwrap();
        connected.settled().await;
        app.hint("on_update", "Customer", "Quillfeather II").await;
        connected.stays_erased(id, "after a rename").await;
        connected.catch_up().await;
        connected.run(RunKind::Sweep).await;
        connected.stays_erased(id, "after a rename, by polling").await;
        erpnext.delete("Customer", "Quillfeather II").unwrap();
        connected.stays_erased(id, "after its deletion").await;
        erpnext.restore("Customer", "Quillfeather II").unwrap();
        app.hint("after_insert", "Customer", "Quillfeather II").await;
        connected.stays_erased(id, "after it was restored").await;
        connected.run(RunKind::Full).await;
        connected.run(RunKind::Sweep).await;
        connected.stays_erased(id, "in the end").await;
        assert_eq!(app.customers().await.len(), 2, "{kind:?}: no row was added for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_finds_no_drift_in_it() {
    let connected = Connected::start(Kind::Sqlite).await;
    let name = connected.marked("Quillfeather");
    connected.settled().await;
    let id = connected.id_of(&name).await;
    connected.erase(id).await;
    connected.settled().await;
    let context = connected.beside(&[]).await;
    let mut found = 0;
    let mut count = |event: verify::Event| found += usize::from(matches!(event, verify::Event::Found(_)));
    verify::run(&context, &verify::Scope::All, Duration::from_millis(20), &mut count).await.unwrap();
    assert_eq!(found, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_with_that_name_gets_a_row() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let Connected { app, erpnext, .. } = &connected;
        let name = connected.marked("Quillfeather");
        connected.settled().await;
        let id = connected.id_of(&name).await;
        connected.erase(id).await;
        erpnext.delete("Customer", &name).unwrap();
        connected.settled().await;
        let newcomer = erpnext.create_customer(json!({"customer_name": "Quillfeather", "tax_id": "NEW-1"})).unwrap();
        assert_eq!(newcomer, name);
        connected.settled().await;
        let row = connected.row(&name).await;
        assert_ne!(row["id"], json!(id), "{kind:?}");
        assert_eq!(row["tax_number"], "NEW-1");
        erpnext.update("Customer", &name, json!({"tax_id": "NEW-2"})).unwrap();
        connected.settled().await;
        assert_eq!(connected.row(&name).await["tax_number"], "NEW-2");
        let erased = app.get(&format!("/api/customers/{id}")).await;
        assert_eq!(erased["data"]["name"], "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_two_customers_stays_the_other_ones() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let name = connected.marked("Quillfeather");
        let other = erpnext.create_customer(json!({"customer_name": "Somebody Else"})).unwrap();
        let address = erpnext.names("Address").into_iter().find(|address| address.contains("Quillfeather")).unwrap();
        erpnext.link("Address", &address, &other).unwrap();
        connected.settled().await;
        let (id, other) = (connected.id_of(&name).await, connected.id_of(&other).await);
        connected.erase(id).await;
        erpnext.update("Address", &address, json!({"city": "Elsewhere"})).unwrap();
        connected.settled().await;
        let row = connected.app.get(&format!("/api/customers/{other}")).await["data"].clone();
        assert_eq!(row["addresses"][0]["city"], "Elsewhere", "{kind:?}: {row}");
        let erased = connected.app.get(&format!("/api/customers/{id}")).await["data"].clone();
        assert_eq!((&erased["addresses"], &erased["name"]), (&json!([]), &json!("")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_that_merges_into_it_is_deleted_and_does_not_wait() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        let name = connected.marked("Quillfeather");
        let quick = json!({"customer_name": "Merging", "email_id": "m@m.example", "address_line1": "1", "city": "X", "country": "United States"});
        let merging = erpnext.create_customer(quick).unwrap();
        connected.settled().await;
        let (id, merging_id) = (connected.id_of(&name).await, connected.id_of(&merging).await);
        connected.erase(id).await;
        erpnext.merge(&merging, &name).unwrap();
        connected.stays_erased(id, "after a merge into it").await;
        let merged = connected.app.get(&format!("/api/customers/{merging_id}")).await["data"].clone();
        assert!(merged["deleted_at"].is_string() && merged["merged_into"].is_null(), "{kind:?}: {merged}");
        assert_eq!(connected.app.store().queue().await.unwrap().dead, 0);
    }
}
