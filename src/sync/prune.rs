//! Forgets old history, so that no table grows for ever.
//!
//! Invariant: what is kept, and how much of it, is `[retention]` alone; customers themselves are never pruned.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::Retention;
use crate::store::{Store, StoreError};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Rows that were forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Received webhooks.
    pub deliveries: u64,
    /// Changes of customers.
    pub changes: u64,
    /// Runs that are over.
    pub runs: u64,
}

/// Forgets what is older, or more, than is to be kept.
///
/// # Errors
/// The database's; what was forgotten by then stays forgotten.
pub async fn prune(store: &Store, keep: &Retention) -> Result<Pruned, StoreError> {
    let pruned = Pruned {
        deliveries: store.prune_deliveries(days(keep.deliveries_days), rows(keep.deliveries_rows)).await?,
        changes: store.prune_changes(days(keep.changes_days), rows(keep.changes_rows)).await?,
        runs: store.prune_runs(days(keep.runs_days), rows(keep.runs_rows)).await?,
    };
    if pruned != Pruned::default() {
        let Pruned { deliveries, changes, runs } = pruned;
        tracing::info!(deliveries, changes, runs, "old history forgotten");
    }
    Ok(pruned)
}

fn days(days: NonZeroU32) -> Duration {
    DAY.saturating_mul(days.get())
}

fn rows(rows: NonZeroU32) -> u64 {
    u64::from(rows.get())
}
