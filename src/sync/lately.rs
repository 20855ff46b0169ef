//! The last day in hours: webhooks that came, customers that changed, how soon after the webhook, and what no webhook told.
//!
//! Invariant: an hour that is over is looked at once in the life of the process, the present one at most every few seconds;
//! so a page that shows all of it costs a few bounded reads. What was pruned is missing, and so is told as nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::domain::job::Cause;
use crate::store::{SampledChange, Store, StoreError};

/// Hours that are shown.
pub const HOURS: usize = 24;
const HOUR: i64 = 3_600_000;
/// How old the present hour's numbers may be.
const FRESH: Duration = Duration::from_secs(5);
/// Changes of an hour that are looked at one by one; what is counted among them stands for the rest.
const SAMPLE: u32 = 500;

/// An hour of the last day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hour {
    /// When it began, in milliseconds since 1970 UTC by the database's clock.
    pub begins: i64,
    /// Webhooks that came.
    pub deliveries: u64,
    /// Customers that changed.
    pub changes: u64,
    /// Changes that polling found and no webhook told, about.
    pub missed: u64,
    /// From a webhook to the row that it changed, in the middle of all; `None` where there was none.
    pub lag: Option<Duration>,
}

/// The hours that were looked at. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    over: BTreeMap<i64, Hour>,
    /// The first change of each hour: the next one's is this one's end.
    first: BTreeMap<i64, i64>,
    last: Option<(Instant, Vec<Hour>)>,
}

impl Lately {
    /// The last 24 hours, the present one last.
    ///
    /// # Errors
    /// The database's.
    pub async fn day(&self, store: &Store) -> Result<Vec<Hour>, StoreError> {
        let mut known = self.known.lock().await;
        if let Some((at, hours)) = &known.last
            && at.elapsed() < FRESH
        {
            return Ok(hours.clone());
        }
        let present = store.now().await?.div_euclid(HOUR) * HOUR;
        let oldest = present - HOUR * i64::try_from(HOURS - 1).unwrap_or(0);
        known.over.retain(|begins, _hour| *begins >= oldest);
        known.first.retain(|begins, _seq| *begins >= oldest);
        let mut hours = Vec::with_capacity(HOURS);
        for begins in (oldest..=present).step_by(usize::try_from(HOUR).unwrap_or(1)) {
            hours.push(known.hour(store, begins, begins == present).await?);
        }
        known.last = Some((Instant::now(), hours.clone()));
        Ok(hours)
    }
}

impl Known {
    async fn hour(&mut self, store: &Store, begins: i64, present: bool) -> Result<Hour, StoreError> {
        if let Some(hour) = self.over.get(&begins) {
            return Ok(hour.clone());
        }
        let from = self.first_change(store, begins).await?;
        let to = if present { store.last_change().await? + 1 } else { self.first_change(store, begins + HOUR).await? };
        let sample = store.sampled_changes(from, to, SAMPLE).await?;
        let changes = u64::try_from(to - from).unwrap_or(0);
        let deliveries = store.deliveries_between(begins, begins + HOUR).await?;
        let hour = Hour { begins, deliveries, changes, missed: missed(&sample, changes), lag: lag(&sample) };
        if !present {
            self.over.insert(begins, hour.clone());
        }
        Ok(hour)
    }

    /// The `seq` of the first change at or after that time; the one behind the last where there is none yet.
    async fn first_change(&mut self, store: &Store, at: i64) -> Result<i64, StoreError> {
        if let Some(seq) = self.first.get(&at) {
            return Ok(*seq);
        }
        let (mut low, mut high) = (store.first_change().await?.unwrap_or(1), store.last_change().await? + 1);
        // Before `low` all are earlier, from `high` on none is.
        while low < high {
            let middle = low + (high - low) / 2;
            match store.change_at(middle).await? {
                Some((seq, written)) if milliseconds(&written) < at => low = seq + 1,
                _ => high = middle,
            }
        }
        self.first.insert(at, low);
        Ok(low)
    }
}

fn milliseconds(written: &str) -> i64 {
    written.parse().map_or(0, Timestamp::as_millisecond)
}

/// How many of all changes polling found, as far as the sample tells.
fn missed(sample: &[SampledChange], changes: u64) -> u64 {
    let polled = [Cause::CatchUp.as_str(), Cause::Sweep.as_str()];
    let found = sample.iter().filter(|change| polled.contains(&change.cause.as_str())).count() as u64;
    let looked_at = (sample.len() as u64).max(1);
    (found * changes).div_ceil(looked_at)
}

fn lag(sample: &[SampledChange]) -> Option<Duration> {
    let took = |change: &SampledChange| {
        let took = milliseconds(&change.changed_at) - change.received_at?;
        Some(Duration::from_millis(u64::try_from(took).unwrap_or(0)))
    };
    let mut all: Vec<Duration> = sample.iter().filter_map(took).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(cause: Cause, received_at: Option<i64>) -> SampledChange {
        let changed_at = "1970-01-01T00:00:01.000Z".to_owned();
        SampledChange { cause: cause.as_str().to_owned(), changed_at, received_at }
    }

    #[test]
    fn the_sample_stands_for_the_rest() {
        let sample = [change(Cause::Webhook, Some(0)), change(Cause::CatchUp, None)];
        assert_eq!((missed(&sample, 2), missed(&sample, 100), missed(&[], 0)), (1, 50, 0));
        assert_eq!(missed(&sample[..1], 5), 0);
    }

    #[test]
    fn the_lag_is_the_middle_one() {
        let sample = [Some(0), Some(900), Some(990), None].map(|received| change(Cause::Webhook, received));
        assert_eq!(lag(&sample), Some(Duration::from_millis(100)));
        assert_eq!(lag(&sample[3..]), None);
    }
}
