//! Lists: what `GET /api/resource/X` and `frappe.client.get_list` can ask for, and how they are answered.
//!
//! Invariant: a list is read from one state of the site. Nulls are included, the order without `order_by` is of no use,
//! and what the user may not see is left out without a word. Writing lives elsewhere.

mod columns;
mod filter;
mod order;
mod run;
mod tree;

use serde_json::Value;

use super::documents::Doc;
use super::refusal::Refusal;

pub(super) use run::{count, list};
pub(super) use tree::TREES;

/// A request for a list, still as text.
#[derive(Debug, Clone, Default)]
pub(super) struct ListQuery {
    pub(super) doctype: String,
    pub(super) fields: Vec<String>,
    pub(super) filters: Value,
    pub(super) or_filters: Value,
    pub(super) order_by: String,
    pub(super) start: usize,
    /// `None` for all.
    pub(super) limit: Option<usize>,
    /// For child doctypes: the doctype whose permission counts.
    pub(super) parent: Option<String>,
}

impl ListQuery {
    /// Reads the parameters of a request; values may be JSON or JSON inside a string.
    pub(super) fn parse(doctype: &str, parameters: &Doc) -> Result<Self, Refusal> {
        let fields = match json_parameter(parameters, "fields")? {
            Value::Array(fields) => fields.into_iter().filter_map(as_text).collect(),
            Value::String(fields) => fields.split(',').map(|field| field.trim().to_owned()).collect(),
            _ => vec!["name".to_owned()],
        };
        let number = |names: [&str; 2]| {
            names.iter().find_map(|name| match parameters.get(*name)? {
                Value::Number(number) => number.as_u64(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            })
        };
        let limit = number(["limit_page_length", "limit"]).unwrap_or(20);
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            doctype: doctype.to_owned(),
            fields,
            filters: json_parameter(parameters, "filters")?,
            or_filters: json_parameter(parameters, "or_filters")?,
            order_by: text("order_by").unwrap_or_default(),
            start: number(["limit_start", "start"]).and_then(|start| usize::try_from(start).ok()).unwrap_or_default(),
            limit: usize::try_from(limit).ok().filter(|limit| *limit > 0),
            parent: text("parent").or_else(|| text("parent_doctype")),
        })
    }
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A parameter that is JSON, or JSON inside a string; a bare word stays a string for `fields`.
fn json_parameter(parameters: &Doc, name: &str) -> Result<Value, Refusal> {
    let text = match parameters.get(name) {
        None => return Ok(Value::Null),
        Some(Value::String(text)) => text.trim(),
        Some(value) => return Ok(value.clone()),
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if name == "fields" && !text.starts_with(['[', '"', '{']) {
        return Ok(Value::from(text));
    }
    serde_json::from_str(text).map_err(|error| Refusal::bad_json(bad_column(text, error.column())))
}

/// The column at which Python finds fault: the start of the word that is no value.
fn bad_column(text: &str, column: usize) -> usize {
    let before = text.get(..column.saturating_sub(1)).unwrap_or(text);
    before.trim_end_matches(|character: char| character.is_alphanumeric()).len() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_may_be_json_or_json_in_strings() {
        let parameters = json!({"fields": "[\"name\",\"city\"]", "filters": [["a", "=", 1]], "limit_page_length": "0"});
        let query = ListQuery::parse("Customer", parameters.as_object().unwrap()).unwrap();
        assert_eq!(query.fields, ["name", "city"]);
        assert_eq!(query.filters, json!([["a", "=", 1]]));
        assert_eq!(query.limit, None);
        assert_eq!(ListQuery::parse("Customer", &Doc::new()).unwrap().limit, Some(20));
    }

    #[test]
    fn broken_json_is_reported_where_python_reports_it() {
        let parameters = json!({"filters": "[not"});
        let refusal = ListQuery::parse("Customer", parameters.as_object().unwrap()).unwrap_err();
        assert_eq!((refusal.status, refusal.message.as_str()), (500, "Expecting value: line 1 column 2 (char 1)"));
    }
}
