//! The rows of a list on their way from JSON: without their nulls, in one pass.
//!
//! A list names every column of its doctype, and most of them are null: of the 130 of a Customer some 30 have a value.
//! Invariant: what is null is never kept, but not forgotten either: `fields` tells which columns the list named, because
//! one that is not named may not be read. Frappe gives every row of a list the same columns.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::document::Doc;

/// What a list answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Each row's fields that have a value.
    pub rows: Vec<Doc>,
    /// All fields of the rows, also those that are null; empty where there is no row.
    pub fields: BTreeSet<String>,
}

/// The answer to a list call; `None` where it is not ERPNext's.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    #[serde(default)]
    pub(super) message: Option<Rows>,
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor)
    }
}

struct RowsVisitor;

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Rows;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Rows, A::Error> {
        let mut rows = Rows::default();
        if let Some(first) = items.next_element_seed(Row { fields: Some(&mut rows.fields) })? {
            rows.rows.push(first);
        }
        while let Some(row) = items.next_element_seed(Row { fields: None })? {
            rows.rows.push(row);
        }
        Ok(rows)
    }
}

/// One row; notes the names of its fields where asked to.
struct Row<'f> {
    fields: Option<&'f mut BTreeSet<String>>,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = Doc;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Doc, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Borrowed from the answer, because most of them are dropped again.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Doc;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a row with named fields")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Doc, A::Error> {
        let mut row = Doc::new();
        while let Some((Name(name), value)) = entries.next_entry::<Name<'de>, Value>()? {
            if let Some(fields) = &mut self.fields {
                fields.insert(name.clone().into_owned());
            }
            if !value.is_null() {
                row.insert(name.into_owned(), value);
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nulls_are_left_out_and_their_fields_are_known() {
        let answer =
            r#"{"message": [{"name": "A", "a\"b": null, "tax_id": 1}, {"name": "B", "a\"b": "x", "tax_id": null}]}"#;
        let rows = serde_json::from_str::<Listed>(answer).unwrap().message.unwrap();
        assert_eq!(rows.fields, ["a\"b", "name", "tax_id"].map(str::to_owned).into());
        assert_eq!(
            serde_json::to_value(&rows.rows).unwrap(),
            json!([{"name": "A", "tax_id": 1}, {"name": "B", "a\"b": "x"}])
        );
    }

    #[test]
    fn what_is_no_list_of_rows_is_refused() {
        for answer in [r#"{"message": {"name": "A"}}"#, r#"{"message": ["A"]}"#, r#"{"message": [null]}"#] {
            assert!(serde_json::from_str::<Listed>(answer).is_err(), "{answer}");
        }
        assert!(serde_json::from_str::<Listed>(r#"{"data": []}"#).unwrap().message.is_none());
    }
}
