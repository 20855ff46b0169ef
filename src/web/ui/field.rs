//! The fields of a customer as people read and fill them in: names, groups, values as text.
//!
//! Invariant: every column of a customer stands here once (a test compares), so none is forgotten on a page. What may be
//! written into it is `domain::edit`'s knowledge.

use serde_json::Value;

/// How a field is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Line,
    /// Of several lines.
    Lines,
    Number,
    Flag,
}

/// A column with its name for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) column: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
}

/// Fields that belong together.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// All columns that people may fill in.
pub(super) static GROUPS: &[Group] = &[
    Group {
        name: "Who it is",
        fields: &[
            line("name", "Name"),
            line("company_name", "Company"),
            line("customer_type", "Type"),
            line("customer_group", "Group"),
            line("territory", "Territory"),
            line("tax_number", "Tax number"),
        ],
    },
    Group {
        name: "How to reach it",
        fields: &[
            line("contact_person", "Contact person"),
            line("email", "E-mail"),
            line("phone", "Phone"),
            line("website", "Website"),
            field("address", "Address", Kind::Lines),
            line("postal_code", "Postal code"),
            line("city", "City"),
            line("state", "State"),
            line("country", "Country"),
        ],
    },
    Group {
        name: "Terms",
        fields: &[
            line("currency", "Currency"),
            field("credit_limit", "Credit limit", Kind::Number),
            line("payment_terms", "Payment terms"),
            line("price_list", "Price list"),
            line("tax_category", "Tax category"),
            line("language", "Language"),
            field("notes", "Notes", Kind::Lines),
            field("is_active", "Active", Kind::Flag),
            field("is_frozen", "Frozen", Kind::Flag),
        ],
    },
];

const fn line(column: &'static str, label: &'static str) -> Field {
    field(column, label, Kind::Line)
}

const fn field(column: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { column, label, kind }
}

/// All fields.
pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    GROUPS.iter().flat_map(|group| group.fields)
}

/// What people call a column, or another thing that the history names.
pub(super) fn label(column: &str) -> &str {
    match column {
        "erpnext_id" => "ERPNext ID",
        "matched_by" => "Matched by",
        "merged_into" => "Merged into",
        "extra" => "Extra fields",
        "addresses" => "Addresses",
        "contacts" => "Contacts",
        _ => all().find(|field| field.column == column).map_or(column, |field| field.label),
    }
}

/// A value as people read it; empty for none.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::customer::Customer;

    #[test]
    fn every_column_of_a_customer_is_shown_once() {
        let customer = serde_json::to_value(Customer::default()).unwrap();
        let columns: BTreeSet<&str> = customer.as_object().unwrap().keys().map(String::as_str).collect();
        let shown: Vec<&str> = all().map(|field| field.column).collect();
        let once: BTreeSet<&str> = shown.iter().copied().chain(["erpnext_id", "extra"]).collect();
        assert_eq!(once, columns);
        assert_eq!(shown.len() + 2, columns.len());
    }
}
