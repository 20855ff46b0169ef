//! What happened to a customer, as a timeline: who or what changed which field from what to what.
//!
//! Invariant: it says what the history says, in words; of lists (addresses, contacts) only what is different.

use serde_json::{Map, Value};

use super::field::{label, text};
use super::time::{Moment, distance};
use crate::store::ChangeRow;

/// One entry.
pub(super) struct Entry {
    pub(super) seq: i64,
    /// What happened.
    pub(super) headline: String,
    /// Who or what did it.
    pub(super) by: String,
    /// Where more is said about that.
    pub(super) link: Option<String>,
    pub(super) at: Option<Moment>,
    pub(super) differences: Vec<Difference>,
    /// A creation names every value, which the page shows already.
    pub(super) folded: bool,
}

/// What one field was and is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) label: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// The entry of a change.
pub(super) fn entry(change: ChangeRow) -> Entry {
    let given = change.changes.as_array().map(Vec::as_slice).unwrap_or_default();
    let differences: Vec<Difference> = given.iter().flat_map(differences).collect();
    Entry {
        seq: change.seq,
        headline: headline(&change.kind).to_owned(),
        by: by(&change.cause, change.actor.as_deref()),
        link: change.delivery_id.as_ref().map(|id| format!("/activity/webhooks/{id}")),
        at: change.changed_at.map(distance),
        folded: change.kind == "created" || differences.len() > 8,
        differences,
    }
}

/// Whether a change touched that column.
pub(super) fn touches(change: &ChangeRow, column: &str) -> bool {
    change.changes.as_array().is_some_and(|fields| fields.iter().any(|field| field["field"] == column))
}

fn headline(kind: &str) -> &str {
    match kind {
        "created" => "Created",
        "updated" => "Changed",
        "renamed" => "Renamed in ERPNext",
        "deleted" => "Deleted",
        "merged" => "Merged into another customer",
        "restored" => "Came back",
        "linked" => "Linked to ERPNext",
        "unlinked" => "Unlinked from ERPNext",
        "filtered" => "Left out by the filter",
        "erased" => "Personal data erased",
        other => other,
    }
}

fn by(cause: &str, actor: Option<&str>) -> String {
    match (cause, actor) {
        ("person", Some(actor)) => match actor.split_once(':') {
            Some(("user", name)) => format!("by {name}"),
            Some(("token", name)) => format!("by the token {name}"),
            _ => format!("by {actor}"),
        },
        ("person", None) => "asked for by a person".to_owned(),
        ("webhook", _) => "by a webhook".to_owned(),
        ("catch_up", _) => "found by polling".to_owned(),
        ("sweep", _) => "found by comparing names".to_owned(),
        ("full", _) => "by a full sync".to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn differences(change: &Value) -> Vec<Difference> {
    let field = change["field"].as_str().unwrap_or_default();
    let (old, new) = (&change["old"], &change["new"]);
    match field {
        "addresses" => documents("Address", old, new),
        "contacts" => documents("Contact", old, new),
        "extra" => {
            let empty = Map::new();
            values("", old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty))
        }
        _ => vec![Difference { label: label(field).to_owned(), old: text(old), new: text(new) }],
    }
}

/// What is different in lists of documents, which are known by their names.
fn documents(what: &str, old: &Value, new: &Value) -> Vec<Difference> {
    let (old, new) = (by_name(old), by_name(new));
    let mut differences = Vec::new();
    for (name, was) in &old {
        match new.iter().find(|(other, _)| other == name) {
            Some((_, is)) => differences.extend(values(&format!("{what} {name}: "), was, is)),
            None => {
                differences.push(Difference { label: what.to_owned(), old: (*name).to_owned(), new: String::new() });
            }
        }
    }
    for (name, _) in new.iter().filter(|(name, _)| !old.iter().any(|(other, _)| other == name)) {
        differences.push(Difference { label: what.to_owned(), old: String::new(), new: (*name).to_owned() });
    }
    differences
}

fn by_name(list: &Value) -> Vec<(&str, &Map<String, Value>)> {
    let documents = list.as_array().map(Vec::as_slice).unwrap_or_default();
    documents.iter().filter_map(|document| Some((document["erpnext_id"].as_str()?, document.as_object()?))).collect()
}

/// What is different between two sets of values.
fn values(prefix: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Difference> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &Map<String, Value>, name: &String| of.get(name).map(text).unwrap_or_default();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed
        .map(|name| Difference {
            label: format!("{prefix}{}", name.replace('_', " ")),
            old: value(old, name),
            new: value(new, name),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(change: &Value) -> Vec<String> {
        let one = |Difference { label, old, new }| format!("{label}: {old} -> {new}");
        differences(change).into_iter().map(one).collect()
    }

    #[test]
    fn a_field_is_told_with_both_values() {
        assert_eq!(told(&json!({"field": "tax_number", "old": null, "new": "7"})), ["Tax number:  -> 7"]);
        assert_eq!(told(&json!({"field": "is_active", "old": true, "new": false})), ["Active: yes -> no"]);
        let extra = json!({"field": "extra", "old": {"tier": "gold", "a": 1}, "new": {"a": 1, "b": [1, 2]}});
        assert_eq!(told(&extra), ["b:  -> 1, 2", "tier: gold -> "]);
    }

    #[test]
    fn a_token_is_told_from_a_user_of_its_name() {
        let by = |actor| super::by("person", actor);
        assert_eq!(by(Some("user:anna")), "by anna");
        assert_eq!(by(Some("token:anna")), "by the token anna");
        assert_eq!(by(Some("anna")), "by anna", "as it was written once");
        assert_eq!(by(None), "asked for by a person");
    }

    #[test]
    fn of_lists_only_what_is_different() {
        let change = json!({
            "field": "addresses",
            "old": [{"erpnext_id": "A", "city": "Ulm", "line1": "1"}, {"erpnext_id": "B"}],
            "new": [{"erpnext_id": "A", "city": "Bonn", "line1": "1"}, {"erpnext_id": "C"}],
        });
        assert_eq!(told(&change), ["Address A: city: Ulm -> Bonn", "Address: B -> ", "Address:  -> C"]);
        assert!(told(&json!({"field": "contacts", "old": null, "new": []})).is_empty());
    }
}
