//! `kill -9` in the middle of 10,000 webhooks: whatever got a 202 ends as a row equal to ERPNext's state.

use std::collections::{BTreeMap, BTreeSet};

use customer_sync::erpnext::signature::sign;
use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, Store};
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;

use crate::support::app::{SECRET, client, wait_until};
use crate::support::binary::Serving;
use crate::support::databases::{Database, Kind, fresh};
use crate::support::truth::{differences_of, documents};

const WEBHOOKS: usize = 10_000;
const KILL_AFTER: usize = 4_000;
const IN_FLIGHT: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_webhooks_survive_kill_9_on_sqlite() {
    survives(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_webhooks_survive_kill_9_on_postgresql() {
    survives(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_webhooks_survive_kill_9_on_mariadb() {
    survives(Kind::Mariadb).await;
}

async fn survives(kind: Kind) {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    erpnext.seed_customers(WEBHOOKS);
    let names = erpnext.names("Customer");
    let database = fresh(kind).await;
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&erpnext, &database);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();

    let serving = Serving::start(folder.path(), &environment);
    let url = serving.url.clone();
    let mut serving = Some(serving);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let http = client();
    let mut answers = iter(names).map(|name| post(&http, &url, name)).buffer_unordered(IN_FLIGHT);
    let mut refused = 0;
    while let Some((name, accepted)) = answers.next().await {
        if accepted {
            acknowledged.insert(name);
        } else {
            refused += 1;
        }
        if acknowledged.len() >= KILL_AFTER
            && let Some(serving) = serving.take()
        {
            serving.kill();
        }
    }
    assert!(acknowledged.len() >= KILL_AFTER && refused > 0, "{} acknowledged, {refused} refused", acknowledged.len());

    let again = Serving::start(folder.path(), &environment);
    let options = store::Options { url: database.url.clone(), schema: None, max_connections: 2 };
    let store = Store::connect(&options).await.unwrap();
    wait_until("the queue is empty", async || {
        let queue = store.queue().await.unwrap();
        assert_eq!(queue.dead, 0);
        queue.due_fast + queue.due_bulk + queue.leased + queue.waiting == 0
    })
    .await;
    let mut promised: BTreeMap<_, _> = documents(&erpnext);
    promised.retain(|name, _document| acknowledged.contains(name));
    assert_eq!(promised.len(), acknowledged.len());
    let differences = differences_of(&store, &promised).await;
    assert!(differences.is_empty(), "{} differences on {kind:?}, e.g. {}", differences.len(), differences[0]);
    store.close().await;
    again.kill();
}

async fn post(http: &reqwest::Client, url: &str, name: String) -> (String, bool) {
    let body = json!({"event": "on_update", "doctype": "Customer", "name": name}).to_string();
    let request = http
        .post(format!("{url}/webhooks/erpnext"))
        .header("X-Frappe-Webhook-Signature", sign(SECRET, body.as_bytes()));
    let answer = request.body(body).send().await;
    (name, answer.is_ok_and(|answer| answer.status().as_u16() == 202))
}

/// What `serve` needs to know, with a lease that ends soon.
pub(super) fn environment(erpnext: &Simulator, database: &Database) -> Vec<(&'static str, String)> {
    let (key, secret) = erpnext.key();
    vec![
        ("ERPNEXT_URL", erpnext.url()),
        ("ERPNEXT_API_KEY", key),
        ("ERPNEXT_API_SECRET", secret),
        ("ERPNEXT_WEBHOOK_SECRET", SECRET.to_owned()),
        ("DATABASE_URL", database.url.clone()),
        // What the killed process held returns when its lease ends.
        ("CUSTOMER_SYNC__ERPNEXT__CONNECT_TIMEOUT", "1s".to_owned()),
        ("CUSTOMER_SYNC__ERPNEXT__READ_TIMEOUT", "2s".to_owned()),
        ("CUSTOMER_SYNC__WORKER__LEASE", "15s".to_owned()),
    ]
}
