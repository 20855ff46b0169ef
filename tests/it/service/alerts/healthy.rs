//! Silence while all is well: a real service for some seconds with the shortened rules, and its metrics, continued for an
//! hour, with the rules as they are shipped.
//!
//! Invariant: the hour is made of what the service really showed: each counter and each
//! time goes on as it moved between two scrapes, and gauges stay where they were.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, UNIX_EPOCH};

use customer_sync::domain::run::{RunKind, RunState};
use customer_sync::simulator::{Options, Simulator};
use customer_sync::telemetry::clock;
use serde_json::json;

use super::{LENIENT, folder, prometheus};
use crate::support::app::SECRET;
use crate::support::databases::{Kind, fresh};
use crate::support::prometheus::promtool;
use crate::support::serviced::Serviced;

/// How often somebody saves a customer.
const BEAT: Duration = Duration::from_millis(250);
/// Seconds between two values of the hour that is continued.
const STEP: u32 = 15;
const HOUR: u32 = 3600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fires_while_all_is_well() {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    erpnext.seed_customers(50);
    let settings = [("schedule.catch_up", "2s"), ("schedule.sweep", "4s")];
    let service = Serviced::start(fresh(Kind::Sqlite).await, erpnext, &settings).await;
    assert_eq!(service.run(RunKind::Full).await.state, RunState::Succeeded);
    service.erpnext.register_webhooks(&service.webhook_url(), SECRET).unwrap();
    let prometheus = prometheus(&service, LENIENT).await;
    prometheus.until("customer_sync_run_last_success_timestamp_seconds{kind=\"sweep\"} > 0").await;

    let (began, first) = (Instant::now(), service.metrics().await);
    let customers = service.erpnext.names("Customer");
    let mut beat = tokio::time::interval(BEAT);
    // Longer than any range but those of runs, which are not for seconds.
    while prometheus.query("count_over_time(customer_sync_erpnext_paused[1h]) > 24").await.is_empty() {
        beat.tick().await;
        let count = began.elapsed().as_millis();
        let name = &customers[usize::try_from(count).unwrap() % customers.len()];
        service.erpnext.update("Customer", name, json!({"website": format!("https://{count}.example")})).unwrap();
    }
    let (took, last) = (began.elapsed(), service.metrics().await);

    // Before, Prometheus did not know the service for some seconds.
    let fired = format!("count_over_time(ALERTS{{alertstate=\"firing\"}}[{}ms])", took.as_millis());
    let fired = prometheus.query(&fired).await;
    assert!(fired.is_empty(), "{fired:?}");
    let webhooks = prometheus.value("customer_sync_changes_total{found_by=\"webhook\"} > 0").await;
    assert!(webhooks.is_some(), "webhooks arrived and were worked");
    an_hour_is_silent(&values(&first), &values(&last), took);
}

/// The value of each series.
fn values(metrics: &str) -> BTreeMap<&str, f64> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.rsplit_once(' ').map(|(series, value)| (series, value.parse().unwrap())).unwrap()).collect()
}

fn an_hour_is_silent(first: &BTreeMap<&str, f64>, last: &BTreeMap<&str, f64>, took: Duration) {
    let now = clock::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let steps = HOUR / STEP;
    let mut series: Vec<serde_json::Value> = last
        .iter()
        .map(|(series, last)| {
            let before = first.get(series).copied().unwrap_or_default();
            let each = (last - before) / took.as_secs_f64() * f64::from(STEP);
            let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
            let (start, each) = if name.ends_with("_timestamp_seconds") && *last > 0.0 {
                // promtool's clock begins at 0.
                (last - now, each)
            } else if ["_total", "_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end)) {
                (*last, each)
            } else {
                (*last, 0.0)
            };
            let comma = if labels.is_empty() { "" } else { "," };
            let name = format!("{name}{{{labels}{comma}job=\"customer-sync\",instance=\"a\"}}");
            json!({"series": name, "values": format!("{start:.6}{each:+.6}x{steps}")})
        })
        .collect();
    assert!(series.len() > 100, "{series:?}");
    series.push(json!({"series": "up{job=\"customer-sync\",instance=\"a\"}", "values": format!("1x{steps}")}));
    let silent = json!([{
        "expr": "max_over_time(ALERTS{alertstate=\"firing\"}[1h])", "eval_time": "1h", "exp_samples": [],
    }]);
    let text = json!({
        "rule_files": [folder().join("alerts.yml")],
        "evaluation_interval": "15s",
        "tests": [{"interval": format!("{STEP}s"), "input_series": series, "promql_expr_test": silent}],
    });
    let file = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    std::fs::write(file.path(), text.to_string()).unwrap();
    let output = promtool(&["test", "rules", &file.path().display().to_string()]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}
