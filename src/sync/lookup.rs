//! Finding one customer by what ERPNext calls it, or once called it.
//!
//! Invariant: only reads. Names are compared exactly, as the column is; who has a name now comes before who had it. A
//! customer that was merged is answered as it is, with `merged_into`: it is another one than the one it went into.

use crate::domain::hint::Doctype;
use crate::domain::job::DocKey;
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

/// The documents in ERPNext that a customer is made of: its own, its Addresses and its Contacts.
#[must_use]
pub fn documents(customer: &CustomerDetail) -> Vec<DocKey> {
    let own = customer.row.customer.erpnext_id.iter().map(|name| (Doctype::Customer, name));
    let addresses = customer.addresses.iter().map(|address| (Doctype::Address, &address.erpnext_id));
    let contacts = customer.contacts.iter().map(|contact| (Doctype::Contact, &contact.erpnext_id));
    let all = own.chain(addresses).chain(contacts);
    all.map(|(doctype, name)| DocKey { doctype, name: name.clone() }).collect()
}
