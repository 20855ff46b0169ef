//! How runs come along, for people who watch.
//!
//! Invariant: while nobody watches, nothing is asked; while some do, one task of the process asks for all of them. A
//! watcher is told how each of the latest runs stands whenever that differs from what it was told last, the end
//! included; that time goes by is no difference.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::runs::{self, Run};
use crate::domain::run::RunId;
use crate::store::{RunFilter, StoreError};

/// How often a run is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Runs looked at, the newest ones.
const RUNS: u32 = 5;

type Standing = BTreeMap<RunId, Shown>;

/// A run as it stands.
struct Shown {
    json: Arc<RawValue>,
    /// The same without what changes by itself while a run is held or stands still.
    lasting: String,
}

/// The progress of runs. Cheap to clone; clones share one look at the database.
#[derive(Clone)]
pub struct Progress {
    standing: Arc<watch::Sender<Arc<Standing>>>,
    asked: Arc<Notify>,
}

/// One who watches.
pub struct Watcher {
    standing: watch::Receiver<Arc<Standing>>,
    told: Arc<Standing>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { standing: Arc::new(watch::Sender::default()), asked: Arc::default() }
    }
}

impl Progress {
    /// Begins to watch: the first answer is how the latest runs stand now.
    #[must_use]
    pub fn watch(&self) -> Watcher {
        let watcher = Watcher { standing: self.standing.subscribe(), told: Arc::default() };
        self.asked.notify_one();
        watcher
    }

    /// Looks while somebody watches, until `stop`.
    pub async fn keep(self, context: Context, stop: CancellationToken) {
        while stop.run_until_cancelled(self.somebody_watches()).await.is_some() {
            match standing(&context).await {
                Ok(now) => {
                    self.standing.send_replace(Arc::new(now));
                }
                Err(error) => tracing::debug!(%error, "runs could not be read for those who watch"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn somebody_watches(&self) {
        while self.standing.receiver_count() == 0 {
            self.asked.notified().await;
        }
    }
}

impl Watcher {
    /// Those runs as JSON (see [`runs::Run`]) that stand differently from what was told, oldest first. Waits for one.
    pub async fn changed(&mut self) -> Vec<Arc<RawValue>> {
        loop {
            let now = Arc::clone(&self.standing.borrow_and_update());
            let news: Vec<_> = now
                .iter()
                .filter(|(run, shown)| self.told.get(run).is_none_or(|told| told.lasting != shown.lasting))
                .map(|(_run, shown)| Arc::clone(&shown.json))
                .collect();
            self.told = now;
            if !news.is_empty() {
                return news;
            }
            if self.standing.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn standing(context: &Context) -> Result<Standing, StoreError> {
    let rows = context.store.runs(&RunFilter { limit: RUNS, ..RunFilter::default() }).await?;
    let shown = |row| {
        let run = runs::view(context, row);
        let json = Arc::from(to_raw_value(&run).ok()?);
        let id = run.row.id;
        let lasting = Run { duration_ms: 0, rate: None, seconds_left: None, ..run };
        Some((id, Shown { json, lasting: serde_json::to_string(&lasting).ok()? }))
    };
    Ok(rows.into_iter().filter_map(shown).collect())
}
