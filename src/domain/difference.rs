//! How a row and its document differ: what `verify` finds.
//!
//! Invariant: pure. Values are people's data, so a difference is printed for whoever asked and never logged. Which
//! differences are drift, that is to be repaired, is said here and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::customer::CustomerId;
use super::fields::diff;

/// What is wrong with a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// ERPNext has it and we have no living row.
    Missing,
    /// Our row has other values.
    Stale,
    /// Our row lives, and ERPNext does not have it.
    Extra,
    /// ERPNext calls it something else than our row does.
    Renamed,
    /// Our row lives although the configured filter leaves it out.
    Filtered,
    /// All of it, or a part, may not be read by the sync user; what we have was kept and cannot be compared.
    NotPermitted,
    /// It could not be read, or not be stored whole.
    Failed,
}

impl DifferenceKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Missing, Self::Stale, Self::Extra, Self::Renamed, Self::Filtered, Self::NotPermitted, Self::Failed];

    /// Word for people, the metric's label and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Extra => "extra",
            Self::Renamed => "renamed",
            Self::Filtered => "filtered",
            Self::NotPermitted => "not_permitted",
            Self::Failed => "failed",
        }
    }

    /// Whether the tables are not as they should be, so that a full run and a sweep would change them. What may not be read
    /// is kept on purpose, and what fails has its own job that says so.
    #[must_use]
    pub const fn is_drift(self) -> bool {
        !matches!(self, Self::NotPermitted | Self::Failed)
    }
}

/// One thing that is wrong with one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What is wrong.
    pub kind: DifferenceKind,
    /// ERPNext's name of the customer, or ours of it where ERPNext has it no more.
    pub erpnext_id: String,
    /// Our row, where there is one.
    pub customer: Option<CustomerId>,
    /// The values that differ; none where a whole row does.
    pub fields: Vec<FieldDifference>,
    /// Why, for people.
    pub why: String,
    /// Another program changed the row: ERPNext's values are those that we wrote last.
    pub changed_here: bool,
}

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// The column; `extra.NAME`; `addresses.NAME.COLUMN` or `contacts.NAME.COLUMN`, without a column for a whole one.
    pub field: String,
    /// What the row has.
    pub ours: Value,
    /// What ERPNext has.
    pub erpnext: Value,
}

/// The values in which two flat records (see [`super::fields::flatten`]) differ, down to the single value.
#[must_use]
pub fn field_differences(ours: &Map<String, Value>, erpnext: &Map<String, Value>) -> Vec<FieldDifference> {
    let mut differences = Vec::new();
    for change in diff(ours, erpnext) {
        match (&change.old, &change.new) {
            (Value::Array(old), Value::Array(new)) => documents(&change.field, old, new, &mut differences),
            (Value::Object(old), Value::Object(new)) => members(&change.field, old, new, &mut differences),
            _ => differences.push(FieldDifference { field: change.field, ours: change.old, erpnext: change.new }),
        }
    }
    differences
}

/// Linked documents, each by its name.
fn documents(field: &str, ours: &[Value], erpnext: &[Value], differences: &mut Vec<FieldDifference>) {
    let by_name = |list: &[Value]| -> BTreeMap<String, Value> {
        list.iter().map(|item| (item["erpnext_id"].as_str().unwrap_or_default().to_owned(), item.clone())).collect()
    };
    let (ours, erpnext) = (by_name(ours), by_name(erpnext));
    let names: BTreeSet<&String> = ours.keys().chain(erpnext.keys()).collect();
    for name in names {
        let field = format!("{field}.{name}");
        match (ours.get(name), erpnext.get(name)) {
            (Some(Value::Object(ours)), Some(Value::Object(erpnext))) => members(&field, ours, erpnext, differences),
            (ours, erpnext) => differences.push(FieldDifference {
                field,
                ours: ours.cloned().unwrap_or_default(),
                erpnext: erpnext.cloned().unwrap_or_default(),
            }),
        }
    }
}

fn members(
    field: &str,
    ours: &Map<String, Value>,
    erpnext: &Map<String, Value>,
    differences: &mut Vec<FieldDifference>,
) {
    differences.extend(diff(ours, erpnext).into_iter().map(|change| FieldDifference {
        field: format!("{field}.{}", change.field),
        ours: change.old,
        erpnext: change.new,
    }));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_one_by_one() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let address = |name: &str, city: &str| json!({"erpnext_id": name, "city": city});
        let ours = object(json!({
            "name": "A", "extra": {"tier": "gold", "same": 1},
            "addresses": [address("Home", "Bonn"), address("Old", "Ulm")],
        }));
        let erpnext = object(json!({
            "name": "B", "extra": {"tier": null, "same": 1},
            "addresses": [address("Home", "Köln"), address("New", "Hof")],
        }));
        let differences = field_differences(&ours, &erpnext);
        let fields: Vec<&str> = differences.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, ["addresses.Home.city", "addresses.New", "addresses.Old", "extra.tier", "name"]);
        assert_eq!((&differences[0].ours, &differences[0].erpnext), (&json!("Bonn"), &json!("Köln")));
        assert_eq!(differences[1].ours, Value::Null);
        assert_eq!(field_differences(&ours, &ours), []);
    }

    #[test]
    fn words_are_those_of_json() {
        for kind in DifferenceKind::ALL {
            assert_eq!(json!(kind), kind.as_str());
        }
    }
}
