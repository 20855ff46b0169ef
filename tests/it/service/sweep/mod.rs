//! Sweeps: whatever happened without a word is found, ids stay, and nothing is removed that a person should see first.

mod brake;
mod cli;
mod filtered;
mod hidden;
mod meanwhile;
mod names;

use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::{Naming, Options, Simulator};
use customer_sync::store::RunRow;

use super::Connected;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::{Kind, fresh};
use crate::support::truth::differences;

impl Connected {
    /// A site that sends no webhook at all.
    pub(super) async fn unannounced(kind: Kind, naming: Naming, settings: &[(&'static str, &str)]) -> Self {
        let erpnext = Simulator::start(Options { naming, ..Options::default() }).await.unwrap();
        let database = fresh(kind).await;
        let app = TestApp::configured(&database, &erpnext, settings).await;
        Self { app, erpnext, database }
    }

    /// The same with so many customers that have arrived; named by their customer name.
    pub(super) async fn swept(kind: Kind, customers: usize) -> Self {
        let connected = Self::unannounced(kind, Naming::CustomerName, &[]).await;
        connected.erpnext.seed_customers(customers);
        connected.converged().await;
        connected
    }

    /// Starts a sweep for that reason and waits until nobody works on it any more.
    async fn sweep_because(&self, cause: RunCause) -> RunRow {
        let run = self.app.store().start_run(RunKind::Sweep, cause).await.unwrap().run;
        self.run_over(run).await
    }

    /// Waits until nobody works on that run any more, and its jobs are done.
    pub(super) async fn run_over(&self, run: i64) -> RunRow {
        let row = async || self.app.store().run(run).await.unwrap().unwrap();
        wait_until("the run is over or held", async || row().await.state != RunState::Running).await;
        self.app.settled().await;
        row().await
    }

    pub(super) async fn sweep(&self) -> RunRow {
        self.sweep_because(RunCause::Schedule).await
    }

    /// Sweeps once; nothing may differ afterwards.
    async fn converged(&self) -> RunRow {
        let run = self.sweep().await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        let differences = differences(self.app.store(), &self.erpnext).await;
        assert!(differences.is_empty(), "{}: {}", differences.len(), differences[0]);
        run
    }

    pub(super) async fn id(&self, name: &str) -> i64 {
        self.row(name).await["id"].as_i64().unwrap()
    }
}
