//! Erasing customers: their personal data goes, in place and for good; ids stay, and marks that keep them empty.
//!
//! Invariant: a customer is erased in one transaction or not at all, under the locks of the workers and in their order.
//! Its jobs are deleted in it, so whoever read its document before has lost the lease and writes nothing. Only bodies of
//! webhooks are emptied before, in `traces`: that is harmless by itself, and too long for a transaction.
//!
//! `rows` empties what belongs to the row, `marks` knows who was erased, `traces` finds where else the names are, `forget`
//! keeps out what ERPNext tells later. Who may erase, and which document is an erased one's, is `sync::erase`'s business.

mod forget;
mod marks;
mod rows;
mod tombstones;
mod traces;

use std::collections::BTreeMap;

use super::db::Statement;
use super::transact::{Caller, transact_or_not};
use super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::erasure::ErasedBy;

pub(super) use forget::forget;

pub(super) static ALL: &[&[&Statement]] = &[forget::ALL, marks::ALL, rows::ALL, tombstones::ALL, traces::ALL];

/// What became of one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// Its personal data is gone.
    Done,
    /// It was erased before.
    Already,
    /// There is no such row.
    Unknown,
}

impl Store {
    /// Erases customers, one by one; webhooks are searched for all of them in one pass.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; [`StoreError::Refused`] where a column of an adopted table may not
    /// be empty. Those that came before are erased then.
    pub async fn erase(&self, ids: &[CustomerId], by: ErasedBy) -> Result<BTreeMap<CustomerId, Erased>, StoreError> {
        let what = "erase a customer";
        let key = self.ensure_mark_key().await?;
        self.empty_deliveries_of(ids).await?;
        let mut erased = BTreeMap::new();
        for id in ids {
            let end = transact_or_not!(self.attempts(what, Caller::Worker), |tx| rows::erase(tx, &key, *id, by).await);
            erased.insert(*id, end.await?);
        }
        self.inner.pool.truncate_log().await.map_err(|error| StoreError::of(what, error))?;
        Ok(erased)
    }
}
