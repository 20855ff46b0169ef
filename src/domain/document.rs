//! The canonical document: what ERPNext said about one customer, with everything linked to it.
//!
//! Invariant: two reads of the same state give equal documents (keys sorted, nulls and bookkeeping keys dropped,
//! linked documents sorted by name), so that they can be hashed, compared and mapped again without another read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One ERPNext document: field name to value, as JSON gave it.
pub type Doc = Map<String, Value>;

/// A customer as ERPNext describes it. Stored as JSON in `sync_state.document`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Document {
    /// The Customer's own fields.
    pub customer: Doc,
    /// Rows of the child table `credit_limits`, by `idx`.
    pub credit_limits: Vec<Doc>,
    /// Linked Addresses, by name.
    pub addresses: Vec<Doc>,
    /// Linked Contacts, by name; each with its `email_ids` and `phone_nos` as arrays.
    pub contacts: Vec<Doc>,
}

/// Child tables that are kept inside their document: those of a Contact. The one of a Customer has its own place.
const INNER_TABLES: [&str; 2] = ["email_ids", "phone_nos"];
/// Fields of a child row that say nothing: a save may replace all of them though nothing changed (recording 26).
const ROW_BOOKKEEPING: [&str; 9] =
    ["name", "owner", "creation", "modified", "modified_by", "docstatus", "parent", "parentfield", "parenttype"];

/// One document in the one form that equal states share, whether it came from a list (nulls included, child tables apart)
/// or was read singly (nulls omitted, child tables inside). Applying it twice changes nothing.
///
/// Dropped are nulls, Frappe's bookkeeping (`_user_tags`, `doctype` …), child tables except those of a Contact, and of a
/// child row everything that only says which row it is.
#[must_use]
pub fn canonical(mut doc: Doc) -> Doc {
    let is_row = !text(&doc, "parent").is_empty();
    doc.retain(|name, value| {
        if name.starts_with('_') || name == "doctype" || (is_row && ROW_BOOKKEEPING.contains(&name.as_str())) {
            return false;
        }
        match value {
            Value::Array(items) if INNER_TABLES.contains(&name.as_str()) => {
                let mut rows: Vec<Doc> = std::mem::take(items).into_iter().filter_map(row).map(canonical).collect();
                sort(&mut rows, |row| number(row, "idx"));
                items.extend(rows.into_iter().map(Value::Object));
                !items.is_empty()
            }
            Value::Null | Value::Array(_) | Value::Object(_) => false,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    });
    doc
}

fn row(item: Value) -> Option<Doc> {
    match item {
        Value::Object(row) => Some(row),
        _ => None,
    }
}

/// What a document usually takes as JSON.
const USUAL_BYTES: usize = 4_096;

impl Document {
    /// As it is stored.
    ///
    /// # Errors
    /// Only where a value cannot be JSON, which the types rule out.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let mut json = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut json, self)?;
        String::from_utf8(json).map_err(serde::ser::Error::custom)
    }

    /// All parts [`canonical`] and in order; credit limits are taken out of a Customer that was read singly.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        let mut credit_limits = self.credit_limits;
        if let (true, Some(Value::Array(rows))) = (credit_limits.is_empty(), self.customer.remove("credit_limits")) {
            credit_limits = rows.into_iter().filter_map(row).collect();
        }
        let mut credit_limits: Vec<Doc> = credit_limits.into_iter().map(canonical).collect();
        sort(&mut credit_limits, |row| number(row, "idx"));
        Self {
            customer: canonical(self.customer),
            credit_limits,
            addresses: by_name(self.addresses.into_iter().map(canonical).collect()),
            contacts: by_name(self.contacts.into_iter().map(canonical).collect()),
        }
    }
}

/// Sorted by name, one of each.
fn by_name(mut docs: Vec<Doc>) -> Vec<Doc> {
    sort(&mut docs, |doc| text(doc, "name").to_owned());
    docs.dedup_by(|left, right| text(left, "name") == text(right, "name"));
    docs
}

/// Sorts by a key, then by content, so that the order in which documents came never matters.
fn sort<K: Ord>(docs: &mut [Doc], key: impl Fn(&Doc) -> K) {
    let content = |doc: &Doc| Value::Object(doc.clone()).to_string();
    docs.sort_by(|left, right| key(left).cmp(&key(right)).then_with(|| content(left).cmp(&content(right))));
}

fn number(doc: &Doc, field: &str) -> i64 {
    doc.get(field).and_then(Value::as_i64).unwrap_or(i64::MAX)
}

/// A text field; empty where it is missing or something else.
pub(super) fn text<'a>(doc: &'a Doc, field: &str) -> &'a str {
    doc.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Parts of a document that the key could not read last time; what we had of them is kept.
/// Stored as a sorted, comma separated list in `sync_state.unknown`, null when empty.
///
/// Members: `customer`, `address`, `contact`, or `field:<fieldname>` of the Customer,
/// `address.field:<fieldname>`, `contact.field:<fieldname>` of the linked doctypes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unknown(pub BTreeSet<String>);

impl Unknown {
    /// Reads the stored form.
    #[must_use]
    pub fn parse(stored: Option<&str>) -> Self {
        Self(stored.unwrap_or_default().split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }

    /// The stored form; `None` when everything is readable.
    #[must_use]
    pub fn stored(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.iter().map(String::as_str).collect::<Vec<_>>().join(","))
    }

    /// Whether that part is unknown.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        self.0.contains(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn doc(value: Value) -> Doc {
        match value {
            Value::Object(doc) => doc,
            other => panic!("{other} is no document"),
        }
    }

    #[test]
    fn a_list_and_a_single_read_give_the_same_document() {
        let listed = Document {
            customer: doc(json!({"name": "A", "tax_id": null, "disabled": 0, "_user_tags": "x"})),
            credit_limits: vec![doc(
                json!({"name": "r1", "parent": "A", "idx": 1, "company": "C", "credit_limit": 5.0}),
            )],
            addresses: vec![doc(json!({"name": "A2", "city": null})), doc(json!({"name": "A1"}))],
            contacts: vec![doc(json!({"name": "P", "email_ids": [
                {"parent": "P", "idx": 2, "email_id": "b@x"}, {"parent": "P", "idx": 1, "email_id": "a@x"}], "phone_nos": []}))],
        };
        let single = Document {
            customer: doc(json!({"name": "A", "disabled": 0, "doctype": "Customer", "accounts": [], "credit_limits": [
                {"name": "r9", "parent": "A", "idx": 1, "company": "C", "credit_limit": 5.0, "__unsaved": 1, "doctype": "Customer Credit Limit"}]})),
            credit_limits: vec![],
            addresses: vec![
                doc(json!({"name": "A1", "links": []})),
                doc(json!({"name": "A2"})),
                doc(json!({"name": "A2"})),
            ],
            contacts: vec![doc(json!({"name": "P", "links": [{"link_name": "A"}], "email_ids": [
                {"name": "e1", "parent": "P", "idx": 1, "email_id": "a@x"}, {"name": "e2", "parent": "P", "idx": 2, "email_id": "b@x"}]}))],
        };
        let canonical = listed.canonical();
        assert_eq!(canonical, single.canonical());
        assert_eq!(canonical.clone().canonical(), canonical);
        assert_eq!(canonical.addresses.len(), 2);
    }

    #[test]
    fn unknown_parts_survive_storage() {
        let unknown = Unknown::parse(Some("contact,field:tax_id"));
        assert!(unknown.has("contact") && unknown.has("field:tax_id") && !unknown.has("address"));
        assert_eq!(unknown.stored().as_deref(), Some("contact,field:tax_id"));
        assert_eq!(Unknown::parse(None).stored(), None);
    }
}
