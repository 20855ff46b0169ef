//! What no webhook told arrives by itself.
//!
//! Invariant: no test here registers a webhook unless it says so; catch-up is run by hand where a test counts on its order.

mod autumn;
mod permissions;
mod schedules;
mod silent;
mod window;

use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::domain::stamp::BEFORE_ALL;
use customer_sync::simulator::{Options, Simulator};
use customer_sync::sync::schedule::Task;
use reqwest::Method;
use serde_json::Value;

use crate::support::app::{TestApp, wait_until};
use crate::support::databases::{Database, Kind, fresh};
use crate::support::sql;
use crate::support::truth::differences;

/// Service and stand-in; no webhook is registered.
struct Polling {
    app: TestApp,
    erpnext: Simulator,
    database: Database,
}

impl Polling {
    /// Catch-up runs only by [`Polling::catch_up`].
    async fn start(kind: Kind) -> Self {
        Self::configured(kind, &[]).await
    }

    async fn configured(kind: Kind, settings: &[(&'static str, &str)]) -> Self {
        let erpnext = Simulator::start(Options::default()).await.unwrap();
        let database = fresh(kind).await;
        let app = TestApp::configured(&database, &erpnext, settings).await;
        wait_until("there are schedules", async || app.store().schedules().await.unwrap().len() == Task::ALL.len())
            .await;
        Self { app, erpnext, database }
    }

    /// A first full run, which catch-up waits for.
    async fn first_full_run(&self) {
        let store = self.app.store();
        let run = store.start_run(RunKind::Full, RunCause::First).await.unwrap().run;
        let state = async || store.run(run).await.unwrap().unwrap().state;
        wait_until("the full run is over", async || state().await != RunState::Running).await;
        assert_eq!(state().await, RunState::Succeeded);
    }

    /// As if ERPNext had been empty at the first full run: everything is new.
    async fn watch_from_the_beginning(&self) {
        let marks =
            ["Customer", "Contact", "Address", "Deleted Document"].map(|doctype| (doctype, BEFORE_ALL.to_owned()));
        self.app.store().set_first_watermarks(&marks).await.unwrap();
    }

    /// Runs one catch-up to its end; what it says.
    async fn catch_up(&self) -> String {
        let ended = async || schedule(&self.app, "catch_up").await["last_finished_at"].clone();
        let before = ended().await;
        self.order("catch_up", "run", 202).await;
        wait_until("the catch-up is over", async || ended().await != before).await;
        schedule(&self.app, "catch_up").await["last_result"].as_str().unwrap().to_owned()
    }

    /// Runs one catch-up and waits for the jobs that it put.
    async fn caught_up(&self) -> String {
        let result = self.catch_up().await;
        self.app.settled().await;
        result
    }

    async fn order(&self, name: &str, order: &str, status: u16) -> Value {
        let path = format!("/api/schedules/{name}/{order}");
        let response = self.app.request(Method::POST, &path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        response.json().await.unwrap()
    }

    /// Our rows are what ERPNext has.
    async fn in_step(&self) {
        let differences = differences(self.app.store(), &self.erpnext).await;
        assert!(differences.is_empty(), "{:?}: {differences:#?}", self.database.kind);
    }

    async fn execute(&self, sql: &str) {
        sql::execute(&self.database, sql).await;
    }
}

/// A schedule as the API shows it.
async fn schedule(app: &TestApp, name: &str) -> Value {
    let all = app.get("/api/schedules").await;
    let found = all["data"].as_array().unwrap().iter().find(|schedule| schedule["name"] == name);
    found.unwrap_or_else(|| panic!("{all}")).clone()
}
