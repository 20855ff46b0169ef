//! Documents that exist although no list shows them: a User Permission hides them from the key's user.
//!
//! Invariant: a row whose `creation` some hidden document has is never taken for gone, whatever a 404 on its name or a list
//! says: it may have been renamed to a name that we cannot see. `frappe.client.get_count` counts what lists leave out.

use std::collections::HashSet;

use serde_json::json;

use super::identity::Pair;
use super::{Context, SyncError};
use crate::domain::hint::Doctype;
use crate::erpnext::Error;

/// Which of these `creation`s a customer has that is not among the visible ones. One question where there is none.
///
/// # Errors
/// What ERPNext answered.
pub(super) async fn concealed(
    context: &Context,
    creations: &HashSet<String>,
    visible: &[Pair],
) -> Result<HashSet<String>, SyncError> {
    let all: Vec<&str> = creations.iter().map(String::as_str).collect();
    let mut concealed = HashSet::new();
    if all.is_empty() || !more_than_visible(context, &all, visible).await? {
        return Ok(concealed);
    }
    for creation in creations {
        if more_than_visible(context, &[creation], visible).await? {
            concealed.insert(creation.clone());
        }
    }
    Ok(concealed)
}

async fn more_than_visible(context: &Context, creations: &[&str], visible: &[Pair]) -> Result<bool, SyncError> {
    let filters = json!([["creation", "in", creations]]);
    let seen = visible.iter().filter(|pair| creations.contains(&pair.creation.as_str())).count();
    match context.client.count_where(Doctype::Customer.as_str(), &filters).await {
        Ok(count) => Ok(usize::try_from(count).is_ok_and(|count| count > seen)),
        // Not every version lets everybody count; then lists are all that there is to go by.
        Err(Error::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
