//! The real binary with a stand-in ERPNext and a database: one process, so that its metrics are its own.
//!
//! Invariant: schedules are off and waits are short unless a test says otherwise; settings are given as in a
//! configuration (`schedule.catch_up`). What the test reads or writes in the database goes through a store of its own,
//! as another replica's would.

use customer_sync::domain::run::{RunCause, RunId, RunKind, RunState};
use customer_sync::erpnext::signature::sign;
use customer_sync::simulator::Simulator;
use customer_sync::store::{self, RunRow, Store};

use super::app::{SECRET, client, wait_until};
use super::binary::Serving;
use super::databases::Database;

/// A running service and what it lives between.
pub struct Serviced {
    pub erpnext: Simulator,
    pub database: Database,
    pub store: Store,
    http: reqwest::Client,
    serving: Serving,
    _folder: tempfile::TempDir,
}

impl Serviced {
    /// The service on that database, reading from that simulator.
    pub async fn start(database: Database, erpnext: Simulator, settings: &[(&str, &str)]) -> Self {
        let url = database.url.clone();
        Self::start_via(&url, database, erpnext, settings).await
    }

    /// As `start`, but it reaches the database by another address (through a proxy, say).
    pub async fn start_via(url: &str, database: Database, erpnext: Simulator, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, secret) = erpnext.key();
        let base = [("erpnext.probe_every", "200ms"), ("worker.backoff_base", "100ms")];
        let variable = |setting: &str| format!("CUSTOMER_SYNC__{}", setting.to_uppercase().replace('.', "__"));
        let settings: Vec<(String, &str)> =
            base.iter().chain(settings).map(|(setting, value)| (variable(setting), *value)).collect();
        let site = erpnext.url();
        let mut environment = vec![
            ("ERPNEXT_URL", site.as_str()),
            ("ERPNEXT_API_KEY", key.as_str()),
            ("ERPNEXT_API_SECRET", secret.as_str()),
            ("ERPNEXT_WEBHOOK_SECRET", SECRET),
            ("DATABASE_URL", url),
        ];
        environment.extend(settings.iter().map(|(variable, value)| (variable.as_str(), *value)));
        let serving = Serving::start(folder.path(), &environment);
        let options = store::Options { url: database.url.clone(), schema: None, max_connections: 2 };
        let store = Store::connect(&options).await.unwrap();
        Self { erpnext, database, store, http: client(), serving, _folder: folder }
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.serving.url
    }

    /// Where webhooks go.
    pub fn webhook_url(&self) -> String {
        format!("{}/webhooks/erpnext", self.url())
    }

    /// Posts a hint signed with that secret; its status, 0 where there was no answer.
    pub async fn hint(&self, secret: &str, name: &str) -> u16 {
        let body = serde_json::json!({"event": "on_update", "doctype": "Customer", "name": name}).to_string();
        let signature = sign(secret, body.as_bytes());
        let post = self.http.post(self.webhook_url()).header("X-Frappe-Webhook-Signature", signature).body(body);
        post.send().await.map_or(0, |answer| answer.status().as_u16())
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        self.http.get(format!("{}/metrics", self.url())).send().await.unwrap().text().await.unwrap()
    }

    /// Starts a run and waits until nobody works on it any more.
    pub async fn run(&self, kind: RunKind) -> RunRow {
        let run = self.store.start_run(kind, RunCause::Person).await.unwrap().run;
        self.run_over(run).await
    }

    /// Waits until nobody works on that run any more.
    pub async fn run_over(&self, run: RunId) -> RunRow {
        let mut row = None;
        wait_until("the run is over or held", async || {
            // A busy machine may keep the database from answering for a moment.
            row = self.store.run(run).await.unwrap_or_default();
            row.as_ref().is_some_and(|row| row.state != RunState::Running)
        })
        .await;
        row.unwrap()
    }

    /// Kills it; the rest stays.
    pub fn kill(self) -> (Simulator, Database) {
        self.serving.kill();
        (self.erpnext, self.database)
    }
}
