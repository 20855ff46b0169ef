//! A brake: a batch that would empty one field of most of its customers writes nothing, and a person is asked.
//!
//! A permission taken away in a way that nothing shows, a custom field removed, a broken mapping: all of them look like
//! thousands of customers who lost the same value at once. Invariant: nothing that a person asked for is held up, and a
//! field that is known to be unreadable never gets here, because what we have of it was kept already. Deleted customers
//! are the sweep's business.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{Context, Decision, SyncError};
use crate::domain::customer::{CustomerId, Record};
use crate::domain::fields::flatten;
use crate::domain::job::{Cause, Claim};
use crate::domain::plan::{Upsert, Write};

/// Customers of ours that a batch must have to be looked at; fewer are somebody's own work.
const LEAST_ROWS: usize = 50;

/// Customers that must lose the same value: in a field that few have, a handful is "most of them" every day.
const LEAST_EMPTIED: usize = 10;

/// A field that most of a batch would lose.
#[derive(Debug, PartialEq, Eq)]
struct Loss {
    field: String,
    emptied: usize,
    had: usize,
}

/// Turns every write of a suspicious batch into a failure that says so. `rows` are all rows of ours in the batch, also
/// those that do not change.
///
/// # Errors
/// The database's.
pub async fn park(
    context: &Context,
    claims: &[Claim],
    decisions: &mut [Decision],
    rows: &[CustomerId],
) -> Result<(), SyncError> {
    let updates: Vec<&Upsert> = claims
        .iter()
        .zip(decisions.iter())
        .filter(|(claim, _decision)| is_guarded(claim))
        .filter_map(|(_claim, decision)| upsert_of(decision).filter(|upsert| had_document(upsert)))
        .collect();
    if rows.len() < LEAST_ROWS || updates.len() < LEAST_EMPTIED {
        return Ok(());
    }
    let before = context.store.records(rows).await?;
    let Some(Loss { field, emptied, had }) = worst_loss(&before, &updates)? else { return Ok(()) };
    let mut jobs = 0;
    for (claim, decision) in claims.iter().zip(decisions) {
        if is_guarded(claim) && upsert_of(decision).is_some() {
            *decision = Decision::Failed(SyncError::WouldEmpty { field: field.clone(), emptied, had });
            jobs += 1;
        }
    }
    tracing::warn!(
        field,
        emptied,
        had,
        jobs,
        "a batch would empty a field of most of its customers: nothing of it was written; look at the jobs with the \
         label would_empty_field"
    );
    Ok(())
}

/// Whether the row's values came from ERPNext: a row that is linked or read for the first time takes what ERPNext says.
fn had_document(upsert: &Upsert) -> bool {
    upsert.target.as_ref().is_some_and(|seen| seen.creation.is_some())
}

fn is_guarded(claim: &Claim) -> bool {
    claim.cause != Cause::Person
}

fn upsert_of(decision: &Decision) -> Option<&Upsert> {
    let Decision::Write { writes, .. } = decision else { return None };
    writes.iter().find_map(|write| match write {
        Write::Upsert(upsert) => Some(upsert.as_ref()),
        _ => None,
    })
}

/// The field that most rows would lose, if more than half of those that have it would.
fn worst_loss(before: &HashMap<CustomerId, Record>, updates: &[&Upsert]) -> Result<Option<Loss>, SyncError> {
    let filled: HashMap<CustomerId, BTreeSet<String>> =
        before.iter().map(|(id, record)| Ok((*id, filled(record)?))).collect::<Result<_, serde_json::Error>>()?;
    let mut had: BTreeMap<&str, usize> = BTreeMap::new();
    for field in filled.values().flatten() {
        *had.entry(field).or_default() += 1;
    }
    let mut emptied: BTreeMap<&str, usize> = BTreeMap::new();
    for update in updates {
        let Some(old) = update.target.as_ref().and_then(|seen| filled.get(&seen.id)) else { continue };
        let new = self::filled(&update.record)?;
        for field in old.iter().filter(|field| !new.contains(*field) && !update.keep.contains(&field.as_str())) {
            *emptied.entry(field).or_default() += 1;
        }
    }
    let losses = emptied.into_iter().map(|(field, emptied)| Loss { field: field.to_owned(), emptied, had: had[field] });
    Ok(losses
        .filter(|loss| loss.emptied >= LEAST_EMPTIED && loss.emptied * 2 > loss.had)
        .max_by_key(|loss| loss.emptied))
}

/// The fields that have a value: columns, custom fields as `extra.NAME`, and the lists that are not empty.
fn filled(record: &Record) -> Result<BTreeSet<String>, serde_json::Error> {
    let mut filled = BTreeSet::new();
    for (field, value) in flatten(record)? {
        match value {
            Value::Object(custom) => {
                let names = custom.iter().filter(|(_name, value)| has_value(value));
                filled.extend(names.map(|(name, _value)| format!("{field}.{name}")));
            }
            value if has_value(&value) => drop(filled.insert(field)),
            _ => {}
        }
    }
    Ok(filled)
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::{Address, Customer};
    use crate::domain::document::Unknown;
    use crate::domain::plan::{Seen, State};

    fn record(email: Option<&str>, website: Option<&str>) -> Record {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let customer = Customer { email: text(email), website: text(website), ..Customer::default() };
        Record { customer, ..Record::default() }
    }

    fn update(id: CustomerId, record: Record) -> Upsert {
        let text = String::new;
        let unknown = Unknown::default();
        Upsert {
            target: Some(Seen { id, erpnext_id: None, creation: None, hash: None }),
            namesakes: BTreeSet::new(),
            record,
            matched_by: None,
            keep: Vec::new(),
            state: State {
                creation: text(),
                modified: text(),
                hash: text(),
                document_hash: text(),
                document: text(),
                unknown,
                problems: None,
            },
        }
    }

    fn loss(before: &HashMap<CustomerId, Record>, updates: &[Upsert]) -> Option<Loss> {
        worst_loss(before, &updates.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn most_losing_one_field_is_a_loss_and_half_is_none() {
        let before: HashMap<_, _> = (0..60).map(|id| (id, record(Some("a@b.example"), None))).collect();
        let updates: Vec<Upsert> = (0..31).map(|id| update(id, record(None, None))).collect();
        let expected = Loss { field: "email".to_owned(), emptied: 31, had: 60 };
        assert_eq!(loss(&before, &updates), Some(expected));
        assert_eq!(loss(&before, &updates[1..]), None);
    }

    #[test]
    fn a_field_that_few_have_may_be_emptied_and_a_kept_one_is_not_lost() {
        let before: HashMap<_, _> = (0..60).map(|id| (id, record(None, (id < 9).then_some("https://x")))).collect();
        let updates: Vec<Upsert> = (0..60).map(|id| update(id, record(None, None))).collect();
        assert_eq!(loss(&before, &updates), None);
        let before: HashMap<_, _> = (0..60).map(|id| (id, record(None, Some("https://x")))).collect();
        assert!(loss(&before, &updates).is_some());
        let kept = updates.into_iter().map(|update| Upsert { keep: vec!["website"], ..update }).collect::<Vec<_>>();
        assert_eq!(loss(&before, &kept), None);
    }

    #[test]
    fn lists_and_custom_fields_count_and_flags_do_not() {
        let mut full = record(Some("a@b.example"), None);
        full.customer.is_active = true;
        full.customer.extra.insert("tier".to_owned(), "gold".into());
        full.addresses.push(Address::default());
        let before: HashMap<_, _> = (0..60).map(|id| (id, full.clone())).collect();
        let lose = |change: fn(&mut Record)| {
            let updates: Vec<Upsert> = (0..60)
                .map(|id| {
                    let mut record = full.clone();
                    change(&mut record);
                    update(id, record)
                })
                .collect();
            loss(&before, &updates).map(|loss| loss.field)
        };
        assert_eq!(lose(|record| record.addresses.clear()).as_deref(), Some("addresses"));
        assert_eq!(lose(|record| record.customer.extra.clear()).as_deref(), Some("extra.tier"));
        assert_eq!(lose(|record| record.customer.is_active = false), None);
        assert_eq!(lose(|record| record.customer.email = Some("new@b.example".to_owned())), None);
    }
}
