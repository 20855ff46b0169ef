//! Finding one customer by what ERPNext calls it, or once called it.
//!
//! Invariant: only reads. Names are compared exactly, as the column is; who has a name now comes before who had it. A
//! customer that was merged is answered as it is, with `merged_into`: it is another one than the one it went into.

use crate::store::{CustomerDetail, Store, StoreError};

/// A customer that was asked for by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// As it is now.
    pub customer: CustomerDetail,
    /// Whether the name is one that it had before.
    pub by_former_name: bool,
}

/// The customer that has that name in ERPNext, else the one that had it last.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn by_erpnext_id(store: &Store, name: &str) -> Result<Option<Found>, StoreError> {
    let held = store.held(&[name.to_owned()], &[]).await?;
    let (id, by_former_name) = match held.first() {
        Some(row) => (row.seen.id, false),
        None => match store.alias(name).await? {
            Some(id) => (id, true),
            None => return Ok(None),
        },
    };
    let found = store.customer(id).await?;
    Ok(found.map(|customer| Found { customer, by_former_name }))
}
