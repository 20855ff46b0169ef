//! A list call, as `frappe.client.get_list` takes it.
//!
//! Invariant: there is always an `order_by`, because ERPNext guarantees no order without one, and always a limit, because
//! its default is 20 rows. It goes by POST: an `in` filter with 200 names does not fit a request line (4,094 bytes).

use serde::Serialize;
use serde_json::Value;

/// What to list.
#[derive(Debug, Clone, Serialize)]
pub struct List<'a> {
    /// The doctype, e.g. `Customer`.
    pub doctype: &'a str,
    /// The parent's doctype, for child tables (403 without it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<&'a str>,
    /// Fields; `*` for all columns of its own. A field above the key's permission level is left out of the rows.
    pub fields: &'a [&'a str],
    /// All must hold: `[["field", "operator", value], …]`.
    pub filters: Value,
    /// One of these must hold too; null for none.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub or_filters: Value,
    /// E.g. `modified asc, name asc`; select these columns where a filter is on a child table.
    pub order_by: &'a str,
    /// At most so many rows; 0 for all.
    #[serde(rename = "limit_page_length")]
    pub limit: usize,
}
