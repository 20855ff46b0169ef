//! What every command that works with ERPNext and the database starts from.
//!
//! Invariant: nothing is worked on, and nothing but the tables and the site's address is written, before the database is
//! known to be for this very site.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::settings::{client_options, rules};
use crate::config::{Config, Site as SiteConfig};
use crate::domain::mapping::Mapping;
use crate::erpnext::Client;
use crate::inbox::Wake;
use crate::store::{self, Store, StoreError};
use crate::sync::site::Site;
use crate::sync::{Context, filtering};

/// Which ERPNext site the database belongs to.
pub const META_SITE: &str = "site";

/// What needs no database.
pub(super) struct Parts {
    site: SiteConfig,
    mapping: Mapping,
    client: Client,
}

/// What the use cases need, and what was learnt on the way to it.
pub(super) struct Base {
    pub(super) context: Context,
    /// The site, as the database shall know it.
    pub(super) url: String,
    /// Whether the database was filled from another site.
    pub(super) moved: bool,
}

impl Parts {
    /// Reads the configuration.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let site = config.require_erpnext()?;
        let mapping = Mapping::compile(&config.mapping_config())?;
        let client = Client::new(client_options(config, &site)).context("[erpnext] cannot be used")?;
        Ok(Self { site, mapping, client })
    }

    /// The client alone.
    pub(super) fn into_client(self) -> Client {
        self.client
    }

    /// Opens the database. `new_site` lets one that was filled from another site be used.
    pub(super) async fn open(self, config: &Config, new_site: bool) -> anyhow::Result<Base> {
        let store = open_store(config, false).await?;
        match store.ping().await {
            // Somebody else writes: so it can be written.
            Ok(()) | Err(StoreError::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let url = self.site.url.as_str().trim_end_matches('/').to_owned();
        let moved = is_moved(&store, &url, new_site).await?;
        let context = self.context(config, store);
        filtering::accept_where_nothing_is_lost(&context.store, &context.rules).await?;
        Ok(Base { context, url, moved })
    }

    fn context(self, config: &Config, store: Store) -> Context {
        Context {
            store,
            client: self.client,
            mapping: Arc::new(self.mapping),
            rules: Arc::new(rules(config)),
            site: Arc::new(Site::default()),
            runs: Wake::default(),
            schedules: Wake::default(),
        }
    }
}

impl Base {
    /// Lets the database belong to the site from now on.
    pub(super) async fn settle_in(&self) -> Result<(), StoreError> {
        self.context.store.set_meta(META_SITE, &self.url).await
    }
}

/// Opens the database as it is and writes nothing: to look what would happen.
///
/// # Errors
/// What is wrong, with what to do about it.
pub async fn look(config: &Config) -> anyhow::Result<Context> {
    let parts = Parts::of(config)?;
    let unready = "the tables are not up to date: run customer-sync migrate first (with --adopt if you have a customers table \
                   already; its rows and ids stay as they are)";
    if config.database.url.is_none() && !config.sqlite_file().exists() {
        bail!(unready);
    }
    let store = Store::connect(&store_options(config)).await?;
    if !store.pending_migrations().await?.is_empty() {
        bail!(unready);
    }
    let url = parts.site.url.as_str().trim_end_matches('/');
    if let Some(known) = store.meta(META_SITE).await?
        && known != url
    {
        bail!("this database was filled from {known}, but ERPNEXT_URL is {url}");
    }
    Ok(parts.context(config, store))
}

/// A client that waits no longer than that for an answer: for a command that a person waits for.
///
/// # Errors
/// Which setting is wrong or missing.
pub fn patient_client(config: &Config, answer_within: Duration) -> anyhow::Result<Client> {
    let site = config.require_erpnext()?;
    let mut options = client_options(config, &site);
    options.connect_timeout = options.connect_timeout.min(answer_within);
    options.read_timeout = options.read_timeout.min(answer_within);
    Client::new(options).context("[erpnext] cannot be used")
}

/// What the use cases need, from parts that were made one by one. Nothing is read or written.
///
/// # Errors
/// What is wrong with the mapping.
pub fn context(config: &Config, client: Client, store: Store) -> anyhow::Result<Context> {
    let site = config.require_erpnext()?;
    let mapping = Mapping::compile(&config.mapping_config())?;
    Ok(Parts { site, mapping, client }.context(config, store))
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
    let store = Store::connect(&store_options(config)).await?;
    let report = store.migrate(adopt).await?;
    if !report.applied.is_empty() {
        tracing::info!(migrations = report.applied.len(), "the tables were brought up to date");
    }
    Ok(store)
}

/// How to reach the configured database.
#[must_use]
pub fn store_options(config: &Config) -> store::Options {
    store::Options {
        url: config.database_url().expose().to_owned(),
        schema: config.database.schema.clone(),
        max_connections: config.database.max_connections.get(),
    }
}

/// Whether the database was filled from another site, which must be wanted. A new database is this site's at once.
async fn is_moved(store: &Store, url: &str, new_site: bool) -> anyhow::Result<bool> {
    match store.meta(META_SITE).await? {
        Some(known) if known == url => Ok(false),
        Some(known) if !new_site => bail!(
            "this database was filled from {known}, but ERPNEXT_URL is {url}. If this is the same ERPNext under a new \
             address, or you really want to fill the database from another one, start serve once with --new-site; \
             otherwise use another database (DATABASE_URL)"
        ),
        Some(known) => {
            tracing::warn!(from = %known, to = %url, "the database now belongs to another site");
            Ok(true)
        }
        None => {
            store.set_meta(META_SITE, url).await?;
            Ok(false)
        }
    }
}
