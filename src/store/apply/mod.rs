//! Writing what workers decided: rows, bookkeeping, history and the settlement of the jobs, in one transaction.
//!
//! Steps: `encoded` makes new rows before it begins, `present` locks and reads the rows as they are, `stale` sends back the units that saw something else,
//! `effects` works out what differs, `write` writes it, `runs` counts it for the full run that owns the job, `settle` settles the jobs last. Invariant: a unit is written
//! whole or not at all, and only while its lease holds. Why a row should change was decided before, in `sync`.

mod changes;
mod effects;
mod encoded;
mod present;
mod runs;
mod settle;
mod stale;
mod suggestions;
mod write;

use std::collections::BTreeSet;

use self::encoded::Encoded;
use super::db::{Statement, Tx};
use super::transact::{Caller, End, Fault, transact_or_not};
use super::{Store, StoreError, erase};
use crate::domain::job::{JobError, Outcome};
use crate::domain::plan::{Applied, Unit};
use crate::telemetry::metrics;

pub(super) use changes::{ByHand, record_by_hand, record_erased};
pub(super) use present::{ADDRESSES_OF, CONTACTS_OF};

pub(super) static ALL: &[&[&Statement]] = &[changes::ALL, present::ALL, runs::ALL, suggestions::ALL, write::ALL];

impl Store {
    /// Writes and settles the units, in one transaction; the answers are in the order of the units. Meant for up to 200.
    ///
    /// A unit whose rows have changed since identity saw them is due again, one whose lease was lost is left to its new
    /// holder, and one whose values the database refuses is dead with the reason; the others are not held up by any of
    /// them (a refused batch is repeated unit by unit).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`], [`StoreError::Bug`]; nothing was written then, or, where the
    /// connection broke during the commit, all of it: the jobs are claimed again after their lease and find it done.
    pub async fn apply(&self, units: &[Unit]) -> Result<Vec<Applied>, StoreError> {
        match self.apply_together(units).await {
            Err(StoreError::Refused { .. }) => {
                let mut applied = Vec::with_capacity(units.len());
                for unit in units {
                    applied.push(self.apply_alone(unit.clone()).await?);
                }
                Ok(applied)
            }
            result => result,
        }
    }

    async fn apply_alone(&self, unit: Unit) -> Result<Applied, StoreError> {
        let mut unit = [unit];
        let refused = match self.apply_together(&unit).await {
            Ok(mut applied) => return Ok(applied.pop().unwrap_or(Applied::LeaseLost)),
            Err(error) => match &error {
                StoreError::Refused { reason, .. } => JobError::new(
                    error.label(),
                    format!(
                        "{error}: {reason}. Change the value in ERPNext, or the column's type or rule, then retry the job"
                    ),
                ),
                _ => return Err(error),
            },
        };
        let [only] = &mut unit;
        only.writes.clear();
        only.puts.clear();
        only.outcome = Outcome::Dead(refused.clone());
        let mut applied = self.apply_together(&unit).await?;
        Ok(match applied.pop() {
            Some(Applied::Written(_)) => Applied::Refused(refused),
            _ => Applied::LeaseLost,
        })
    }

    async fn apply_together(&self, units: &[Unit]) -> Result<Vec<Applied>, StoreError> {
        let encoded = units.iter().map(Encoded::of).collect::<Result<Vec<_>, _>>();
        let encoded = encoded.map_err(|error| StoreError::bug("write customers", error))?;
        let mut lost: BTreeSet<usize> = BTreeSet::new();
        let mut raced: BTreeSet<usize> = BTreeSet::new();
        loop {
            if lost.len() == units.len() {
                return Ok(vec![Applied::LeaseLost; units.len()]);
            }
            let end = transact_or_not!(self.attempts("write customers", Caller::Worker), |tx| attempt(
                tx, units, &encoded, &lost, &raced
            )
            .await)
            .await?;
            match end {
                Attempt::Done(applied) => return Ok(applied),
                Attempt::LeasesLost(more) => {
                    metrics::transaction_repeated("lease_lost");
                    lost.extend(more);
                }
                Attempt::Raced(more) => {
                    metrics::transaction_repeated("overtaken");
                    raced.extend(more);
                }
            }
        }
    }
}

enum Attempt {
    Done(Vec<Applied>),
    /// Indices of the units whose leases were lost; nothing was written.
    LeasesLost(Vec<usize>),
    /// Indices of the units whose new row somebody else stored under another name; nothing was written.
    Raced(BTreeSet<usize>),
}

async fn attempt(
    tx: &mut Tx,
    units: &[Unit],
    encoded: &[Vec<Option<Encoded>>],
    lost: &BTreeSet<usize>,
    raced: &BTreeSet<usize>,
) -> Result<End<Attempt>, Fault> {
    let present = present::lock(tx, units).await?;
    let holders = present::holders(tx, units).await?;
    let stale = stale::find(units, lost, raced, &present, &holders);
    let alive: Vec<(usize, &Unit)> =
        units.iter().enumerate().filter(|(index, _)| !lost.contains(index) && !stale.contains(index)).collect();
    let linked = present::linked(tx, &alive).await?;
    let mut effects = effects::work_out(&alive, encoded, &present, &linked)?;
    write::rows(tx, &mut effects).await?;
    let written = effects.written(&alive);
    runs::count(tx, &alive, &written).await?;
    changes::record(tx, &effects).await?;
    let more = present::raced(tx, &alive, &effects.new_rows()).await?;
    if !more.is_empty() {
        return Ok(End::RollBack(Attempt::Raced(more)));
    }
    erase::forget(tx, &effects.forget).await?;
    let more = settle::jobs(tx, units, lost, &stale).await?;
    if !more.is_empty() {
        return Ok(End::RollBack(Attempt::LeasesLost(more)));
    }
    let mut applied: Vec<Applied> =
        (0..units.len()).map(|index| if lost.contains(&index) { Applied::LeaseLost } else { Applied::Stale }).collect();
    for (index, written) in written {
        applied[index] = Applied::Written(written);
    }
    Ok(End::Commit(Attempt::Done(applied)))
}
