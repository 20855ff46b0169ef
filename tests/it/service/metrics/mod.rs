//! Every documented metric moves when what it tells of happens, seen through a real Prometheus that scrapes the real binary.
//!
//! Invariant: each file here has scenarios and, beside them, what they move (`MOVES`: a metric, and an expression that
//! holds from then on or for at least some scrapes). Together they cover the table, or a test fails. A process of its own
//! for each scenario: the apps inside the test process share their metrics.

mod endpoint;
mod outages;
mod runs;
mod work;

use std::collections::BTreeSet;

use customer_sync::domain::role::Role;
use customer_sync::erpnext::signature::sign;
use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, Store};
use customer_sync::sync::tokens;
use customer_sync::telemetry::metrics;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{SECRET, client};
use crate::support::binary::Serving;
use crate::support::databases::{Database, Kind, fresh};
use crate::support::prometheus::Prometheus;

/// The name of a metric, and an expression that gives something once it has moved.
type Move = (&'static str, &'static str);

/// The real binary on a database of its own, a stand-in ERPNext, and a Prometheus that watches.
struct Watched {
    serving: Serving,
    prometheus: Prometheus,
    erpnext: Simulator,
    database: Database,
    http: reqwest::Client,
    token: String,
    _folder: tempfile::TempDir,
}

impl Watched {
    async fn start(kind: Kind, options: Options, settings: &[(&str, &str)]) -> Self {
        let database = fresh(kind).await;
        let url = database.url.clone();
        Self::on(database, &url, options, settings).await
    }

    /// The service reaches the database by that URL.
    async fn on(database: Database, url: &str, options: Options, settings: &[(&str, &str)]) -> Self {
        let erpnext = Simulator::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (site, (key, secret)) = (erpnext.url(), erpnext.key());
        let base = [
            ("ERPNEXT_URL", site.as_str()),
            ("ERPNEXT_API_KEY", &key),
            ("ERPNEXT_API_SECRET", &secret),
            ("ERPNEXT_WEBHOOK_SECRET", SECRET),
            ("DATABASE_URL", url),
            ("CUSTOMER_SYNC__ERPNEXT__PROBE_EVERY", "200ms"),
            ("CUSTOMER_SYNC__WORKER__BURST", "100000"),
        ];
        let serving = Serving::start(folder.path(), &[&base[..], settings].concat());
        let prometheus = Prometheus::watching(&[&serving.url]).await;
        let options = store::Options { url: database.url.clone(), schema: None, max_connections: 2 };
        let store = Store::connect(&options).await.unwrap();
        let token = tokens::create(&store, "test", Role::Admin).await.unwrap();
        store.close().await;
        Self { serving, prometheus, erpnext, database, http: client(), token, _folder: folder }
    }

    /// Posts a webhook about a customer; the answer's status.
    async fn webhook(&self, name: &str) -> StatusCode {
        self.signed(name, SECRET).await
    }

    async fn signed(&self, name: &str, secret: &str) -> StatusCode {
        let body = json!({"event": "on_update", "doctype": "Customer", "name": name}).to_string();
        let request = self.http.post(format!("{}/webhooks/erpnext", self.serving.url));
        let request = request.header("X-Frappe-Webhook-Signature", sign(secret, body.as_bytes()));
        request.body(body).send().await.unwrap().status()
    }

    /// Posts to the API.
    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.serving.url)).bearer_auth(&self.token);
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Starts a run; its id.
    async fn run(&self, kind: &str) -> i64 {
        let started = self.post("/api/runs", json!({"kind": kind})).await;
        started["data"]["id"].as_i64().unwrap_or_else(|| panic!("{started}"))
    }

    /// Waits until Prometheus has seen all of them.
    async fn seen(&self, moves: &[Move]) {
        for (_metric, expression) in moves {
            self.prometheus.until(expression).await;
        }
    }
}

#[test]
fn every_metric_has_a_scenario() {
    let scenarios = [work::MOVES, runs::MOVES, outages::MOVES].concat();
    for (metric, expression) in &scenarios {
        assert!(expression.contains(metric), "{expression} says nothing about {metric}");
    }
    let moved: BTreeSet<&str> = scenarios.iter().map(|(metric, _expression)| *metric).collect();
    let documented: BTreeSet<&str> = metrics::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(moved, documented);
}
