//! Forgets old history, so that no table grows for ever.
//!
//! Invariant: what is kept, and how much of it, is `[retention]` alone. Customers themselves are never pruned; tombstones are
//! emptied where that is wanted, so many in one turn that it never takes long.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::Retention;
use crate::domain::erasure::ErasedBy;
use crate::store::{Erased, Store, StoreError};

/// Tombstones that are erased in one turn.
const TOMBSTONES: u32 = 500;
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
    /// Tombstones that were erased.
    pub erased: u64,
    /// Entries of the audit log.
    pub audit: u64,
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
        erased: match keep.tombstones_days {
            Some(age) => erase(store, days(age)).await?,
            None => 0,
        },
        audit: store.prune_audit(days(keep.audit_days)).await?,
    };
    if pruned != Pruned::default() {
        let Pruned { deliveries, changes, runs, erased, audit } = pruned;
        tracing::info!(deliveries, changes, runs, erased, audit, "old history forgotten");
    }
    Ok(pruned)
}

/// Erases tombstones of that age; the rest of them in the next turn.
async fn erase(store: &Store, age: Duration) -> Result<u64, StoreError> {
    let old = store.old_tombstones(age, TOMBSTONES).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let erased = store.erase(&old, ErasedBy::Retention).await?;
    Ok(erased.into_values().map(|end| u64::from(end == Erased::Done)).sum())
}

fn days(days: NonZeroU32) -> Duration {
    DAY.saturating_mul(days.get())
}

fn rows(rows: NonZeroU32) -> u64 {
    u64::from(rows.get())
}
