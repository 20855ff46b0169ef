//! `GET /metrics` itself: what `promtool` says about it, its own address, its token.

use std::io::Write;
use std::process::{Command, Stdio};

use customer_sync::simulator::{Options, Simulator};
use reqwest::StatusCode;
use serde_json::Value;

use super::Watched;
use crate::support::app::{SECRET, client};
use crate::support::binary::Serving;
use crate::support::databases::{Kind, fresh};

/// What `promtool check metrics` says about a scrape, and whether it was content.
fn checked(scrape: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool");
    let mut child = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn promtool_finds_nothing() {
    let watched = Watched::start(Kind::Sqlite, Options::default(), &[]).await;
    watched.erpnext.seed_customers(1);
    watched.webhook(&watched.erpnext.names("Customer")[0]).await;
    watched.prometheus.until("customer_sync_jobs_total{outcome=\"done\"} > 0").await;
    watched.prometheus.until("customer_sync_database_up == 1").await;
    let scrape = watched.http.get(format!("{}/metrics", watched.serving.url)).send().await.unwrap();
    assert_eq!(scrape.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let scrape = scrape.text().await.unwrap();
    assert_eq!(checked(&scrape), (true, String::new()));
    let (content, said) = checked(&scrape.replace("customer_sync_jobs_total", "customer_sync_jobs"));
    assert!(!content && said.contains("_total"), "it would say so: {said}");
}

/// A service with those settings; what it says about where its metrics are.
async fn serving(settings: &[(&str, &str)]) -> (Serving, Option<String>, tempfile::TempDir) {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    let (database, folder) = (fresh(Kind::Sqlite).await, tempfile::tempdir().unwrap());
    let (site, (key, secret)) = (erpnext.url(), erpnext.key());
    let base = [
        ("ERPNEXT_URL", site.as_str()),
        ("ERPNEXT_API_KEY", &key),
        ("ERPNEXT_API_SECRET", &secret),
        ("ERPNEXT_WEBHOOK_SECRET", SECRET),
        ("DATABASE_URL", &database.url),
    ];
    let serving = Serving::start(folder.path(), &[&base[..], settings].concat());
    let mut entries = serving.said.iter().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    let own = entries.find(|entry| entry["message"] == "serving metrics");
    let own = own.map(|entry| format!("http://{}", entry["address"].as_str().unwrap()));
    (serving, own, folder)
}

async fn get(url: &str, token: Option<&str>) -> (StatusCode, String) {
    let request = client().get(url);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_scrape_without_the_token_is_told_what_to_send() {
    let token = "a-token-nobody-can-guess";
    let (serving, own, _folder) = serving(&[("CUSTOMER_SYNC__METRICS__TOKEN", token)]).await;
    assert_eq!(own, None);
    let url = format!("{}/metrics", serving.url);
    for wrong in [None, Some("a-token-nobody-can-gues"), Some("a-token-nobody-can-guess!"), Some("")] {
        let (status, text) = get(&url, wrong).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong:?}");
        assert!(text.contains("metrics.token") && !text.contains("customer_sync_"), "{text}");
    }
    let (status, text) = get(&url, Some(token)).await;
    assert!(status.is_success() && text.contains("customer_sync_build_info{"), "{status} {text}");
}

#[tokio::test]
async fn an_address_of_its_own_serves_metrics_and_nothing_else() {
    let (serving, own, _folder) = serving(&[("CUSTOMER_SYNC__METRICS__LISTEN", "127.0.0.1:0")]).await;
    let own = own.expect("it says where");
    let (status, text) = get(&format!("{own}/metrics"), None).await;
    assert!(status.is_success() && text.contains("customer_sync_build_info{"), "{status} {text}");
    for elsewhere in [format!("{}/metrics", serving.url), format!("{own}/livez"), format!("{own}/api/customers")] {
        assert_eq!(get(&elsewhere, None).await.0, StatusCode::NOT_FOUND, "{elsewhere}");
    }
    let (status, _text) = get(&format!("{}/livez", serving.url), None).await;
    assert!(status.is_success());
}
