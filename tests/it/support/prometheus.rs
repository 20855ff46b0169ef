//! A real Prometheus that scrapes the real service, as a user would set it up; and `promtool`.
//!
//! Invariant: it listens on a free port of 127.0.0.1, keeps its data in a temporary folder, and both go when it is
//! dropped or this process ends, however it ends. Metrics are recorded per process, so a test that counts on exact
//! values watches a `binary::Serving`: the apps inside the test process share theirs with all other tests.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::app::{client, wait_until};
use super::databases::{Supervisor, find, free_port};

/// How long it may take to answer: generous, because the machine may be busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it looks, at the service and at the rules. A scrape may take as long, also on a busy machine.
const INTERVAL: &str = "500ms";

/// A running Prometheus with the job `customer-sync`. Dropping it ends it and removes its files.
pub struct Prometheus {
    url: String,
    http: reqwest::Client,
    supervisor: Supervisor,
}

/// One element of the answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels, the name of the metric (`__name__`) included where it has one.
    pub labels: BTreeMap<String, String>,
    /// Its value now; may be NaN.
    pub value: f64,
}

/// An alert that is pending or firing.
#[derive(Debug, Clone, Deserialize)]
pub struct Alert {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// `pending` or `firing`.
    pub state: String,
}

impl Alert {
    /// Its name.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }
}

impl Prometheus {
    /// One that scrapes the services at these addresses (`http://127.0.0.1:PORT`).
    pub async fn watching(services: &[&str]) -> Self {
        Self::with_rules(services, "groups: []").await
    }

    /// As `watching`, with the text of a rule file.
    pub async fn with_rules(services: &[&str], rules: &str) -> Self {
        let targets: Vec<&str> = services.iter().map(|url| url.trim_start_matches("http://")).collect();
        let config = serde_json::json!({
            "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "customer-sync", "static_configs": [{"targets": targets}]}],
        });
        // JSON is YAML.
        Self::configured(&config.to_string(), &[("rules.yml", rules)]).await
    }

    /// One with that configuration, and with files that it names (relative to itself).
    pub async fn configured(config: &str, files: &[(&str, &str)]) -> Self {
        // A port that is free now may be taken a moment later: then another one.
        for _ in 0..5 {
            let supervisor = Supervisor::for_server("KILL");
            let folder = supervisor.folder().to_owned();
            for (name, content) in files.iter().chain(&[("prometheus.yml", config)]) {
                std::fs::write(folder.join(name), content).expect("the folder is ours");
            }
            let port = free_port();
            let ended = supervisor.run(&format!(
                "{} --config.file='{folder}/prometheus.yml' --storage.tsdb.path='{folder}/data' \
                 --web.listen-address=127.0.0.1:{port} --log.level=warn",
                find("prometheus", &["/usr/bin"]).display(),
                folder = folder.display(),
            ));
            let prometheus = Self { url: format!("http://127.0.0.1:{port}"), http: client(), supervisor };
            tokio::select! {
                _ = ended => assert!(prometheus.log().contains("address already in use"), "{}", prometheus.log()),
                started = tokio::time::timeout(START_TIMEOUT, prometheus.ready()) => {
                    assert!(started.is_ok(), "Prometheus does not start:\n{}", prometheus.log());
                    return prometheus;
                }
            }
        }
        panic!("Prometheus found no free port five times");
    }

    async fn ready(&self) {
        wait_until("Prometheus is ready", async || {
            let answer = self.http.get(format!("{}/-/ready", self.url)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// What a PromQL expression gives now, at the end of what was scraped; panics where it is no expression.
    pub async fn query(&self, expression: &str) -> Vec<Sample> {
        let request = self.http.get(format!("{}/api/v1/query", self.url)).query(&[("query", expression)]);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let result = &answer["data"]["result"];
        match answer["data"]["resultType"].as_str() {
            Some("vector") => result.as_array().unwrap().iter().map(sample).collect(),
            Some("scalar") => vec![Sample { labels: BTreeMap::new(), value: number(&result[1]) }],
            other => panic!("{expression} gives a {other:?}"),
        }
    }

    /// The sum of what an expression gives now; `None` where it gives nothing.
    pub async fn value(&self, expression: &str) -> Option<f64> {
        let samples = self.query(expression).await;
        (!samples.is_empty()).then(|| samples.iter().map(|sample| sample.value).sum())
    }

    /// Waits until an expression gives anything, e.g. `up == 1` or `customer_sync_queue_dead_jobs > 2`.
    pub async fn until(&self, expression: &str) {
        wait_until(expression, async || !self.query(expression).await.is_empty()).await;
    }

    /// Alerts that are pending or firing.
    pub async fn alerts(&self) -> Vec<Alert> {
        let answer = self.http.get(format!("{}/api/v1/alerts", self.url)).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        serde_json::from_value(answer["data"]["alerts"].clone()).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Waits until the alert of that name fires, and gives it.
    pub async fn until_firing(&self, name: &str) -> Alert {
        let mut found = None;
        wait_until(&format!("the alert {name} fires"), async || {
            let firing = self.alerts().await.into_iter().find(|alert| alert.name() == name && alert.state == "firing");
            found = firing;
            found.is_some()
        })
        .await;
        found.expect("it was waited for")
    }

    /// What it complained about so far.
    fn log(&self) -> String {
        self.supervisor.log()
    }
}

fn sample(element: &Value) -> Sample {
    let labels = serde_json::from_value(element["metric"].clone()).unwrap_or_else(|error| panic!("{error}: {element}"));
    Sample { labels, value: number(&element["value"][1]) }
}

/// Prometheus writes numbers as texts, because JSON has no NaN.
fn number(text: &Value) -> f64 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text} is no number"))
}

/// Runs `promtool` to its end.
pub fn promtool(arguments: &[&str]) -> Output {
    Command::new(find("promtool", &["/usr/bin"])).args(arguments).output().unwrap()
}

#[tokio::test]
async fn it_scrapes_evaluates_and_is_gone_when_dropped() {
    let closed = format!("http://127.0.0.1:{}", free_port());
    let rules = r#"{"groups": [{"name": "g", "rules": [{"alert": "Down", "expr": "up == 0"}]}]}"#;
    let prometheus = Prometheus::with_rules(&[&closed], rules).await;
    prometheus.until("up == 0").await;
    assert_eq!(prometheus.value("vector(2) * 3").await, Some(6.0));
    assert_eq!(prometheus.value("up == 1").await, None);
    assert!(prometheus.query("0 / 0").await[0].value.is_nan());
    let alert = prometheus.until_firing("Down").await;
    assert_eq!((alert.labels["job"].as_str(), alert.annotations.len()), ("customer-sync", 0));

    let (url, folder) = (prometheus.url.clone(), prometheus.supervisor.folder().to_owned());
    drop(prometheus);
    assert!(client().get(url).send().await.is_err());
    assert!(!folder.exists());
}

#[test]
fn promtool_can_say_no() {
    let checked = promtool(&["check", "rules", "/dev/null/none"]);
    assert!(!checked.status.success());
}
