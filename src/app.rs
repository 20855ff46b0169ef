//! All wiring: from a configuration to a running service.
//!
//! Invariant: whatever can be wrong at the start (address in use, database, another site, mapping) is told before
//! anything is worked on; after [`App::start`] returned, webhooks are accepted.

mod base;
mod begin;
mod session;
mod settings;
mod setup;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Secret};
use crate::domain::schedule::Schedule;
use crate::inbox::{Inbox, Wake};
use crate::lifecycle::{ExitReason, Tasks};
use crate::store::Store;
use crate::sync::gauges;
use crate::sync::schedule::Timetable;
use crate::sync::users;
use crate::telemetry::metrics;
use crate::web;
use crate::worker;

use base::Parts;
use begin::Full;
use settings::{gate, inbox_limits, verify_settings, web_settings, worker_settings};

pub use base::{META_SITE, context, look, open_store, patient_client, store_options};
pub use begin::META_MAPPING;
pub use session::Session;
pub use setup::{Connection, Listening};

/// A running service.
pub struct App {
    address: SocketAddr,
    store: Store,
    tasks: Tasks,
    grace: Duration,
}

impl App {
    /// Starts everything. `new_site` lets a database that was filled from another site be used.
    ///
    /// # Errors
    /// What is wrong, with what to do about it.
    pub async fn start(config: &Config, new_site: bool) -> anyhow::Result<Self> {
        let exporter = metrics::install().context("the metrics cannot be recorded")?;
        let parts = Parts::of(config)?;
        let listener = web::bind(config.server.listen).with_context(|| {
            format!(
                "cannot serve on {} (is another program using it? choose another address with --listen, or for serve with LISTEN)",
                config.server.listen
            )
        })?;
        let metrics_listener = config.metrics.listen.map(metrics_listener).transpose()?;
        let address = listener.local_addr().context("the address of the server is not known")?;
        let base = parts.open(config, new_site).await?;
        // Before any run: one that fails at once brings its schedule forward.
        let timetable = Arc::new(Timetable::new(config.schedule.clone()));
        timetable.prepare(&base.context.store).await?;
        let full = if config.schedule.full == Schedule::Off { Full::Never } else { Full::IfNeeded };
        begin::full_run(&base, full).await?;
        begin::sweep(&base, config.schedule.sweep != Schedule::Off).await?;
        let context = base.context;
        let store = context.store.clone();

        let tasks = Tasks::new();
        let wake = Wake::default();
        // The inbox outlives the server: what was accepted before the stop is still answered.
        let inbox_stop = CancellationToken::new();
        let inbox = Inbox::start(store.clone(), inbox_limits(config), wake.clone(), &tasks, inbox_stop.clone());
        tasks.spawn("gauges", gauges::keep(context.clone(), exporter.clone(), tasks.stop()));
        let settings = worker_settings(config);
        worker::start(context.clone(), settings, wake.clone(), &tasks, tasks.stop());
        worker::start_conductor(context.clone(), settings, wake.clone(), &tasks, tasks.stop());
        worker::start_indexer(store.clone(), &tasks, tasks.stop());
        let scheduler = worker::Scheduler {
            context: context.clone(),
            timetable,
            retention: Arc::new(config.retention.clone()),
            verify: verify_settings(config),
            wake: wake.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn("scheduler", scheduler.run(tasks.stop()));
        let mut scrape = Some(web::Scrape::new(exporter, config.metrics.token.as_ref().map(Secret::expose)));
        if let Some((listener, scrape)) = metrics_listener.and_then(|listener| Some((listener, scrape.take()?))) {
            serve_metrics(scrape, listener, &tasks)?;
        }
        let state = web::State::new(context, inbox, wake, gate(config), web_settings(config), tasks.stop());
        let server = web::serve(state, scrape, listener, &tasks).context("the web server cannot start")?;
        let handle = server.handle();
        let stop = tasks.stop();
        tasks.spawn("web server stop", async move {
            stop.cancelled().await;
            handle.stop(true).await;
            inbox_stop.cancel();
        });
        tasks.spawn("web server", server);
        offer_first_admin(config, &store, address).await?;
        tracing::info!(%address, database = store.dialect().as_str(), erpnext = %base.url, "serving");
        Ok(Self { address, store, tasks, grace: config.server.shutdown_timeout })
    }

    /// Where it serves; tells the port where 0 was configured.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its tasks, to stop it or to run something beside it.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Serves until a signal or a dead task stops it.
    pub async fn run(self) -> ExitReason {
        let reason = self.tasks.run_until_stopped(self.grace).await;
        self.store.close().await;
        reason
    }
}

/// While nobody can sign in, whoever reads the log may make the first admin.
async fn offer_first_admin(config: &Config, store: &Store, address: SocketAddr) -> anyhow::Result<()> {
    if let Some(token) = users::first_admin_link(store).await? {
        let base = config.server.public_url.as_ref().map_or_else(|| format!("http://{address}/"), ToString::to_string);
        let minutes = users::LINK_LIFE.as_secs() / 60;
        tracing::info!(
            "nobody can sign in yet: make the first admin with customer-sync user add NAME --role admin, or within \
             {minutes} minutes by opening {base}first-admin?token={token} (works once)"
        );
    }
    Ok(())
}

/// Binds the address that is for metrics alone.
fn metrics_listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    web::bind(address).with_context(|| {
        format!(
            "cannot serve metrics on {address} (is another program using it? choose another one with metrics.listen)"
        )
    })
}

fn serve_metrics(scrape: web::Scrape, listener: TcpListener, tasks: &Tasks) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the address of the metrics is not known")?;
    let server = web::serve_metrics(scrape, listener).context("the server of metrics cannot start")?;
    let handle = server.handle();
    let stop = tasks.stop();
    tasks.spawn("metrics server stop", async move {
        stop.cancelled().await;
        handle.stop(true).await;
    });
    tasks.spawn("metrics server", server);
    tracing::info!(%address, "serving metrics");
    Ok(())
}
