//! The change feed: everything that happened to customers, in the order of commits, followed by many readers at once.
//!
//! Invariant: a reader who goes on behind the last `seq` it was given misses nothing, whoever wrote it (this process,
//! another replica, a command): what is handed out was read from the table in the order of `seq`, and what was pruned is
//! told as [`FeedError::Pruned`]. While somebody waits, one task of the process looks for news and remembers the
//! newest changes as JSON, so that a hundred readers cost about as much as one; while nobody waits, nothing is asked.
//!
//! Rejected: waking readers from the writers of this process (replicas write too, so the look is needed anyhow).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::change::ChangeKind;
use crate::store::{ChangeRow, ChangeSignal, Store, StoreError};

/// How soon a change is seen where the database does not announce it.
const LOOK: Duration = Duration::from_millis(200);
/// The same where it does: announcements may get lost with their connection.
const LOOK_IN_CASE: Duration = Duration::from_secs(2);
/// After an announcement: a busy writer announces each of its transactions, and one look takes up many.
const GATHER: Duration = Duration::from_millis(10);
/// Pause after a failed look.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Changes remembered for readers, at most so many, and so many bytes.
const REMEMBERED: usize = 4_096;
const REMEMBERED_BYTES: usize = 4 << 20;
/// Rows of one look.
const LOOKED_AT: u32 = 500;
/// More changes than these are not caught up with.
const FAR: i64 = 2_000;

/// Why the feed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Changes behind that `seq` were pruned.
    #[error("changes before {first} are no longer kept: read the customers anew, then go on behind {last}")]
    Pruned {
        /// The oldest one that is kept.
        first: i64,
        /// The newest one.
        last: i64,
    },
    /// There is no such `seq` yet: the reader followed another database.
    #[error("there is no change {after} yet, the newest is {last}: is this the feed of another database?")]
    Ahead {
        /// What was asked for.
        after: i64,
        /// The newest one.
        last: i64,
    },
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A change that is no JSON.
    #[error("a change cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// One change, ready to be sent.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Place in the feed.
    pub seq: i64,
    /// The change as JSON; see [`ChangeRow`].
    pub json: Arc<RawValue>,
}

/// The feed of one database. Cheap to clone; clones share what is remembered.
#[derive(Clone)]
pub struct Feed {
    store: Store,
    recent: Arc<Mutex<Recent>>,
    /// The newest `seq` that the looking task has seen. Its receivers are those who wait.
    seen: Arc<watch::Sender<i64>>,
    /// Somebody began to wait.
    asked: Arc<Notify>,
}

/// The newest changes without a gap.
#[derive(Default)]
struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Feed {
    /// The feed of that database; [`Feed::keep`] must run beside it.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, recent: Arc::default(), seen: Arc::new(watch::Sender::new(0)), asked: Arc::default() }
    }

    /// The `seq` of the newest change.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last(&self) -> Result<i64, StoreError> {
        self.store.last_change().await
    }

    /// At most `limit` changes behind `after`, oldest first; none where there are none yet.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn behind(&self, after: i64, limit: u32) -> Result<Vec<Entry>, FeedError> {
        let rows = self.store.changes_behind(after, limit).await?;
        match rows.first() {
            // Numbers have no gaps, so one means that rows between were pruned.
            Some(first) if first.seq > after.saturating_add(1) => {
                Err(FeedError::Pruned { first: first.seq, last: self.last().await? })
            }
            Some(_) => Ok(rows.iter().map(entry).collect::<Result<_, _>>()?),
            None => self.nothing_behind(after).await,
        }
    }

    async fn nothing_behind(&self, after: i64) -> Result<Vec<Entry>, FeedError> {
        let last = self.last().await?;
        if after > last {
            return Err(FeedError::Ahead { after, last });
        }
        // What came just now is found by the next call; without rows the counter is ahead of what is kept.
        match self.store.first_change().await? {
            None if after < last => Err(FeedError::Pruned { first: last.saturating_add(1), last }),
            _ => Ok(Vec::new()),
        }
    }

    /// As [`Feed::behind`], but waits until there is something, `stop` or the end of that time; fewer than `limit` does not
    /// mean that there are no more.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn follow(
        &self,
        after: i64,
        limit: u32,
        wait: Duration,
        stop: &CancellationToken,
    ) -> Result<Vec<Entry>, FeedError> {
        let until = tokio::time::Instant::now() + wait;
        // From here on somebody looks, so what is committed after the read below is seen.
        let mut seen = self.seen.subscribe();
        self.asked.notify_one();
        loop {
            let remembered = self.recent().behind(after, limit);
            let entries = match remembered {
                Some(entries) => entries,
                None => self.behind(after, limit).await?,
            };
            if !entries.is_empty() {
                return Ok(entries);
            }
            let news = async { seen.wait_for(|last| *last > after).await.is_ok() };
            tokio::select! {
                // Read again: the table decides.
                came = news => if !came { return Ok(entries) },
                () = tokio::time::sleep_until(until) => return Ok(entries),
                () = stop.cancelled() => return Ok(entries),
            }
        }
    }

    /// Looks for news while somebody waits, until `stop`.
    pub async fn keep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.somebody_waits()).await.is_some() {
            let mut signal = self.store.change_signal().await;
            while self.seen.receiver_count() > 0 {
                let pause = self.look(&signal).await;
                if stop.run_until_cancelled(news(&mut signal, pause)).await.is_none() {
                    return;
                }
            }
            // Nobody looks from here on, so nobody would learn what is erased meanwhile.
            self.recent().clear();
        }
    }

    async fn somebody_waits(&self) {
        while self.seen.receiver_count() == 0 {
            self.asked.notified().await;
        }
    }

    /// Takes up what is new; how long to rest now unless the database announces something.
    async fn look(&self, signal: &ChangeSignal) -> Duration {
        match self.take_up().await {
            Ok(()) if signal.announces() => LOOK_IN_CASE,
            Ok(()) => LOOK,
            Err(error) => {
                tracing::debug!(%error, "the change feed could not be read");
                AFTER_FAILURE
            }
        }
    }

    /// Takes up what was committed since the last look.
    async fn take_up(&self) -> Result<(), FeedError> {
        let last = self.last().await?;
        let mut known = self.recent().last().unwrap_or_default();
        if last.saturating_sub(known) > FAR {
            // Nobody waited for long: whoever is that far behind reads the table itself.
            self.recent().clear();
            known = last - 1;
        }
        while known < last {
            let rows = self.store.changes_behind(known, LOOKED_AT).await?;
            let Some(newest) = rows.last() else { break };
            let pruned = rows.first().is_some_and(|row| row.seq != known + 1);
            // What was read before still has the values that were erased.
            let erased = rows.iter().any(|row| row.kind == ChangeKind::Erased.as_str());
            if pruned || erased {
                self.recent().clear();
            }
            known = newest.seq;
            let entries = rows.iter().map(entry).collect::<Result<_, _>>()?;
            self.recent().take(entries);
        }
        self.seen.send_if_modified(|seen| std::mem::replace(seen, last) != last);
        Ok(())
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An announcement, or the end of that time.
async fn news(signal: &mut ChangeSignal, pause: Duration) {
    if tokio::time::timeout(pause, signal.changed()).await.is_ok() {
        tokio::time::sleep(GATHER).await;
    }
}

impl Recent {
    fn last(&self) -> Option<i64> {
        self.entries.back().map(|entry| entry.seq)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds what follows the newest one; the oldest are forgotten where it becomes too much.
    fn take(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.bytes += entry.json.get().len();
            self.entries.push_back(entry);
        }
        while self.entries.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.json.get().len();
        }
    }

    /// What follows `after`, if it is surely remembered.
    fn behind(&self, after: i64, limit: u32) -> Option<Vec<Entry>> {
        let first = self.entries.front()?.seq;
        let skipped = usize::try_from(after.checked_add(1)?.checked_sub(first)?).ok()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let entries: Vec<Entry> = self.entries.iter().skip(skipped).take(limit).cloned().collect();
        (!entries.is_empty()).then_some(entries)
    }
}

fn entry(row: &ChangeRow) -> Result<Entry, serde_json::Error> {
    Ok(Entry { seq: row.seq, json: to_raw_value(row)?.into() })
}
