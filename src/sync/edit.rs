//! Making, changing and deleting customers by hand.
//!
//! Invariant: ERPNext's values are changed in ERPNext. Of a customer that belongs to a document there, a person may set only
//! columns that the mapping has no source for, and never delete it; whatever else would change is refused by name. A local
//! customer is a person's altogether, and as open to matching as one that an application inserted. Values are judged in
//! `domain::edit`, and all of it is decided on the row under lock (`store::edit`).

use super::Context;
use crate::domain::audit::Actor;
use crate::domain::customer::{Customer, CustomerId};
use crate::domain::edit::{self, Expected, FieldProblem, Fields, NewFields};
use crate::domain::hint::Doctype;
use crate::store::{CustomerDetail, CustomerRow, Edit, Edited, StoreError};

/// Why an edit was refused.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is no such row.
    #[error("there is no customer {0}")]
    NoCustomer(CustomerId),
    /// It is a tombstone.
    #[error("customer {0} is deleted, and cannot be changed any longer")]
    Deleted(CustomerId),
    /// It is not the version that was meant.
    #[error("the customer was changed meanwhile: read it again, and decide again")]
    Outdated {
        /// The version that it has now.
        present: String,
    },
    /// Values that cannot be taken.
    #[error("{}", told(.0))]
    Invalid(Vec<FieldProblem>),
    /// It belongs to a document of ERPNext, and so do these fields.
    #[error("{} of this customer come from ERPNext: change it in ERPNext, and it changes here", fields.join(", "))]
    OwnedByErpnext {
        /// The fields that would have changed.
        fields: Vec<String>,
        /// Where the document is seen in ERPNext.
        address: String,
    },
    /// It belongs to a document of ERPNext, so it goes when that goes.
    #[error(
        "this customer comes from ERPNext: delete it there, or unlink it first to make it local; to remove personal data \
         for good, erase it"
    )]
    DeletedInErpnext {
        /// Where the document is seen in ERPNext.
        address: String,
    },
    /// A value cannot be JSON, which its types rule out.
    #[error("the customer cannot be compared with the edit: {0}")]
    Json(#[from] serde_json::Error),
    /// Our own database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a local customer; `actor` is who does it, for the history.
///
/// # Errors
/// [`EditError::Invalid`], and the database's.
pub async fn create(context: &Context, fields: &NewFields, actor: &Actor) -> Result<CustomerDetail, EditError> {
    let customer = edit::new(fields).map_err(EditError::Invalid)?;
    Ok(context.store.insert_local(&customer, &actor.to_string()).await?)
}

/// Changes these fields of a customer; a value that it has already is no change.
///
/// # Errors
/// What stands in the way; nothing was changed then.
pub async fn change(
    context: &Context,
    id: CustomerId,
    expected: &Expected,
    fields: &Fields,
    actor: &Actor,
) -> Result<CustomerDetail, EditError> {
    let decide = |now: &CustomerDetail| {
        // First, for whoever has an older version would be told to read it anew and try again.
        if now.row.deleted_at.is_some() {
            return Err(EditError::Deleted(now.row.id));
        }
        check_version(now, expected)?;
        let customer = edit::merge(&now.row.customer, fields).map_err(EditError::Invalid)?;
        check_ownership(context, &now.row, &customer)?;
        Ok(Edit::Values(Box::new(customer)))
    };
    finish(id, context.store.edit(id, &actor.to_string(), decide).await?)
}

/// Marks a local customer deleted.
///
/// # Errors
/// What stands in the way; nothing was changed then.
pub async fn delete(
    context: &Context,
    id: CustomerId,
    expected: &Expected,
    actor: &Actor,
) -> Result<CustomerDetail, EditError> {
    let decide = |now: &CustomerDetail| {
        if now.row.deleted_at.is_some() {
            return Ok(Edit::Nothing);
        }
        check_version(now, expected)?;
        match document(&now.row) {
            Some(name) => Err(EditError::DeletedInErpnext { address: address(context, name) }),
            None => Ok(Edit::Tombstone),
        }
    };
    finish(id, context.store.edit(id, &actor.to_string(), decide).await?)
}

/// Where a document is seen in ERPNext, for people.
#[must_use]
pub fn address(context: &Context, name: &str) -> String {
    context.client.desk_address(Doctype::Customer, name).to_string()
}

fn check_version(now: &CustomerDetail, expected: &Expected) -> Result<(), EditError> {
    let present = now.version()?;
    if expected.includes(&present) { Ok(()) } else { Err(EditError::Outdated { present }) }
}

fn check_ownership(context: &Context, row: &CustomerRow, wanted: &Customer) -> Result<(), EditError> {
    let Some(name) = document(row) else { return Ok(()) };
    let changed = edit::changes(&row.customer, wanted)?.into_iter().map(|change| change.field);
    let fields: Vec<String> = changed.filter(|field| context.mapping.writes(field)).collect();
    if fields.is_empty() {
        return Ok(());
    }
    Err(EditError::OwnedByErpnext { fields, address: address(context, name) })
}

/// ERPNext's name of the document that a row belongs to.
fn document(row: &CustomerRow) -> Option<&str> {
    row.customer.erpnext_id.as_deref()
}

fn finish(id: CustomerId, edited: Edited<EditError>) -> Result<CustomerDetail, EditError> {
    match edited {
        Edited::Done(customer) => Ok(*customer),
        Edited::Unknown => Err(EditError::NoCustomer(id)),
        Edited::Refused(refusal) => Err(refusal),
    }
}

fn told(problems: &[FieldProblem]) -> String {
    let sentences: Vec<String> =
        problems.iter().map(|problem| format!("{} {}", problem.field, problem.message)).collect();
    sentences.join("; ")
}
