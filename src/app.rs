//! All wiring: from a configuration to a running service.
//!
//! Invariant: whatever can be wrong at the start (address in use, database, another site, mapping) is told before
//! anything is worked on; after [`App::start`] returned, webhooks are accepted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Site as SiteConfig};
use crate::domain::mapping::Mapping;
use crate::erpnext::signature::Verifier;
use crate::erpnext::{Client, Options};
use crate::inbox::{self, Inbox, Wake};
use crate::lifecycle::{ExitReason, Tasks};
use crate::store::{self, Store, StoreError};
use crate::sync::site::Site;
use crate::sync::{Context, gauges};
use crate::telemetry::metrics;
use crate::web::{self, Gate};
use crate::worker;

/// Which ERPNext site the database belongs to.
const META_SITE: &str = "site";
/// How the rows were made from documents.
const META_MAPPING: &str = "mapping";

/// Failures in a row that make us leave ERPNext alone for a while, and for how long.
const BREAKER_FAILURES: u32 = 5;
const BREAKER_PAUSE: Duration = Duration::from_secs(10);

/// How often the janitor looks for webhooks that need not be kept any longer.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

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
        let site = config.require_erpnext()?;
        let mapping = Mapping::compile(&config.mapping_config())?;
        let client = Client::new(client_options(config, &site)).context("[erpnext] cannot be used")?;
        let listener = web::bind(config.server.listen).with_context(|| {
            format!(
                "cannot serve on {} (is another program using it? choose another address with --listen, or for serve with LISTEN)",
                config.server.listen
            )
        })?;
        let address = listener.local_addr().context("the address of the server is not known")?;
        let store = open_store(config, false).await?;
        match store.ping().await {
            // Somebody else writes: so it can be written.
            Ok(()) | Err(StoreError::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        check_site(&store, &site, new_site).await?;
        note_mapping(&store, &mapping).await?;

        let tasks = Tasks::new();
        let wake = Wake::default();
        let context =
            Context { store: store.clone(), client, mapping: Arc::new(mapping), site: Arc::new(Site::default()) };
        // The inbox outlives the server: what was accepted before the stop is still answered.
        let inbox_stop = CancellationToken::new();
        let limits = inbox::Limits {
            waiting: config.webhook.channel.get(),
            batch: config.webhook.batch.get(),
            answer_within: config.webhook.commit_timeout,
        };
        let inbox = Inbox::start(store.clone(), limits, wake.clone(), &tasks, inbox_stop.clone());
        tasks.spawn("gauges", gauges::keep(context.clone(), exporter.clone(), tasks.stop()));
        worker::start(context.clone(), worker_settings(config), wake.clone(), &tasks, tasks.stop());
        let state =
            web::State::new(context, inbox, wake, gate(config), web_limits(config), exporter.clone(), tasks.stop());
        let server = web::serve(state, listener).context("the web server cannot start")?;
        let handle = server.handle();
        let stop = tasks.stop();
        tasks.spawn("web server stop", async move {
            stop.cancelled().await;
            handle.stop(true).await;
            inbox_stop.cancel();
        });
        tasks.spawn("web server", server);
        tasks.spawn("janitor", prune(store.clone(), config.retention.clone(), tasks.stop()));
        tracing::info!(%address, database = store.dialect().as_str(), erpnext = %site.url, "serving");
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

/// Opens the database and brings its tables up to date.
///
/// # Errors
/// What is wrong, with what to do about it.
pub async fn open_store(config: &Config, adopt: bool) -> anyhow::Result<Store> {
    if config.database.url.is_none() {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("the folder {} cannot be made (set DATA_DIR)", config.data_dir.display()))?;
    }
    let options = store::Options {
        url: config.database_url().expose().to_owned(),
        schema: config.database.schema.clone(),
        max_connections: config.database.max_connections.get(),
    };
    let store = Store::connect(&options).await?;
    let report = store.migrate(adopt).await?;
    if !report.applied.is_empty() {
        tracing::info!(migrations = report.applied.len(), "the tables were brought up to date");
    }
    Ok(store)
}

async fn check_site(store: &Store, site: &SiteConfig, new_site: bool) -> anyhow::Result<()> {
    let url = site.url.as_str().trim_end_matches('/');
    match store.meta(META_SITE).await? {
        Some(known) if known == url => return Ok(()),
        Some(known) if !new_site => bail!(
            "this database was filled from {known}, but ERPNEXT_URL is {url}. If this is the same ERPNext under a new \
             address, or you really want to fill the database from another one, start once with --new-site; \
             otherwise use another database (DATABASE_URL)"
        ),
        Some(known) => tracing::warn!(from = %known, to = %url, "the database now belongs to another site"),
        None => {}
    }
    store.set_meta(META_SITE, url).await?;
    Ok(())
}

async fn note_mapping(store: &Store, mapping: &Mapping) -> anyhow::Result<()> {
    let fingerprint = mapping.fingerprint();
    let known = store.meta(META_MAPPING).await?;
    if known.as_deref() == Some(fingerprint) {
        return Ok(());
    }
    if known.is_some() {
        tracing::warn!("the mapping changed: rows take it on as their customers are read again");
    }
    store.set_meta(META_MAPPING, fingerprint).await?;
    Ok(())
}

fn gate(config: &Config) -> Gate {
    let secrets: Vec<String> = config.webhook.secrets.iter().map(|secret| secret.expose().to_owned()).collect();
    if config.webhook.insecure {
        tracing::warn!("insecure mode: webhooks are accepted from anybody, without a signature");
        Gate::Open
    } else if secrets.is_empty() {
        tracing::error!(
            "no webhook secret is configured, so every webhook is refused with 503: set ERPNEXT_WEBHOOK_SECRET to the \
             Webhook Secret of the Webhook documents in ERPNext"
        );
        Gate::Closed
    } else {
        Gate::Signed(Verifier::new(secrets))
    }
}

fn client_options(config: &Config, site: &SiteConfig) -> Options {
    let erpnext = &config.erpnext;
    Options {
        url: site.url.clone(),
        api_key: site.api_key.expose().to_owned(),
        api_secret: site.api_secret.expose().to_owned(),
        connect_timeout: erpnext.connect_timeout,
        read_timeout: erpnext.read_timeout,
        max_response_bytes: erpnext.max_response.bytes(),
        concurrency: erpnext.concurrency.get(),
        ca_file: erpnext.ca_file.clone(),
        proxy: erpnext.proxy.as_ref().map(|proxy| proxy.expose().to_owned()),
        headers: erpnext.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
        host_header: erpnext.host_header.clone(),
        breaker_failures: BREAKER_FAILURES,
        breaker_pause: BREAKER_PAUSE,
        observer: Some(Arc::new(|call| metrics::erpnext_call(call.name, call.outcome, call.duration))),
    }
}

fn worker_settings(config: &Config) -> worker::Settings {
    let worker = &config.worker;
    worker::Settings {
        concurrency: worker.concurrency.get(),
        batch: u32::try_from(worker.batch.get()).unwrap_or(u32::MAX),
        lease: worker.lease,
        lease_margin: config.lease_margin(),
        burst: worker.burst.get(),
        gather: worker.gather,
        probe_every: config.erpnext.probe_every,
        retry: worker::RetryPolicy {
            attempts: worker.attempts.get(),
            base: worker.backoff_base,
            max: worker.backoff_max,
        },
    }
}

fn web_limits(config: &Config) -> web::Limits {
    let server = &config.server;
    web::Limits {
        body: server.body_limit.bytes(),
        body_within: server.body_timeout,
        in_flight: server.bodies_in_flight.bytes(),
        stop_within: server.shutdown_timeout,
    }
}

/// Forgets old webhooks, so that the table does not grow for ever.
async fn prune(store: Store, retention: crate::config::Retention, stop: CancellationToken) {
    let max_age = Duration::from_secs(u64::from(retention.deliveries_days.get()) * 24 * 3600);
    let max_rows = u64::from(retention.deliveries_rows.get());
    loop {
        match store.prune_deliveries(max_age, max_rows).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old webhooks forgotten"),
            Err(error) => tracing::warn!(%error, "old webhooks could not be forgotten; tried again later"),
        }
        tokio::select! {
            () = tokio::time::sleep(PRUNE_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
