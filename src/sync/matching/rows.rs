//! Which of our rows have a document's values, and may be linked to it.
//!
//! Invariant: a local row may always be linked; an unread one only where ERPNext answers for its own name that there is no
//! such document (404): a name that is merely missing from a list may be hidden from the key.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::{Subject, value_of};
use crate::domain::customer::CustomerId;
use crate::domain::hint::Doctype;
use crate::domain::matching::{CROWD, MatchKey, Matches, is_same_name};
use crate::erpnext::{Error, List, Work};
use crate::store::{Candidate, Kept};
use crate::sync::{Context, SyncError};

/// What was found for the open documents of a batch.
pub(super) struct Rows {
    rows: HashMap<CustomerId, Candidate>,
    /// For each document, the matches of each key in the order of the setting.
    matches: BTreeMap<usize, Vec<Matches>>,
}

impl Rows {
    /// Looks for the rows of all open documents at once.
    pub(super) async fn find(
        context: &Context,
        subjects: &[Subject<'_>],
        open: &BTreeSet<usize>,
        any_unread: bool,
        ruled_out: &HashSet<(usize, CustomerId)>,
        work: Work,
    ) -> Result<Self, SyncError> {
        let mut found = Self { rows: HashMap::new(), matches: BTreeMap::new() };
        for key in &context.rules.matching {
            let values: BTreeMap<usize, String> =
                open.iter().filter_map(|index| Some((*index, value_of(key, &subjects[*index])?))).collect();
            let rows = found.with_values(context, key, &values, any_unread).await?;
            for (index, value) in values {
                let of_value = rows.get(&value).into_iter().flatten().copied();
                let rows = of_value.filter(|row| !ruled_out.contains(&(index, *row))).collect();
                found.matches.entry(index).or_default().push(Matches { key: key.clone(), value, rows });
            }
        }
        found.drop_living(context, work).await?;
        Ok(found)
    }

    /// What each key found for a document.
    pub(super) fn matches_of(&self, index: usize) -> Vec<Matches> {
        self.matches.get(&index).cloned().unwrap_or_default()
    }

    /// A row that was found.
    pub(super) fn row(&self, id: CustomerId) -> Option<&Candidate> {
        self.rows.get(&id)
    }

    /// Ids of the rows by value; the database has only narrowed them down.
    async fn with_values(
        &mut self,
        context: &Context,
        key: &MatchKey,
        values: &BTreeMap<usize, String>,
        any_unread: bool,
    ) -> Result<HashMap<String, BTreeSet<CustomerId>>, SyncError> {
        let values: BTreeSet<String> = values.values().cloned().collect();
        let mut by_value: HashMap<String, BTreeSet<CustomerId>> = HashMap::new();
        if values.is_empty() {
            return Ok(by_value);
        }
        let mut candidates = context.store.with_values(key, Kept::Local, &values).await?;
        if any_unread {
            candidates.extend(context.store.with_values(key, Kept::Unread, &values).await?);
        }
        for candidate in candidates {
            if let Some(value) = key.normal(&candidate.value) {
                by_value.entry(value).or_default().insert(candidate.id);
                self.rows.insert(candidate.id, candidate);
            }
        }
        Ok(by_value)
    }

    /// Takes out the unread rows whose own document is there: they are read by and by, under their own name.
    async fn drop_living(&mut self, context: &Context, work: Work) -> Result<(), SyncError> {
        // A crowd identifies nobody anyway, and may be thousands.
        let matches = self.matches.values().flatten().filter(|matches| matches.rows.len() <= CROWD);
        let matched: BTreeSet<CustomerId> = matches.flat_map(|matches| matches.rows.iter().copied()).collect();
        let unread: BTreeMap<CustomerId, String> =
            matched.into_iter().filter_map(|id| Some((id, self.rows.get(&id)?.erpnext_id.clone()?))).collect();
        if unread.is_empty() {
            return Ok(());
        }
        let listed = listed(context, unread.values(), work).await?;
        let mut living = BTreeSet::new();
        for (id, name) in &unread {
            if listed.iter().any(|other| is_same_name(other, name)) || !is_missing(context, name, work).await? {
                living.insert(*id);
            }
        }
        for matches in self.matches.values_mut().flatten() {
            matches.rows.retain(|row| !living.contains(row));
        }
        Ok(())
    }
}

/// Those of the names that ERPNext lists, in its own spelling.
async fn listed(context: &Context, names: impl Iterator<Item = &String>, work: Work) -> Result<Vec<String>, SyncError> {
    let names: BTreeSet<&String> = names.collect();
    let list = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["name"],
        filters: json!([["name", "in", names]]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 0,
    };
    let rows = context.client.list(&list, work).await?;
    Ok(rows.iter().filter_map(|row| row.get("name").and_then(Value::as_str).map(str::to_owned)).collect())
}

/// Whether ERPNext says of this very document that it does not exist.
async fn is_missing(context: &Context, name: &str, work: Work) -> Result<bool, SyncError> {
    match context.client.get(Doctype::Customer.as_str(), name, work).await {
        Ok(document) => Ok(document.is_none()),
        Err(Error::ImpossibleName) => Ok(true),
        Err(Error::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
