//! `[sync] filter`: which customers are kept, in Frappe's own words.
//!
//! Invariant: a [`Filter`] has at least one condition and each has a shape that ERPNext's list calls take, so that a typing
//! mistake is told at the start. Whether ERPNext has the fields only ERPNext knows; rows are compared there, never here.

use std::str::FromStr;

use serde_json::Value;

/// What Frappe accepts between field and value (`frappe/model/db_query.py` and `frappe/utils/data.py` of version 15).
const OPERATORS: [&str; 20] = [
    "=",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
    "like",
    "not like",
    "in",
    "not in",
    "is",
    "between",
    "timespan",
    "previous",
    "next",
    "ancestors of",
    "not ancestors of",
    "descendants of",
    "not descendants of",
    "descendants of (inclusive)",
];

/// Conditions that must all hold for a customer to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    conditions: Vec<Value>,
}

impl Filter {
    /// Each `[field, operator, value]` or `[doctype, field, operator, value]`.
    #[must_use]
    pub fn conditions(&self) -> &[Value] {
        &self.conditions
    }

    /// A text that differs where the filter does.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Value::from(self.conditions.clone()).to_string()
    }
}

/// The fingerprint of a filter, or of having none.
#[must_use]
pub fn fingerprint(filter: Option<&Filter>) -> String {
    filter.map(Filter::fingerprint).unwrap_or_default()
}

/// The error says what is wrong with the text, without repeating it.
impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let conditions = match serde_json::from_str(text) {
            Ok(Value::Array(conditions)) => conditions,
            Ok(_) => return Err("is JSON, but no list of conditions".to_owned()),
            Err(error) => return Err(format!("is not JSON ({error})")),
        };
        if conditions.is_empty() {
            return Err("has no condition in it".to_owned());
        }
        for (index, condition) in conditions.iter().enumerate() {
            check(condition).map_err(|why| format!("is wrong in condition {}: {why}", index + 1))?;
        }
        Ok(Self { conditions })
    }
}

fn check(condition: &Value) -> Result<(), String> {
    let parts = condition.as_array().map(Vec::as_slice);
    let (names, operator, value) = match parts {
        Some([field, operator, value]) => (vec![field], operator, value),
        Some([doctype, field, operator, value]) => (vec![doctype, field], operator, value),
        _ => return Err("it is no list of three or four entries".to_owned()),
    };
    if names.iter().any(|name| name.as_str().is_none_or(|name| name.trim().is_empty())) {
        return Err("the name of a field or doctype is no text".to_owned());
    }
    let operator = operator.as_str().unwrap_or_default();
    if !OPERATORS.contains(&operator.to_ascii_lowercase().as_str()) {
        return Err(format!("{operator:?} is no operator; ERPNext has {}", OPERATORS.join(", ")));
    }
    let plain = |value: &Value| !value.is_array() && !value.is_object();
    match value {
        Value::Array(values) if values.iter().all(plain) => Ok(()),
        value if plain(value) => Ok(()),
        _ => Err("the value is neither a plain one nor a list of plain ones".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_condition_are_taken_and_told_apart_by_content() {
        let filter: Filter = r#"[["customer_group","descendants of (inclusive)","Retail"],["Customer","disabled","=",0]]"#
            .parse()
            .unwrap();
        assert_eq!(filter.conditions().len(), 2);
        let spaced: Filter = filter.fingerprint().replace(',', " , ").parse().unwrap();
        assert_eq!(spaced.fingerprint(), filter.fingerprint(), "blanks make no other filter");
        let other: Filter = r#"[["customer_group", "in", ["A", "B"]]]"#.parse().unwrap();
        assert_ne!(other.fingerprint(), filter.fingerprint());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let why = |text: &str| text.parse::<Filter>().unwrap_err();
        assert!(why("customer_group = Retail").starts_with("is not JSON"));
        assert_eq!(why(r#"{"customer_group": "Retail"}"#), "is JSON, but no list of conditions");
        assert_eq!(why("[]"), "has no condition in it");
        assert!(why(r#"["customer_group", "=", "Retail"]"#).starts_with("is wrong in condition 1: it is no list"));
        assert!(why(r#"[["a", "=", 1], ["b", "equals", 1]]"#).starts_with("is wrong in condition 2: \"equals\" is no"));
        assert!(why(r#"[["a", "=", {"b": 1}]]"#).contains("plain"));
        assert!(why(r#"[["", "=", 1]]"#).contains("no text"));
    }
}
