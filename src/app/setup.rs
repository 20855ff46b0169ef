//! What `setup` works with: a client with the administrator's key, and a receiver to prove that webhooks arrive.
//!
//! Invariant: the administrator's key lives only as long as this process; it is never stored. A receiver is opened only where
//! nothing else listens, takes webhooks only, and works none of them: `serve` does, later.

use std::io;

use anyhow::Context as _;

use super::base::{Base, Parts};
use super::settings::{gate, inbox_limits, web_settings};
use crate::config::{Config, Secret};
use crate::erpnext::Client;
use crate::erpnext::admin::Admin;
use crate::inbox::{Inbox, Wake};
use crate::lifecycle::{ExitReason, Tasks};
use crate::store::Store;
use crate::web;

/// An ERPNext that is being connected.
pub struct Connection {
    config: Config,
    admin: Admin,
}

/// A database in which deliveries can be looked up, and perhaps a receiver that puts them there.
pub struct Listening {
    store: Store,
    tasks: Tasks,
    config: Config,
    /// Why no receiver was opened: most likely because `serve` is running.
    pub elsewhere: Option<io::Error>,
}

impl Connection {
    /// Uses the configured site with another key. Nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with the configuration or the key.
    pub fn new(config: &Config, key: &str, secret: &str) -> anyhow::Result<Self> {
        let config = with_key(config, key, secret);
        let admin = Admin::new(Parts::of(&config)?.into_client());
        Ok(Self { config, admin })
    }

    /// The administrator's calls.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// A client with another key for the same site.
    ///
    /// # Errors
    /// What is wrong with the key.
    pub fn client(&self, key: &str, secret: &str) -> anyhow::Result<Client> {
        Ok(Parts::of(&with_key(&self.config, key, secret))?.into_client())
    }

    /// Opens the database, and a receiver that takes these secrets unless something listens there already.
    ///
    /// # Errors
    /// The database's, or the configuration's.
    pub async fn listen(&self, secrets: Vec<Secret>) -> anyhow::Result<Listening> {
        let mut config = self.config.clone();
        config.webhook.secrets = secrets;
        config.webhook.insecure = false;
        let base = Parts::of(&config)?.open(&config, false).await?;
        let store = base.context.store.clone();
        let tasks = Tasks::new();
        let elsewhere = match web::bind(config.server.listen) {
            Ok(listener) => {
                receive(&config, base, listener, &tasks)?;
                None
            }
            Err(error) => Some(error),
        };
        Ok(Listening { store, tasks, config, elsewhere })
    }
}

impl Listening {
    /// Where deliveries are looked up.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Closes receiver and database.
    pub async fn close(self) {
        self.tasks.begin_stop();
        let _reason: ExitReason = self.tasks.run_until_stopped(self.config.server.shutdown_timeout).await;
        self.store.close().await;
    }
}

fn receive(config: &Config, base: Base, listener: std::net::TcpListener, tasks: &Tasks) -> anyhow::Result<()> {
    let wake = Wake::default();
    let inbox = Inbox::start(base.context.store.clone(), inbox_limits(config), wake.clone(), tasks, tasks.stop());
    let state = web::State::new(base.context, inbox, wake, gate(config), web_settings(config), tasks.stop());
    let server = web::serve_receiver(state, listener, tasks).context("the receiver cannot start")?;
    let (handle, stop) = (server.handle(), tasks.stop());
    tasks.spawn("receiver stop", async move {
        stop.cancelled().await;
        handle.stop(true).await;
    });
    tasks.spawn("receiver", server);
    Ok(())
}

fn with_key(config: &Config, key: &str, secret: &str) -> Config {
    let mut config = config.clone();
    config.erpnext.api_key = Some(Secret::new(key));
    config.erpnext.api_secret = Some(Secret::new(secret));
    config
}
