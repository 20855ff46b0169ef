//! What the HTTP server, the delivery workers and the handle share.
//!
//! Invariant: the lock on the site is held for one request's work and never across an await; webhooks are queued
//! after the work is done, in the order of the commits.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use tokio::sync::{Semaphore, mpsc, watch};

use super::Options;
use super::delivery::Job;
use super::faults::Faults;
use super::rate_limit::Meter;
use super::refusal::Refusal;
use super::requests::Requests;
use super::site::Site;
use super::work::Work;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) faults: Faults,
    pub(super) requests: Requests,
    pub(super) meter: Meter,
    /// One permit per request that the site works on at once.
    pub(super) processes: Semaphore,
    site: RwLock<Site>,
    queue: mpsc::UnboundedSender<Job>,
    /// Webhooks that are queued or being tried.
    pending: watch::Sender<usize>,
    /// Open connections, to cut them.
    connections: Mutex<Vec<Weak<TcpStream>>>,
}

impl Shared {
    pub(super) fn new(options: Options, site: Site, queue: mpsc::UnboundedSender<Job>) -> Self {
        let meter = Meter::default();
        meter.set(options.rate_limit);
        Self {
            processes: Semaphore::new(options.pace.map_or(Semaphore::MAX_PERMITS, |pace| pace.processes.max(1))),
            options,
            faults: Faults::default(),
            requests: Requests::default(),
            meter,
            site: RwLock::new(site),
            queue,
            pending: watch::Sender::new(0),
            connections: Mutex::default(),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Site> {
        self.site.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Site> {
        self.site.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does some work on the site as that user; its webhooks are queued if it succeeds.
    pub(super) fn work<T>(
        &self,
        user: &str,
        act: impl FnOnce(&mut Work<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut site = self.write();
        self.finish(Work::new(&mut site, user), act)
    }

    /// As [`Shared::work`], without webhooks.
    pub(super) fn work_silently<T>(
        &self,
        user: &str,
        act: impl FnOnce(&mut Work<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut site = self.write();
        self.finish(Work::silently(&mut site, user), act)
    }

    /// All of the work, or nothing of it.
    fn finish<T>(
        &self,
        mut work: Work<'_>,
        act: impl FnOnce(&mut Work<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        work.site.begin();
        let done = act(&mut work);
        if done.is_ok() {
            work.site.keep();
            self.enqueue(work.commit());
        } else {
            work.site.roll_back();
        }
        done
    }

    fn enqueue(&self, jobs: Vec<Job>) {
        for job in jobs {
            self.pending.send_modify(|pending| *pending += 1);
            if self.queue.send(job).is_err() {
                self.delivered();
            }
        }
    }

    /// One webhook has been delivered or lost.
    pub(super) fn delivered(&self) {
        self.pending.send_modify(|pending| *pending = pending.saturating_sub(1));
    }

    /// Returns when no webhook waits or is being tried.
    pub(super) async fn settled(&self) {
        // It can only fail when the sender is gone, and that is ours.
        drop(self.pending.subscribe().wait_for(|pending| *pending == 0).await);
    }

    pub(super) fn remember(&self, connection: &Arc<TcpStream>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(connection));
    }

    /// Cuts every open connection.
    pub(super) fn cut_connections(&self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in connections.drain(..).filter_map(|connection| connection.upgrade()) {
            // It may be closed already, which is just as well.
            drop(connection.shutdown(std::net::Shutdown::Both));
        }
    }
}
