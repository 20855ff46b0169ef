//! A process that works without serving: for commands that sync now.
//!
//! Invariant: it is one more replica: what it starts, others may finish, and the other way round.

use std::time::Duration;

use super::base::{Base, Parts};
use super::begin::{self, Full};
use super::settings::worker_settings;
use crate::config::Config;
use crate::inbox::Wake;
use crate::lifecycle::{ExitReason, Tasks};
use crate::store::{Started, StoreError};
use crate::sync::Context;
use crate::worker;

/// An open database and a site to read, at first without anything that works.
pub struct Session {
    base: Base,
    settings: worker::Settings,
    jobs: Wake,
    tasks: Tasks,
    grace: Duration,
}

impl Session {
    /// Opens the database of the configured site.
    ///
    /// # Errors
    /// What is wrong, with what to do about it.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let base = Parts::of(config)?.open(config, false).await?;
        // What `serve` does after a full run is not this process's to wait for.
        let settings = worker::Settings { sweep_after_full: false, ..worker_settings(config) };
        Ok(Self { base, settings, jobs: Wake::default(), tasks: Tasks::new(), grace: config.server.shutdown_timeout })
    }

    /// What the use cases need.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.base.context
    }

    /// Its tasks, to run something beside the workers and to stop them.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Starts or joins a full run.
    ///
    /// # Errors
    /// The database's.
    pub async fn start_full_run(&self) -> Result<Option<Started>, StoreError> {
        begin::full_run(&self.base, Full::Now).await
    }

    /// Works jobs from now on.
    pub fn work(&self) {
        worker::start(self.context().clone(), self.settings, self.jobs.clone(), &self.tasks, self.tasks.stop());
    }

    /// Conducts runs from now on.
    pub fn conduct(&self) {
        let context = self.context().clone();
        worker::start_conductor(context, self.settings, self.jobs.clone(), &self.tasks, self.tasks.stop());
    }

    /// Waits until a task stops it, or a signal.
    pub async fn run(self) -> ExitReason {
        let reason = self.tasks.run_until_stopped(self.grace).await;
        self.base.context.store.close().await;
        reason
    }
}
