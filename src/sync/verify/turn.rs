//! What a process does when the schedule of `verify` is due: compares a sample, remembers the result, repairs.
//!
//! Invariant: the repair is a full run, which says why it was started; nothing is corrected beside the workers. The result
//! is kept in `sync_meta`, so that every process shows the same gauge, whoever compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Event, Report, Scope};
use crate::domain::customer::CustomerId;
use crate::domain::difference::DifferenceKind;
use crate::domain::run::{RunCause, RunId, RunKind, RunState};
use crate::store::{Store, StoreError};
use crate::sync::{Context, SyncError, runs};

/// The last result, as JSON.
const META_VERIFIED: &str = "verified";

/// How a turn is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Customers to compare.
    pub sample: usize,
    /// How long a customer must differ, without anything moving, to count as drift.
    pub settle: Duration,
    /// Whether drift starts a full run.
    pub repair: bool,
}

/// The last scheduled comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verified {
    /// When, in milliseconds since 1970 UTC by the database's clock.
    pub at: i64,
    /// Customers that were compared.
    pub checked: u64,
    /// Differences by kind; none: no entry.
    pub found: BTreeMap<DifferenceKind, u64>,
}

/// What came of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turned {
    /// Not now, for this reason: every customer is about to be read anyway.
    Waits(&'static str),
    /// So many were compared, and all is as it should be.
    Equal(u64),
    /// This differs.
    Drift {
        /// Differences that are to be repaired.
        drift: u64,
        /// Customers that were compared.
        checked: u64,
        /// Whether a full run repairs them.
        repaired: bool,
    },
}

/// Does one turn.
///
/// # Errors
/// ERPNext or the database could not answer.
pub async fn turn(context: &Context, settings: Settings) -> Result<Turned, SyncError> {
    let store = &context.store;
    if let Some(reason) = reason_to_wait(store).await? {
        return Ok(Turned::Waits(reason));
    }
    let mut changed_here: BTreeSet<CustomerId> = BTreeSet::new();
    let scope = Scope::Sample(settings.sample);
    let report = super::run(context, &scope, settings.settle, &mut |event| {
        if let Event::Found(difference) = event {
            tracing::debug!(
                kind = difference.kind.as_str(),
                name = difference.erpnext_id,
                why = difference.why,
                "a customer differs from ERPNext"
            );
            changed_here.extend(difference.customer.filter(|_customer| difference.changed_here));
        }
    })
    .await?
    .unwrap_or_default();
    remember(store, &report).await?;
    let (drift, checked) = (report.drift(), report.checked);
    if drift == 0 {
        return Ok(Turned::Equal(checked));
    }
    if settings.repair {
        let run = repair(context, &changed_here).await?;
        tracing::warn!(drift, checked, run, "customers differ from ERPNext: a full run reads all of them anew");
    } else {
        tracing::warn!(drift, checked, "customers differ from ERPNext; as schedule.full is off, they stay so");
    }
    Ok(Turned::Drift { drift, checked, repaired: settings.repair })
}

/// Starts the full run that repairs drift, also in rows that another program changed here; or joins one.
///
/// # Errors
/// The database's.
pub async fn repair(context: &Context, changed_here: &BTreeSet<CustomerId>) -> Result<RunId, SyncError> {
    let changed_here: Vec<CustomerId> = changed_here.iter().copied().collect();
    context.store.distrust(&changed_here).await?;
    Ok(runs::start(context, RunKind::Full, RunCause::Drift).await?.run)
}

/// The last result of any process; `None` before the first.
///
/// # Errors
/// The database's.
pub async fn last(store: &Store) -> Result<Option<Verified>, StoreError> {
    let stored = store.meta(META_VERIFIED).await?;
    Ok(stored.and_then(|stored| serde_json::from_str(&stored).ok()))
}

async fn remember(store: &Store, report: &Report) -> Result<(), SyncError> {
    let Report { checked, found, .. } = report;
    let verified = Verified { at: store.now().await?, checked: *checked, found: found.clone() };
    Ok(store.set_meta(META_VERIFIED, &serde_json::to_string(&verified)?).await?)
}

async fn reason_to_wait(store: &Store) -> Result<Option<&'static str>, StoreError> {
    if store.last_run(RunKind::Full, RunState::Running).await?.is_some() {
        return Ok(Some("waits for the end of a full run"));
    }
    for state in [RunState::Succeeded, RunState::Partial] {
        if store.last_run(RunKind::Full, state).await?.is_some() {
            return Ok(None);
        }
    }
    Ok(Some("waits for the first full run"))
}
