//! Who else has the value by which a document matched a row: other documents of the batch, customers that we have read,
//! other customers in ERPNext.
//!
//! Invariant: what nobody can vouch for has a rival: where ERPNext does not let us ask (403) a person is asked instead.
//! ERPNext compares texts without regard to case only, so a tax number that it also has in another way of writing is
//! noticed only once that customer is read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::{Subject, value_of};
use crate::domain::hint::Doctype;
use crate::domain::matching::{MatchKey, Matches};
use crate::erpnext::{Error, List, Work};
use crate::store::Kept;
use crate::sync::expand::links_of;
use crate::sync::{Context, SyncError};

/// Addresses or Contacts whose links are asked for at once.
const LINKS: usize = 500;

/// A customer's name in ERPNext and its value in the normal form.
type Holder = (String, String);

/// How many rivals each matched document has.
pub(super) async fn count(
    context: &Context,
    subjects: &[Subject<'_>],
    matched: &BTreeMap<usize, Matches>,
    work: Work,
) -> Result<HashMap<usize, usize>, SyncError> {
    let mut rivals = HashMap::new();
    let keys: BTreeSet<&MatchKey> = matched.values().map(|matches| &matches.key).collect();
    for key in keys {
        let of_key: Vec<(usize, &Matches)> = matched
            .iter()
            .filter(|(_, matches)| matches.key == *key)
            .map(|(index, matches)| (*index, matches))
            .collect();
        let holders = holders(context, subjects, key, &of_key, work).await?;
        for (index, matches) in of_key {
            let own = subjects[index].pair.name.as_str();
            let mut names: HashSet<&str> = same_row(subjects, matched, matches).collect();
            let unknown = holders.is_none();
            let same_value = holders.iter().flatten().filter(|(_, value)| *value == matches.value);
            names.extend(same_value.map(|(name, _)| name.as_str()));
            names.remove(own);
            rivals.insert(index, names.len() + usize::from(unknown));
        }
    }
    Ok(rivals)
}

/// Documents of the batch that found one of the same rows, by whatever key.
fn same_row<'a>(
    subjects: &'a [Subject<'_>],
    matched: &'a BTreeMap<usize, Matches>,
    matches: &'a Matches,
) -> impl Iterator<Item = &'a str> {
    let found = matched.iter().filter(|(_, other)| !other.rows.is_disjoint(&matches.rows));
    found.map(|(index, _)| subjects[*index].pair.name.as_str())
}

/// Everybody who has one of the values: in the batch, among our rows, in ERPNext. `None` where ERPNext may not be asked.
async fn holders(
    context: &Context,
    subjects: &[Subject<'_>],
    key: &MatchKey,
    of_key: &[(usize, &Matches)],
    work: Work,
) -> Result<Option<Vec<Holder>>, SyncError> {
    let values: BTreeSet<String> = of_key.iter().map(|(_, matches)| matches.value.clone()).collect();
    let as_written = of_key.iter().filter_map(|(index, _)| {
        let subject = &subjects[*index];
        key.of_document(subject.document, subject.customer).map(|value| value.trim().to_owned())
    });
    let spellings: BTreeSet<String> = as_written.chain(values.iter().cloned()).collect();
    let Some(mut holders) = in_erpnext(context, key, &spellings, work).await? else { return Ok(None) };
    let in_batch = subjects.iter().filter_map(|subject| Some((subject.pair.name.clone(), value_of(key, subject)?)));
    holders.extend(in_batch);
    let read = context.store.with_values(key, Kept::Read, &values).await?;
    holders.extend(read.into_iter().filter_map(|row| Some((row.erpnext_id?, key.normal(&row.value)?))));
    Ok(Some(holders))
}

/// The customers in ERPNext that have one of the values, themselves or by an Address or Contact.
async fn in_erpnext(
    context: &Context,
    key: &MatchKey,
    spellings: &BTreeSet<String>,
    work: Work,
) -> Result<Option<Vec<Holder>>, SyncError> {
    let mut holders = Vec::new();
    for doctype in Doctype::ALL {
        for field in fields(context, key, doctype) {
            let Some(found) = with_value(context, key, doctype, field, spellings, work).await? else { return Ok(None) };
            if doctype == Doctype::Customer {
                holders.extend(found);
                continue;
            }
            for some in found.chunks(LINKS) {
                let values: HashMap<&str, &str> =
                    some.iter().map(|(document, value)| (document.as_str(), value.as_str())).collect();
                let names: Vec<&str> = values.keys().copied().collect();
                let Some(links) = links_of(context, doctype, &names, work).await? else { return Ok(None) };
                let linked = links.into_iter().filter_map(|link| {
                    let value = values.get(link.document.as_str())?;
                    Some((link.customer, (*value).to_owned()))
                });
                holders.extend(linked);
            }
        }
    }
    Ok(Some(holders))
}

/// Which fields of a doctype have that value.
fn fields<'a>(context: &'a Context, key: &'a MatchKey, doctype: Doctype) -> BTreeSet<&'a str> {
    match key {
        MatchKey::Email => context.mapping.fields_of("email", doctype),
        MatchKey::TaxNumber => context.mapping.fields_of("tax_number", doctype),
        MatchKey::LocalId { field } if doctype == Doctype::Customer => BTreeSet::from([field.as_str()]),
        MatchKey::LocalId { .. } => BTreeSet::new(),
    }
}

/// Documents that have one of the values in that field, with its normal form; `None` for 403.
async fn with_value(
    context: &Context,
    key: &MatchKey,
    doctype: Doctype,
    field: &str,
    spellings: &BTreeSet<String>,
    work: Work,
) -> Result<Option<Vec<Holder>>, SyncError> {
    let list = List {
        doctype: doctype.as_str(),
        parent: None,
        fields: &["name", field],
        filters: json!([[field, "in", spellings]]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 0,
    };
    let rows = match context.client.list(&list, work).await {
        Ok(rows) => rows,
        Err(Error::Forbidden { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let holder = |row: &crate::domain::document::Doc| {
        let value = match row.get(field)? {
            Value::String(text) => key.normal(text)?,
            number => key.normal(number.to_string().trim_end_matches(".0"))?,
        };
        Some((row.get("name")?.as_str()?.to_owned(), value))
    };
    Ok(Some(rows.iter().filter_map(holder).collect()))
}
