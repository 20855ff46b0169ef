//! The running service, from a webhook to a row.

mod access;
mod adoption;
mod alerts;
mod api;
mod cli_links;
mod cli_sync;
mod corners;
mod crash;
mod dashboard;
mod deliveries;
mod edit;
mod erase;
mod failures;
mod feed;
mod filter;
mod first_run;
mod full_run;
mod full_sync;
mod lanes;
mod limits;
mod listing;
mod lookup;
mod matching;
mod metrics;
mod names;
pub mod openapi;
mod parking;
mod permissions;
mod polling;
mod races;
mod receiver;
mod recorded;
mod settings;
mod setup;
mod start;
mod storm;
mod sweep;
mod sync;
mod verify;

use customer_sync::simulator::{Options, Simulator};

use crate::support::app::{SECRET, TestApp};
use crate::support::databases::{Database, Kind, fresh};

/// Service and stand-in, connected by webhooks.
struct Connected {
    app: TestApp,
    erpnext: Simulator,
    database: Database,
}

impl Connected {
    async fn start(kind: Kind) -> Self {
        Self::configured(kind, &[]).await
    }

    async fn configured(kind: Kind, settings: &[(&'static str, &str)]) -> Self {
        let erpnext = Simulator::start(Options { retry_scale: 0.01, ..Options::default() }).await.unwrap();
        let database = fresh(kind).await;
        let app = TestApp::configured(&database, &erpnext, settings).await;
        erpnext.register_webhooks(&app.webhook_url(), SECRET).unwrap();
        Self { app, erpnext, database }
    }

    /// Waits until every webhook was delivered and every job done.
    async fn settled(&self) {
        self.erpnext.webhooks_settled().await;
        self.app.settled().await;
    }

    /// The row of that name; panics if there is none.
    async fn row(&self, name: &str) -> serde_json::Value {
        self.app.customer(name).await.unwrap_or_else(|| panic!("there is no row for {name}"))
    }
}
