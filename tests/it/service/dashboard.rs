//! The dashboard of `deploy/grafana`: each of its queries gives data where the service gives it something to show.
//!
//! Invariant: Grafana's variables are replaced as Grafana would, the queries are otherwise what is shipped. How Grafana
//! draws them is not tested here.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use customer_sync::domain::run::{RunKind, RunState};
use customer_sync::simulator::{Options, Simulator};
use customer_sync::telemetry::metrics;
use serde_json::{Value, json};

use crate::support::app::{SECRET, wait_until};
use crate::support::databases::{Kind, fresh};
use crate::support::prometheus::Prometheus;
use crate::support::serviced::Serviced;

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;
/// How often somebody saves a customer.
const BEAT: Duration = Duration::from_millis(200);

fn dashboard() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/customer-sync.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

/// Title and query of each target of each panel, with variables replaced.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let replaced = |text: &str| {
        let text = text.replace("$__rate_interval", "10s").replace("$job", "customer-sync").replace("$instance", ".*");
        assert!(!text.contains('$'), "{text}");
        text
    };
    let targets = panels(dashboard).iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        targets.iter().map(move |target| (title.to_owned(), target["expr"].as_str().unwrap()))
    });
    targets.map(|(title, query)| (title, replaced(query))).collect()
}

#[test]
fn every_panel_explains_itself_and_has_a_place_of_its_own() {
    let dashboard = dashboard();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        let number = |path: &str| panel.pointer(path).and_then(Value::as_u64).unwrap();
        assert!(ids.insert(number("/id")), "{panel}");
        let (x, y) = (number("/gridPos/x"), number("/gridPos/y"));
        assert!(x + number("/gridPos/w") <= COLUMNS, "{panel}");
        for row in y..y + number("/gridPos/h") {
            for column in x..x + number("/gridPos/w") {
                assert!(cells.insert((row, column)), "covers another panel: {panel}");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().is_some_and(|text| text.len() > 20), "{panel}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            let named = target["legendFormat"].as_str().is_some_and(|legend| !legend.is_empty());
            assert!(named || panel["type"] == "stat", "{panel}");
        }
    }
    let rows: Vec<&str> = panels(&dashboard)
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|panel| panel["title"].as_str().unwrap())
        .collect();
    assert_eq!(rows, ["Overview", "Ingest", "Queue", "ERPNext", "Runs", "Resources"]);
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let queries = queries(&dashboard());
    for metric in metrics::ALL {
        assert!(queries.iter().any(|(_panel, query)| query.contains(metric.name)), "{}", metric.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_gives_data() {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    erpnext.seed_customers(50);
    let settings = [("schedule.catch_up", "1s")];
    let service = Serviced::start(fresh(Kind::Sqlite).await, erpnext, &settings).await;
    service.erpnext.register_webhooks(&service.webhook_url(), SECRET).unwrap();
    let prometheus = Prometheus::watching(&[service.url()]).await;
    prometheus.until("customer_sync_build_info").await;
    assert_eq!(service.run(RunKind::Full).await.state, RunState::Succeeded);
    assert_eq!(service.run(RunKind::Sweep).await.state, RunState::Succeeded);
    let names = service.erpnext.names("Customer");
    service.erpnext.faults().poison(&names[0], 417);

    let mut missing = queries(&dashboard());
    assert!(missing.len() > 50, "{missing:?}");
    let mut beat = tokio::time::interval(BEAT);
    let mut count = 0;
    wait_until("every query gives data", async || {
        beat.tick().await;
        count += 1;
        let website = json!({"website": format!("https://{count}.example")});
        service.erpnext.update("Customer", &names[count % names.len()], website.clone()).unwrap();
        service.erpnext.update("Customer", &names[0], website).unwrap();
        let mut still = Vec::new();
        for (panel, query) in std::mem::take(&mut missing) {
            if !prometheus.query(&query).await.iter().any(|sample| sample.value.is_finite()) {
                still.push((panel, query));
            }
        }
        missing = still;
        // Told before patience ends, which would say only that something is missing.
        assert!(count < 300, "these give nothing: {missing:#?}");
        missing.is_empty()
    })
    .await;
}
