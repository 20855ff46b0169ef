//! Silent edits of Customer, Address and Contact converge without any webhook.

use std::time::{Duration, Instant};

use customer_sync::domain::job::DocKey;
use customer_sync::domain::run::{RunKind, RunState};
use customer_sync::store::{JobState, RunFilter};
use serde_json::json;

use super::Polling;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;
use crate::support::truth::differences;

const CATCH_UPS: RunFilter = RunFilter { kind: Some(RunKind::CatchUp), state: None, before: None, limit: 50 };

#[tokio::test]
async fn silent_edits_of_customers_addresses_and_contacts_arrive() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(50);
        assert_eq!(polling.catch_up().await, "waits for the first full run", "{kind:?}");
        polling.first_full_run().await;
        polling.caught_up().await;
        polling.in_step().await;
        assert_eq!(polling.catch_up().await, "nothing new", "{kind:?}: what was put is put once");

        let name = erpnext.names("Customer")[7].clone();
        let customer = erpnext.document("Customer", &name).unwrap();
        let text = |field: &str| customer[field].as_str().unwrap().to_owned();
        let (address, contact) = (text("customer_primary_address"), text("customer_primary_contact"));
        erpnext.set_value("Customer", &name, json!({"tax_id": "silently"})).unwrap();
        assert_eq!(polling.caught_up().await, "1 document to read", "{kind:?}");
        polling.in_step().await;
        erpnext.set_value("Address", &address, json!({"city": "Silent City"})).unwrap();
        assert_eq!(polling.caught_up().await, "1 document to read", "{kind:?}");
        polling.in_step().await;
        erpnext.db_set("Contact", &contact, json!({"first_name": "Silvia"})).unwrap();
        polling.caught_up().await;
        polling.in_step().await;
        erpnext.import("Customer", json!({"customer_name": "Imported & Sons", "tax_id": "1"})).unwrap();
        polling.caught_up().await;
        polling.in_step().await;
        assert_eq!(polling.catch_up().await, "nothing new", "{kind:?}");

        // The history tells those that found something, and who found it.
        let runs = polling.app.store().runs(&CATCH_UPS).await.unwrap();
        assert!(runs.iter().all(|run| run.put > 0 && run.state == RunState::Succeeded), "{runs:?}");
        assert_eq!(runs[0].put, 1);
        let row = polling.app.customer("Imported & Sons").await.unwrap();
        let history = polling.app.store().changes_of(row["id"].as_i64().unwrap(), None, 9).await.unwrap();
        assert_eq!(history[0].cause, "catch_up");
        let metrics = polling.app.http.get(format!("{}/metrics", polling.app.url)).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        assert!(metrics.contains("customer_sync_changes_total{found_by=\"polling\"} "), "{metrics}");
    }
}

#[tokio::test]
async fn an_edit_of_its_address_is_another_chance_for_a_customer_that_was_given_up() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let (erpnext, store) = (&polling.erpnext, polling.app.store());
        erpnext.seed_customers(3);
        polling.first_full_run().await;
        polling.caught_up().await;
        let name = erpnext.names("Customer")[1].clone();
        let address = erpnext.document("Customer", &name).unwrap()["customer_primary_address"].clone();
        let address = address.as_str().unwrap();
        erpnext.faults().poison(&name, 417);
        erpnext.set_value("Customer", &name, json!({"tax_id": "broken"})).unwrap();
        polling.caught_up().await;
        let key = DocKey::customer(&name);
        let job = async || store.job(&key).await.unwrap();
        assert_eq!(job().await.unwrap().state, JobState::Dead, "{kind:?}");
        polling.caught_up().await;
        assert_eq!(job().await.unwrap().state, JobState::Dead, "{kind:?}: nothing new");

        erpnext.faults().heal(&name);
        erpnext.set_value("Address", address, json!({"city": "Second Chance"})).unwrap();
        polling.caught_up().await;
        assert!(job().await.is_none(), "{kind:?}: it was read once more");
        polling.in_step().await;
    }
}

#[tokio::test]
async fn deletions_arrive_where_their_traces_may_be_read() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(5);
        polling.first_full_run().await;
        polling.caught_up().await;
        let names = erpnext.names("Customer");
        let address =
            erpnext.document("Customer", &names[1]).unwrap()["customer_primary_address"].as_str().unwrap().to_owned();
        erpnext.update("Customer", &names[1], json!({"customer_primary_address": null})).unwrap();
        erpnext.delete("Customer", &names[0]).unwrap();
        erpnext.delete("Address", &address).unwrap();
        polling.caught_up().await;
        assert!(!polling.app.customer(&names[0]).await.unwrap()["deleted_at"].is_null(), "{kind:?}");
        polling.in_step().await;
        assert_eq!(polling.catch_up().await, "nothing new", "{kind:?}");
    }
}

#[tokio::test]
async fn it_runs_by_itself_and_slows_down_when_idle() {
    let settings = [("schedule.catch_up", "100ms"), ("schedule.catch_up_slowest", "60s")];
    let polling = Polling::configured(Kind::Sqlite, &settings).await;
    let erpnext = &polling.erpnext;
    erpnext.seed_customers(20);
    polling.first_full_run().await;
    let name = erpnext.names("Customer")[3].clone();
    erpnext.set_value("Customer", &name, json!({"tax_id": "by itself"})).unwrap();
    wait_until("it is in step", async || differences(polling.app.store(), erpnext).await.is_empty()).await;
    let row =
        async || polling.app.store().schedules().await.unwrap().into_iter().find(|row| row.name == "catch_up").unwrap();
    // Twenty idle ones, then 200, 400, 800, 1600 ms.
    wait_until("it is idle", async || row().await.idle >= 24).await;
    erpnext.set_value("Customer", &name, json!({"tax_id": "and again"})).unwrap();
    wait_until("it is in step", async || differences(polling.app.store(), erpnext).await.is_empty()).await;
    assert!(row().await.idle < 20, "news make it quick again");
}

#[tokio::test]
async fn two_processes_do_not_poll_twice() {
    for kind in Kind::SERVERS {
        let settings = [("schedule.catch_up", "400ms"), ("schedule.catch_up_slowest", "400ms")];
        let polling = Polling::configured(kind, &settings).await;
        polling.erpnext.seed_customers(5);
        polling.first_full_run().await;
        let _other = TestApp::configured(&polling.database, &polling.erpnext, &settings).await;
        polling.app.settled().await;
        let asked = || polling.erpnext.requests().count("frappe.client.get_list", "Deleted Document");
        let (begin, before) = (Instant::now(), asked());
        wait_until("ten turns are over", async || asked() >= before + 10).await;
        let least = Duration::from_millis(400) * 9;
        assert!(begin.elapsed() >= least, "{kind:?}: {:?} for ten turns", begin.elapsed());
    }
}

#[tokio::test]
async fn a_night_without_erpnext_is_one_row_and_its_end_is_noticed_at_once() {
    let settings = [("schedule.catch_up", "100ms"), ("erpnext.probe_every", "100ms")];
    let polling = Polling::configured(Kind::Sqlite, &settings).await;
    let erpnext = &polling.erpnext;
    erpnext.seed_customers(5);
    polling.first_full_run().await;
    polling.app.settled().await;
    let (_key, secret) = erpnext.key();
    erpnext.change_secret(Some("another one"));
    wait_until("it is paused", async || polling.app.get("/readyz").await.to_string().contains("paused")).await;
    // From now on it comes by itself only in an hour.
    polling.execute("UPDATE sync_schedules SET next_at = next_at + 3600000 WHERE name = 'catch_up'").await;
    let name = erpnext.names("Customer")[0].clone();
    erpnext.set_value("Customer", &name, json!({"tax_id": "at night"})).unwrap();
    erpnext.requests().reset();
    let asked = || erpnext.requests().count("frappe.client.get_list", "Deleted Document");
    assert_eq!(asked(), 0);
    erpnext.change_secret(Some(&secret));
    wait_until("it is in step", async || differences(polling.app.store(), erpnext).await.is_empty()).await;
    let runs = polling.app.store().runs(&CATCH_UPS).await.unwrap();
    let failed = runs.iter().filter(|run| run.state == RunState::Failed).count();
    assert!(failed <= 1, "{runs:?}");
}
