//! `kill -9` while customers are being erased: each is erased or not, and whoever was told so is.

use std::collections::BTreeSet;

use customer_sync::domain::role::Role;
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, Store};
use customer_sync::sync::tokens;
use futures_util::StreamExt;
use futures_util::stream::iter;

use super::super::crash::environment;
use super::{WORDS, marked};
use crate::support::app::{client, wait_until};
use crate::support::binary::Serving;
use crate::support::databases::{Kind, fresh};
use crate::support::dump::places_of;
use crate::support::truth::page_by_id;

const CUSTOMERS: usize = 60;
const KILL_AFTER: usize = 15;
const IN_FLIGHT: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_customer_is_erased_or_not_and_erasing_again_finishes_it() {
    for kind in Kind::ALL {
        survives(kind).await;
    }
}

async fn survives(kind: Kind) {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    for number in 0..CUSTOMERS {
        marked(&erpnext, &format!("Quillfeather {number}"));
    }
    let database = fresh(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&erpnext, &database);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let serving = Serving::start(folder.path(), &environment);
    let options = store::Options { url: database.url.clone(), schema: None, max_connections: 2 };
    let store = Store::connect(&options).await.unwrap();
    let token = tokens::create(&store, "admin", Role::Admin).await.unwrap();
    full_run(&store).await;
    let ids: Vec<i64> = page_by_id(&store, None, 100).await.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), CUSTOMERS, "{kind:?}");

    let (http, url) = (client(), serving.url.clone());
    let mut serving = Some(serving);
    let mut told = BTreeSet::new();
    let mut answers = iter(ids.clone()).map(|id| erase(&http, &url, &token, id)).buffer_unordered(IN_FLIGHT);
    while let Some((id, erased)) = answers.next().await {
        told.extend(erased.then_some(id));
        if told.len() >= KILL_AFTER
            && let Some(serving) = serving.take()
        {
            serving.kill();
        }
    }
    drop(answers);
    assert!((KILL_AFTER..CUSTOMERS).contains(&told.len()), "{kind:?}: {} were erased before it was killed", told.len());

    for id in &ids {
        let parts = async || {
            let customer = store.customer(*id).await.unwrap().unwrap();
            let (row, emptied) = (customer.row, [customer.addresses.is_empty(), customer.contacts.is_empty()]);
            [row.erased_at.is_some(), row.customer.name.is_empty(), emptied[0], emptied[1]]
        };
        // A database server may still be ending what the killed process was committing.
        wait_until("the customer is whole or erased", async || {
            let parts = parts().await;
            parts.iter().all(|part| *part == parts[0])
        })
        .await;
        assert!(
            parts().await[0] || !told.contains(id),
            "{kind:?}: customer {id}, of which it was said that it is erased"
        );
    }

    let again = Serving::start(folder.path(), &environment);
    for id in &ids {
        assert!(erase(&http, &again.url, &token, *id).await.1, "{kind:?}: customer {id}");
    }
    full_run(&store).await;
    assert_eq!(page_by_id(&store, None, 100).await.len(), CUSTOMERS, "{kind:?}: no row was added");
    let places = places_of(&database, &WORDS).await;
    assert!(places.is_empty(), "{kind:?}: {places:#?}");
    store.close().await;
    again.kill();
}

/// Whether the service says that it is erased.
async fn erase(http: &reqwest::Client, url: &str, token: &str, id: i64) -> (i64, bool) {
    let request = http.post(format!("{url}/api/customers/{id}/erase")).bearer_auth(token);
    (id, request.send().await.is_ok_and(|answer| answer.status().as_u16() == 200))
}

/// Lets the service do one.
async fn full_run(store: &Store) {
    let run = store.start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    wait_until("the full run is over", async || {
        let row = store.run(run).await.unwrap_or_default();
        row.is_some_and(|row| row.state == RunState::Succeeded)
    })
    .await;
}
