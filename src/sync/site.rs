//! What this process knows about the ERPNext site at the moment: paused, in trouble or well, and which fields a doctype has.
//!
//! Invariant: while paused no job is claimed and no attempt is burned; only [`probe`] ends a pause. Trouble stops nothing,
//! it is only told. Every replica learns both by itself: they are facts about the key and the network of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::SyncError;
use super::matching::Unread;
use crate::domain::filter::Filter;
use crate::domain::hint::Doctype;
use crate::erpnext::{Canaries, Client, DoctypeMeta, Error, List, Work};

/// How long a doctype's field list is trusted. A permission taken away is seen by missing keys, not by this.
const META_FRESH: Duration = Duration::from_secs(600);

/// How many other customers are tried before our request itself is held to be what ERPNext refuses.
const OTHERS: usize = 5;

/// How long a doctype is left alone that the key may not read although that would only be useful.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// Shared by workers, receiver and `/readyz`.
#[derive(Debug, Default)]
pub struct Site {
    pause: Mutex<Option<Pause>>,
    trouble: Mutex<Option<String>>,
    changed: Notify,
    /// Told when a pause or trouble ends; remembered until somebody looks.
    back: Notify,
    refused: Mutex<HashMap<&'static str, Instant>>,
    meta: Mutex<HashMap<Doctype, (Instant, Arc<DoctypeMeta>)>>,
    /// Whether rows of ours wait to be read from it for the first time.
    pub unread: Unread,
}

/// Why nothing is read from ERPNext at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What is wrong and what to do.
    pub reason: String,
}

impl Site {
    /// Stops all reading until [`probe`] succeeds.
    pub fn pause(&self, reason: String) {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if pause.is_none() {
            tracing::error!(reason = %reason, "sync paused: it is tried again by itself");
        }
        *pause = Some(Pause { reason });
        drop(pause);
        self.changed.notify_waiters();
    }

    /// Goes on reading.
    pub fn resume(&self) {
        if self.pause.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("sync resumed: ERPNext answers again");
            self.back.notify_one();
        }
        self.changed.notify_waiters();
    }

    /// A key that is refused stops everything, whoever met it: the failure is then a pause.
    #[must_use]
    pub fn judge(&self, error: SyncError) -> SyncError {
        match error {
            SyncError::Erpnext(refused @ Error::Unauthorized { .. }) => {
                let reason = refused.without_detail();
                self.pause(reason.clone());
                SyncError::Paused(reason)
            }
            other => other,
        }
    }

    /// The pause, if there is one.
    #[must_use]
    pub fn paused(&self) -> Option<Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that ERPNext could not be asked, and why; logged only where that is news.
    pub fn trouble(&self, error: &Error) {
        if matches!(error, Error::BreakerOpen { .. } | Error::Paced { .. } | Error::RateLimited { .. } | Error::Busy) {
            // Not asked at all, or asked too much: says nothing new about the site.
            return;
        }
        let reason = error.without_detail();
        let before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).replace(reason.clone());
        if before.as_ref() != Some(&reason) {
            tracing::warn!(label = error.label(), error = %reason, "ERPNext could not be read: it is tried again by itself");
        }
        self.changed.notify_waiters();
    }

    /// Notes that ERPNext answered as it should.
    pub fn well(&self) {
        if self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("ERPNext answers again");
            self.back.notify_one();
        }
    }

    /// Why ERPNext could not be asked the last time; `None` after it answered.
    #[must_use]
    pub fn troubled(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the next end of a pause or of trouble; one that came since the last wait counts. For one caller.
    pub async fn back(&self) {
        self.back.notified().await;
    }

    /// Notes that the key may not read a doctype that is only useful to read: it is left alone for some minutes.
    pub fn refused(&self, doctype: &'static str) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(doctype, Instant::now());
    }

    /// Whether that doctype is left alone at the moment.
    #[must_use]
    pub fn is_refused(&self, doctype: &str) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(doctype).is_some_and(|since| since.elapsed() < REFUSED_FOR)
    }

    /// Waits until the site is not paused.
    pub async fn until_not_paused(&self) {
        self.until(|site| site.paused().is_none()).await;
    }

    /// Waits until the site is paused or in trouble, so that a probe is worth while.
    pub async fn until_probe(&self) {
        self.until(|site| site.paused().is_some() || site.troubled().is_some()).await;
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }

    /// The fields of a doctype, read at most every ten minutes.
    ///
    /// # Errors
    /// As ERPNext answers.
    pub async fn meta(&self, client: &Client, doctype: Doctype) -> Result<Arc<DoctypeMeta>, Error> {
        let known = self.meta.lock().unwrap_or_else(PoisonError::into_inner).get(&doctype).cloned();
        if let Some((read_at, meta)) = known
            && read_at.elapsed() < META_FRESH
        {
            return Ok(meta);
        }
        let meta = Arc::new(client.doctype(doctype.as_str()).await?);
        self.meta.lock().unwrap_or_else(PoisonError::into_inner).insert(doctype, (Instant::now(), Arc::clone(&meta)));
        Ok(meta)
    }
}

/// Whether the key still works: it can sign in and may list customers.
///
/// # Errors
/// What ERPNext answered.
pub async fn probe(client: &Client) -> Result<(), Error> {
    client.logged_user().await?;
    let one = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["name"],
        filters: json!([]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 1,
    };
    client.list(&one, Work::Interactive).await.map(drop)
}

/// Reads some customer that is not among `avoid`, in just the way that batches are read. Several are tried, because the
/// first may be broken too; those that nobody touched for longest, because what breaks is mostly new. Nothing to read is
/// success.
///
/// # Errors
/// What ERPNext answered to the last one.
pub async fn read_another(client: &Client, filter: Option<&Filter>, avoid: &[&str]) -> Result<(), Error> {
    let others = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["name", "modified"],
        filters: json!([["name", "not in", avoid]]),
        or_filters: Value::Null,
        order_by: "modified asc, name asc",
        limit: OTHERS,
    };
    let mut read = Ok(());
    for other in client.list(&others, Work::Interactive).await? {
        let Some(name) = other.get("name").and_then(Value::as_str) else { continue };
        read =
            client.read_customers(&[name.to_owned()], &Canaries::default(), filter, Work::Interactive).await.map(drop);
        if !matches!(read, Err(Error::Invalid { .. })) {
            break;
        }
    }
    read
}
