//! New customers, encoded before their transaction begins: all that needs neither an id nor a look at the database.
//!
//! Invariant: what is written is the same as if it were made inside. On SQLite everybody waits for the one transaction
//! that runs, and elsewhere batches of a run wait for each other; so a first run is as fast as its transactions are short.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::super::cells::{Cell, NewRow, filled};
use super::super::db::encode;
use super::super::tables::{ADDRESSES, CONTACTS, CUSTOMERS};
use crate::domain::customer::{Address, Contact, Record};
use crate::domain::plan::{State, Unit, Upsert, Write};

/// What a row usually takes, so that its text need not grow.
const CUSTOMER_BYTES: usize = 1_024;
/// The same of an address or contact.
pub(super) const LINKED_BYTES: usize = 512;
/// The same of a row of `sync_state` beside its documents.
const STATE_BYTES: usize = 512;

/// A customer to insert.
#[derive(Debug)]
pub(super) struct Encoded {
    /// Its row.
    pub(super) customer: String,
    /// Its addresses, in the order of the record, without its id.
    pub(super) addresses: Vec<String>,
    /// Its contacts, likewise.
    pub(super) contacts: Vec<String>,
    /// Its `sync_state`, without its id.
    pub(super) state: String,
    /// Its history: every field that has a value.
    pub(super) changes: String,
}

impl Encoded {
    /// One for each write of the unit, in order; `None` for one that inserts nothing.
    pub(super) fn of(unit: &Unit) -> Result<Vec<Option<Self>>, serde_json::Error> {
        let new = |write: &Write| match write {
            Write::Upsert(upsert) if upsert.target.is_none() => Self::new(upsert).map(Some),
            _ => Ok(None),
        };
        unit.writes.iter().map(new).collect()
    }

    fn new(upsert: &Upsert) -> Result<Self, serde_json::Error> {
        let Record { customer, addresses, contacts } = &upsert.record;
        Ok(Self {
            customer: encode(&NewRow(&CUSTOMERS, customer), CUSTOMER_BYTES)?,
            addresses: addresses
                .iter()
                .map(|row| encode(&NewRow(&ADDRESSES, row), LINKED_BYTES))
                .collect::<Result<_, _>>()?,
            contacts: contacts
                .iter()
                .map(|row| encode(&NewRow(&CONTACTS, row), LINKED_BYTES))
                .collect::<Result<_, _>>()?,
            state: state(&upsert.state, Some(&upsert.record))?,
            changes: serde_json::to_string(&Created(&upsert.record))?,
        })
    }
}

/// A row of `sync_state` without its id; `base` only where the public values are written.
pub(super) fn state(state: &State, base: Option<&Record>) -> Result<String, serde_json::Error> {
    let row = StateRow {
        document: &state.document,
        hash: &state.hash,
        document_hash: &state.document_hash,
        base: base.map(serde_json::to_string).transpose()?,
        creation: &state.creation,
        modified: &state.modified,
        unknown: state.unknown.stored(),
        problems: state.problems.as_deref(),
    };
    // A quarter more for the quotes of JSON within JSON.
    let documents = row.document.len() + row.base.as_ref().map_or(0, String::len);
    encode(&row, documents + documents / 4 + STATE_BYTES)
}

#[derive(Serialize)]
struct StateRow<'a> {
    document: &'a str,
    hash: &'a str,
    document_hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    creation: &'a str,
    modified: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<&'a str>,
}

/// What `fields::diff` would find between nothing and the record.
struct Created<'a>(&'a Record);

impl Serialize for Created<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Record { customer, addresses, contacts } = self.0;
        let columns = filled(&CUSTOMERS, customer).map(|(field, cell)| (field, New::Cell(cell)));
        let linked = [("addresses", New::Addresses(addresses)), ("contacts", New::Contacts(contacts))];
        let mut fields: Vec<(&str, New<'_>)> = columns.chain(linked).collect();
        fields.sort_unstable_by_key(|(field, _)| *field);
        let mut changes = serializer.serialize_seq(Some(fields.len()))?;
        for (field, new) in fields {
            changes.serialize_element(&NewField { field, old: (), new })?;
        }
        changes.end()
    }
}

/// As [`crate::domain::change::FieldChange`] of a field that had no value.
#[derive(Serialize)]
struct NewField<'a> {
    field: &'a str,
    old: (),
    new: New<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum New<'a> {
    Cell(Cell<'a>),
    Addresses(&'a [Address]),
    Contacts(&'a [Contact]),
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::domain::customer::Customer;
    use crate::domain::fields::{diff, flatten};

    #[test]
    fn the_history_of_a_new_customer_is_the_difference_to_nothing() {
        let record = Record {
            customer: Customer {
                name: "A \"b\"".to_owned(),
                credit_limit: Some("12.5".parse().expect("a number")),
                extra: Map::from_iter([("tier".to_owned(), json!("gold"))]),
                ..Customer::default()
            },
            addresses: vec![Address { erpnext_id: "A-1".to_owned(), ..Address::default() }],
            contacts: Vec::new(),
        };
        let told: Value = serde_json::to_value(Created(&record)).expect("JSON");
        let expected = diff(&Map::new(), &flatten(&record).expect("JSON"));
        assert_eq!(told, serde_json::to_value(expected).expect("JSON"));
    }
}
