//! What happens in ERPNext while it is being read: a stale answer never makes a second row, and nothing goes in circles.

use std::sync::Arc;
use std::time::{Duration, Instant};

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::domain::mapping::{Mapping, MappingConfig};
use customer_sync::erpnext::{self, Client, Work};
use customer_sync::inbox::Wake;
use customer_sync::simulator::{Fault, Options, Simulator};
use customer_sync::store::{self, Store};
use customer_sync::sync::customer::decide;
use customer_sync::sync::{Context, Decision};
use serde_json::{Value, json};

use super::Connected;
use crate::erpnext::stand_in::options;
use crate::support::app::wait_until;
use crate::support::databases::{Kind, fresh};
use crate::support::truth::differences;

/// Longer than everything that happens meanwhile, shorter than any time-out.
const SLOW: Duration = Duration::from_millis(1500);

fn with_address(name: &str) -> Value {
    json!({"customer_name": name, "email_id": "x@y.example", "address_line1": "1", "city": "X", "country": "United States"})
}

async fn asked_for(connected: &Connected, doctype: &str) {
    wait_until("ERPNext is asked", async || {
        connected.erpnext.requests().latest().iter().any(|request| request.doctype.as_deref() == Some(doctype))
    })
    .await;
}

#[tokio::test]
async fn many_missing_customers_do_not_outlast_the_lease() {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    let database = fresh(Kind::Sqlite).await;
    let at = store::Options { url: database.url.clone(), schema: None, max_connections: 4 };
    let store = Store::connect(&at).await.unwrap();
    store.migrate(false).await.unwrap();
    let puts =
        ["A", "B", "C"].map(|name| Put { absent: true, ..Put::new(DocKey::customer(name), Lane::Fast, Cause::Person) });
    store.put(&puts).await.unwrap();
    let claims = store.claim(10, 10, Duration::from_secs(60)).await.unwrap();
    let mapping = Mapping::compile(&MappingConfig::default()).unwrap();
    let (api_key, api_secret) = erpnext.key();
    let client = Client::new(erpnext::Options { api_key, api_secret, ..options(&erpnext.url()) }).unwrap();
    let (rules, site) = (Arc::default(), Arc::default());
    let context = Context {
        store,
        client,
        mapping: Arc::new(mapping),
        rules,
        site,
        runs: Wake::default(),
        schedules: Wake::default(),
    };
    let decisions = decide(&context, &claims, Work::Interactive, Instant::now()).await.unwrap();
    let again = decisions.iter().filter(|decision| matches!(decision, Decision::Again)).count();
    assert_eq!((decisions.len(), again), (3, 2), "one is looked into, the others come back: {decisions:?}");
}

#[tokio::test]
async fn bulk_work_leaves_a_permit_for_hints() {
    let settings = [("worker.concurrency", "2"), ("worker.batch", "5")];
    let connected = Connected::configured(Kind::Sqlite, &settings).await;
    connected.erpnext.seed_customers(30);
    connected.erpnext.faults().requests_to("Customer", Fault::Slow(Duration::from_millis(200)), 1_000);
    let put = |name: &String| Put::new(DocKey::customer(name), Lane::Bulk, Cause::Person);
    let puts: Vec<Put> = connected.erpnext.names("Customer").iter().map(put).collect();
    connected.app.store().put(&puts).await.unwrap();
    let mut most = 0;
    wait_until("the bulk work is done", async || {
        most = most.max(connected.app.store().queue().await.unwrap().leased);
        connected.app.customers().await.len() == 30
    })
    .await;
    assert_eq!(most, 5, "one batch at a time while hints may come");
}

async fn in_step(connected: &Connected) {
    connected.settled().await;
    let differences = differences(connected.app.store(), &connected.erpnext).await;
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn a_customer_renamed_while_it_is_read_gets_no_second_row() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        erpnext.create_customer(with_address("Before")).unwrap();
        in_step(&connected).await;
        let id = connected.row("Before").await["id"].clone();

        erpnext.faults().requests_to("Address", Fault::Slow(SLOW), 1);
        erpnext.requests().reset();
        connected.app.hint("on_update", "Customer", "Before").await;
        asked_for(&connected, "Address").await;
        erpnext.rename("Customer", "Before", "After").unwrap();
        in_step(&connected).await;
        assert_eq!(connected.app.customers().await.len(), 1, "{kind:?}");
        assert_eq!(connected.row("After").await["id"], id);
    }
}

#[tokio::test]
async fn a_new_customer_renamed_while_it_is_read_gets_one_row() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let erpnext = &connected.erpnext;
        erpnext.import("Customer", json!({"customer_name": "Before"})).unwrap();

        // Nothing is linked, so the list that proves it is the last thing asked.
        erpnext.faults().requests_to("Contact", Fault::Slow(SLOW), 1);
        connected.app.hint("on_update", "Customer", "Before").await;
        asked_for(&connected, "Contact").await;
        erpnext.rename("Customer", "Before", "After").unwrap();
        in_step(&connected).await;
        assert_eq!(connected.app.customers().await.len(), 1, "{kind:?}");
    }
}
