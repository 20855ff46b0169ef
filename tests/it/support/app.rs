//! The real service as a test uses it: on port 0, with a stand-in ERPNext and a fresh database.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use customer_sync::app::App;
use customer_sync::config::{Config, Inputs, Override};
use customer_sync::domain::role::Role;
use customer_sync::erpnext::signature::sign;
use customer_sync::simulator::Simulator;
use customer_sync::store::Store;
use customer_sync::sync::tokens;
use serde_json::Value;

use super::databases::Database;

/// The secret of every recorded webhook.
pub const SECRET: &str = "test-webhook-secret";

/// A running service.
pub struct TestApp {
    pub url: String,
    pub http: reqwest::Client,
    app: App,
    token: String,
    _folder: tempfile::TempDir,
}

impl TestApp {
    /// The service on that database, reading from that simulator, with settings like `("server.body_limit", "1KiB")`.
    pub async fn configured(database: &Database, erpnext: &Simulator, settings: &[(&'static str, &str)]) -> Self {
        let (key, secret) = erpnext.key();
        let folder = tempfile::tempdir().unwrap();
        let config = config(&database.url, &erpnext.url(), &key, &secret, folder.path().to_owned(), settings);
        let app = App::start(&config, false).await.unwrap();
        let token = tokens::create(app.store(), "test", Role::Operator).await.unwrap();
        let url = format!("http://{}", app.address());
        Self { url, http: client(), app, token, _folder: folder }
    }

    pub fn store(&self) -> &Store {
        self.app.store()
    }

    /// Where webhooks go.
    pub fn webhook_url(&self) -> String {
        format!("{}/webhooks/erpnext", self.url)
    }

    /// Posts a webhook signed with the right secret.
    pub async fn webhook(&self, body: impl Into<String>) -> reqwest::Response {
        let body = body.into();
        let signature = sign(SECRET, body.as_bytes());
        self.http
            .post(self.webhook_url())
            .header("X-Frappe-Webhook-Signature", signature)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// Posts a hint in the shape of our own template.
    pub async fn hint(&self, event: &str, doctype: &str, name: &str) -> reqwest::Response {
        self.webhook(serde_json::json!({"event": event, "doctype": doctype, "name": name}).to_string()).await
    }

    /// GET with the operator's token; panics unless the answer is 2xx JSON.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    /// Any request with the operator's token.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// Any request with an admin's token.
    pub async fn admin(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let token = tokens::create(self.store(), "admin", Role::Admin).await.unwrap();
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// Every customer row, as the API shows it, by id.
    pub async fn customers(&self) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(0, |row| row["id"].as_i64().unwrap());
            let page = self.get(&format!("/api/customers?limit=500&after={after}")).await;
            let rows = page["data"].as_array().unwrap();
            if rows.is_empty() {
                return all;
            }
            all.extend(rows.iter().cloned());
        }
    }

    /// The row of that ERPNext name, if there is one.
    pub async fn customer(&self, name: &str) -> Option<Value> {
        self.customers().await.into_iter().find(|row| row["erpnext_id"] == name)
    }

    /// Begins to stop it, as a signal would.
    pub fn stop(&self) {
        self.app.tasks().begin_stop();
    }

    /// Waits until nothing is left to do (dead jobs aside).
    pub async fn settled(&self) {
        wait_until("the queue is empty", async || {
            // A busy machine may keep the database from answering for a moment.
            let Ok(queue) = self.store().queue().await else { return false };
            queue.due_fast + queue.due_bulk + queue.leased + queue.waiting == 0
        })
        .await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.app.tasks().begin_stop();
    }
}

/// Somebody who talks to the service, or sends it webhooks.
pub fn client() -> reqwest::Client {
    // Fails where the service of this process has installed it already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A configuration as `serve` would read it; no variable of this machine counts.
pub fn config(
    database: &str,
    erpnext: &str,
    key: &str,
    secret: &str,
    folder: PathBuf,
    settings: &[(&'static str, &str)],
) -> Config {
    let base = [
        ("server.listen", "127.0.0.1:0"),
        ("database.url", database),
        ("erpnext.url", erpnext),
        ("erpnext.api_key", key),
        ("erpnext.api_secret", secret),
        ("webhook.secrets", SECRET),
        // Tests ask for single customers in quick succession.
        ("worker.burst", "100000"),
        ("erpnext.probe_every", "200ms"),
        ("worker.backoff_base", "100ms"),
        // Tests ask again and again until something is so.
        ("access.calls_per_second", "1000000"),
        // Nothing runs by itself unless a test wants it.
        ("schedule.catch_up", "off"),
        ("schedule.sweep", "off"),
        ("schedule.full", "off"),
        ("schedule.verify", "off"),
    ];
    let overrides = base
        .iter()
        .filter(|(setting, _value)| !settings.iter().any(|(own, _value)| own == setting))
        .chain(settings)
        .map(|(setting, value)| Override { setting, flag: "test", value: (*value).to_owned() })
        .collect();
    Config::load(Inputs { overrides, folder, ..Inputs::default() }).unwrap()
}

/// Waits for a condition, looking often; panics with `what` after three minutes: long, because a busy machine is no failure.
pub async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(180);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
