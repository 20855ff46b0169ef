//! The jobs of the units: checked, raised by puts, settled; the last step before the commit.
//!
//! Invariant: claims and puts are locked together, sorted, so that two transactions never wait for each other here. A
//! put on a unit's own key counts before its settlement: the job is then due again instead of done.

use std::collections::BTreeSet;

use super::super::db::Tx;
use super::super::jobs::{Settlement, lock_jobs, merge, put_rows, settle_jobs};
use super::super::transact::Fault;
use crate::domain::job::{DocKey, Outcome};
use crate::domain::plan::Unit;

/// Settles all units but the lost ones, stale ones as due again. Returns the units whose lease turns out to be lost;
/// nothing was settled then, and the transaction has to be rolled back.
pub(super) async fn jobs(
    tx: &mut Tx,
    units: &[Unit],
    lost: &BTreeSet<usize>,
    stale: &BTreeSet<usize>,
) -> Result<Vec<usize>, Fault> {
    let mine = || units.iter().enumerate().filter(|(index, _)| !lost.contains(index));
    let puts: Vec<_> = mine().filter(|(index, _)| !stale.contains(index)).flat_map(|(_, unit)| &unit.puts).collect();
    let put_keys: BTreeSet<&DocKey> = puts.iter().map(|put| &put.key).collect();
    let mut keys: BTreeSet<&DocKey> = mine().map(|(_, unit)| &unit.claim.key).collect();
    keys.extend(&put_keys);
    let keys: Vec<&DocKey> = keys.into_iter().collect();
    let locked = lock_jobs(tx, &keys).await?;
    let mut more = Vec::new();
    let mut settlements = Vec::with_capacity(units.len());
    for (index, unit) in mine() {
        match locked.get(&unit.claim.key).filter(|job| job.token == Some(unit.claim.token)) {
            None => more.push(index),
            Some(job) => settlements.push(Settlement {
                claim: &unit.claim,
                outcome: if stale.contains(&index) { &Outcome::Again } else { &unit.outcome },
                job: *job,
                put_again: put_keys.contains(&unit.claim.key),
            }),
        }
    }
    if more.is_empty() {
        put_rows(tx, &merge(puts)).await?;
        settle_jobs(tx, &settlements).await?;
    }
    Ok(more)
}
