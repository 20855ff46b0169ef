//! How many documents ERPNext has and how many of them the sync user may see.
//!
//! Invariant: ERPNext counts in two ways, one regards User Permissions and one does not; the difference is what is hidden.
//! A hidden document is missing from lists like a deleted one, so this number goes with everything that lists decide. It is
//! taken by each sweep and kept in `sync_meta` for `/readyz` and the metric of all processes.

use std::collections::BTreeMap;

use super::SyncError;
use super::conduct::{Conduct, Halt};
use crate::domain::hint::Doctype;
use crate::erpnext::Error;
use crate::store::{Store, StoreError};

/// The hidden documents by doctype, as JSON; empty where none are hidden.
const META_HIDDEN: &str = "hidden_rows";

/// What ERPNext counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// Customers that the sync user may see.
    pub visible: u64,
    /// Documents that it may not see, by doctype; only where there are some.
    pub hidden: BTreeMap<String, u64>,
}

impl Census {
    /// Counts, and remembers what is hidden.
    ///
    /// # Errors
    /// [`Halt`].
    pub async fn take(run: &Conduct) -> Result<Self, Halt> {
        let mut census = Self::default();
        for doctype in Doctype::ALL {
            let (visible, hidden) = count(run, doctype).await?;
            if doctype == Doctype::Customer {
                census.visible = visible;
            }
            if hidden > 0 {
                census.hidden.insert(doctype.as_str().to_owned(), hidden);
            }
        }
        remember(&run.context.store, &census.hidden).await?;
        Ok(census)
    }

    /// How many customers are hidden.
    #[must_use]
    pub fn hidden_customers(&self) -> u64 {
        self.hidden.get(Doctype::Customer.as_str()).copied().unwrap_or_default()
    }

    /// See [`warning`].
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        warning(&self.hidden)
    }
}

/// How many customers the sync user may see now.
///
/// # Errors
/// [`Halt`].
pub async fn visible_customers(run: &Conduct) -> Result<u64, Halt> {
    run.ask(|| run.context.client.visible_count(Doctype::Customer.as_str())).await
}

/// What the last sweep found hidden, by doctype; only where there are some.
///
/// # Errors
/// Our database's.
pub async fn hidden(store: &Store) -> Result<BTreeMap<String, u64>, StoreError> {
    let stored = store.meta(META_HIDDEN).await?.unwrap_or_default();
    Ok(serde_json::from_str(&stored).unwrap_or_default())
}

async fn count(run: &Conduct, doctype: Doctype) -> Result<(u64, u64), Halt> {
    let client = &run.context.client;
    let (visible, all) = run
        .ask(|| async {
            // Not every key may count every doctype; that none of it is readable is noticed elsewhere.
            let visible = permitted(client.visible_count(doctype.as_str()).await)?;
            let all = permitted(client.count(doctype.as_str()).await)?;
            Ok::<_, Error>((visible, all))
        })
        .await?;
    Ok((visible.unwrap_or_default(), all.unwrap_or_default().saturating_sub(visible.unwrap_or_default())))
}

fn permitted(count: Result<u64, Error>) -> Result<Option<u64>, Error> {
    match count {
        Err(Error::Forbidden { .. }) => Ok(None),
        other => other.map(Some),
    }
}

async fn remember(store: &Store, hidden: &BTreeMap<String, u64>) -> Result<(), Halt> {
    let text = serde_json::to_string(hidden).map_err(SyncError::from)?;
    if store.meta(META_HIDDEN).await?.as_ref() != Some(&text) {
        store.set_meta(META_HIDDEN, &text).await?;
    }
    Ok(())
}

/// What a person should know, where anything is hidden.
#[must_use]
pub fn warning(hidden: &BTreeMap<String, u64>) -> Option<String> {
    if hidden.is_empty() {
        return None;
    }
    let numbers: Vec<String> = hidden.iter().map(|(doctype, count)| format!("{count} of {doctype}")).collect();
    Some(format!(
        "the sync user may not see all documents in ERPNext ({} hidden by User Permissions or missing roles); those are not \
         kept in sync",
        numbers.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_told_by_doctype() {
        assert_eq!(warning(&BTreeMap::new()), None);
        let hidden = BTreeMap::from([("Address".to_owned(), 2), ("Customer".to_owned(), 1)]);
        assert!(warning(&hidden).unwrap().contains("(2 of Address, 1 of Customer hidden"));
    }
}
