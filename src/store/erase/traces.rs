//! Webhooks that name a customer who is about to be erased: its own, those of its Addresses and Contacts, and any other
//! whose body has one of these names as a whole value.
//!
//! Invariant: one pass over the table, page by page and without a transaction, whatever the number of customers. A body
//! that was cut to its kept length is no JSON any more; there it is enough that a name stands anywhere in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::db::{Arg, Row, Statement};
use super::super::transact::{Caller, transact};
use super::super::{Store, StoreError};
use super::forget;
use crate::domain::customer::CustomerId;

pub(super) static ALL: &[&Statement] = &[&NAMES, &PAGE];

static NAMES: Statement = Statement::same(
    "SELECT c.erpnext_id AS name FROM {rows:id int} AS r {join} customers AS c ON c.id = r.id WHERE c.erpnext_id IS NOT NULL
     UNION SELECT a.name FROM {rows:id int} AS r {join} sync_aliases AS a ON a.customer_id = r.id
     UNION SELECT a.erpnext_id FROM {rows:id int} AS r {join} customer_addresses AS a ON a.customer_id = r.id
     UNION SELECT a.erpnext_id FROM {rows:id int} AS r {join} customer_contacts AS a ON a.customer_id = r.id",
);

static PAGE: Statement =
    Statement::same("SELECT id, name, body FROM sync_deliveries WHERE id > ? ORDER BY id LIMIT 2000");

impl Store {
    /// Empties all webhooks that name one of the customers, or an Address or Contact of theirs.
    pub(super) async fn empty_deliveries_of(&self, ids: &[CustomerId]) -> Result<(), StoreError> {
        let what = "look for webhooks about a customer";
        let of = |error| StoreError::of(what, error);
        let ids: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        let ids = Value::Array(ids).to_string();
        let named = self.read(what, &NAMES, &[Arg::Text(&ids); 4]).await?;
        let names: BTreeSet<String> = named.iter().map(|row| row.text("name")).collect::<Result<_, _>>().map_err(of)?;
        if names.is_empty() {
            return Ok(());
        }
        let names = Names::new(names);
        let mut after = String::new();
        loop {
            let page = self.read(what, &PAGE, &[Arg::Text(&after)]).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.text("id").map_err(of)?;
            let found: BTreeSet<String> =
                page.iter().filter_map(|row| names.found_in(row).transpose()).collect::<Result<_, _>>().map_err(of)?;
            if !found.is_empty() {
                transact!(self.attempts(what, Caller::Worker), |tx| forget::empty(tx, &found).await).await?;
            }
        }
    }
}

/// Names to look for, and how each may be written in a text that is part of a JSON value.
struct Names {
    names: BTreeSet<String>,
    spellings: BTreeMap<String, [String; 2]>,
}

impl Names {
    fn new(names: BTreeSet<String>) -> Self {
        let spellings = names.iter().map(|name| (name.clone(), spellings(name))).collect();
        Self { names, spellings }
    }

    /// The id of a webhook that has one of the names.
    fn found_in(&self, row: &Row) -> Result<Option<String>, sqlx::Error> {
        let found =
            row.maybe_text("name")?.is_some_and(|name| self.names.contains(&name)) || self.are_in(&row.text("body")?);
        found.then(|| row.text("id")).transpose()
    }

    fn are_in(&self, body: &str) -> bool {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => self.are_among(&value),
            Err(_cut) => self.spellings.values().flatten().any(|spelling| body.contains(spelling.as_str())),
        }
    }

    fn are_among(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.names.contains(text.trim()),
            Value::Array(list) => list.iter().any(|value| self.are_among(value)),
            Value::Object(fields) => fields.values().any(|value| self.are_among(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// As itself, and as Frappe's `tojson` writes it: ASCII alone, also without what means something in HTML.
fn spellings(name: &str) -> [String; 2] {
    let mut escaped = String::with_capacity(name.len());
    for char in name.chars() {
        match char {
            '"' | '\\' => escaped.extend(['\\', char]),
            ' '..='~' if !matches!(char, '<' | '>' | '&' | '\'') => escaped.push(char),
            _ => {
                let mut units = [0; 2];
                for unit in char.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    [name.to_owned(), escaped]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_count_and_in_a_cut_body_any_place_does() {
        let names = Names::new(BTreeSet::from(["Zoë & Co".to_owned(), "A".to_owned()]));
        assert!(names.are_in(r#"{"customers": ["x", {"y": "Zo\u00eb \u0026 Co"}]}"#));
        assert!(!names.are_in(r#"{"name": "A B", "n": 1}"#), "a part of another name");
        assert!(names.are_in(r#"{"name": "Zo\u00eb \u0026 Co", "notes": "cut her"#));
        assert!(names.are_in(r#"{"name": "Zoë & Co", "notes": "cut her"#));
        assert!(!names.are_in(r#"{"name": "Zoë", "notes": "cut her"#));
    }
}
