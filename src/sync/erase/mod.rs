//! Erasing customers for good: who is meant, and what a person is told; `known` tells their documents from others'.
//!
//! Invariant: nothing brings an erased customer back, neither a webhook nor a run. There is no way back on purpose: what is
//! left of it cannot say who it was. The rows are `store::erase`'s business.

pub mod known;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::customer::CustomerId;
use crate::domain::erasure::ErasedBy;
use crate::store::{Erased, Store, StoreError};

/// Why a customer cannot be erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// There is no such row.
    #[error("there is no customer {0}")]
    NoCustomer(CustomerId),
    /// No row has that name. (It is the caller's own word, and may be shown to nobody else.)
    #[error(
        "no customer here has this name in ERPNext: give the id of its row (customers.id), or the name as ERPNext shows it"
    )]
    NoName,
    /// Our own database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Erased)]
pub struct Outcome {
    /// The row.
    #[schema(value_type = i64)]
    pub customer: CustomerId,
    /// `erased`, or `unchanged` where it was erased before.
    pub effect: &'static str,
}

/// The row that is meant by an id of ours or, where it is no number, by ERPNext's name.
///
/// # Errors
/// [`EraseError::NoCustomer`], [`EraseError::NoName`], and the database's.
pub async fn find(store: &Store, id_or_name: &str) -> Result<CustomerId, EraseError> {
    if let Ok(id) = id_or_name.parse::<CustomerId>() {
        return match store.customer(id).await? {
            Some(_row) => Ok(id),
            None => Err(EraseError::NoCustomer(id)),
        };
    }
    let held = store.held(&[id_or_name.to_owned()], &[]).await?;
    held.first().map(|row| row.seen.id).ok_or(EraseError::NoName)
}

/// Erases one customer.
///
/// # Errors
/// [`EraseError::NoCustomer`], and the database's; nothing of the row was changed then.
pub async fn erase(store: &Store, id: CustomerId) -> Result<Outcome, EraseError> {
    match store.erase(&[id], ErasedBy::Person).await?.remove(&id) {
        Some(Erased::Done) => {
            tracing::info!(customer = id, "a person erased a customer");
            Ok(Outcome { customer: id, effect: "erased" })
        }
        Some(Erased::Already) => Ok(Outcome { customer: id, effect: "unchanged" }),
        Some(Erased::Unknown) | None => Err(EraseError::NoCustomer(id)),
    }
}
