//! Documents between their three forms: packed in a table, a JSON map while they are edited, JSON text in answers.
//!
//! Invariant: packing and unpacking lose nothing but nulls and unknown fields, which ERPNext drops as well.
//! Where documents come from and what saving them does is not known here.

use serde_json::{Map, Value};

use super::clock;
use super::json;
use super::packed::{Cell, Packed, Packer, View};
use super::schema::{Field, Kind, Schema, Schemas};

/// A document while it is worked on: null fields are absent, child tables are arrays of objects.
pub(super) type Doc = Map<String, Value>;

/// Asterisks that a stored secret reads back as.
pub(super) fn mask(secret: &str) -> String {
    "*".repeat(secret.chars().count())
}

/// The text of a field, if it has one.
pub(super) fn text<'d>(doc: &'d Doc, field: &str) -> Option<&'d str> {
    doc.get(field).and_then(Value::as_str)
}

/// The text of a field, if it has one that is not empty.
pub(super) fn filled<'d>(doc: &'d Doc, field: &str) -> Option<&'d str> {
    text(doc, field).filter(|text| !text.is_empty())
}

/// Whether a check field is set.
pub(super) fn flag(doc: &Doc, field: &str) -> bool {
    doc.get(field).and_then(Value::as_i64).unwrap_or_default() != 0
}

/// The rows of a child table.
pub(super) fn rows<'d>(doc: &'d Doc, table: &str) -> impl Iterator<Item = &'d Doc> {
    doc.get(table).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The rows of a child table, to change them.
pub(super) fn rows_mut<'d>(doc: &'d mut Doc, table: &str) -> impl Iterator<Item = &'d mut Doc> {
    doc.get_mut(table).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Brings a value to the type of its field, as Frappe casts it on save; `None` for null.
pub(super) fn cast(kind: Kind, value: &Value) -> Option<Value> {
    match kind {
        Kind::Check => Some(Value::from(i64::from(truthy(value)))),
        Kind::Int => Some(Value::from(number(value).map_or(0, whole))),
        Kind::Float => Some(Value::from(number(value).unwrap_or_default())),
        Kind::OptionalFloat => number(value).map(Value::from),
        Kind::Table(_) => None,
        Kind::Data | Kind::Text | Kind::Link(_) | Kind::Time | Kind::Password => match value {
            Value::Null => None,
            Value::String(text) => Some(Value::from(text.as_str())),
            other => Some(Value::from(other.to_string())),
        },
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        other => number(other).is_some_and(|number| number != 0.0),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a saturating cast is what is wanted of a number out of range")]
fn whole(number: f64) -> i64 {
    number as i64
}

/// Packs a document or a child row.
pub(super) fn pack(schemas: &Schemas, schema: &Schema, doc: &Doc) -> Packed {
    let mut packer = Packer::default();
    for (index, field) in (0..).zip(&schema.fields) {
        if schema.is_child && is_parent_field(field) {
            continue;
        }
        if let Kind::Table(child) = field.kind {
            if let Some(child) = schemas.get(child) {
                let packed: Vec<Packed> = rows(doc, &field.name).map(|row| pack(schemas, child, row)).collect();
                packer.rows(index, &packed);
            }
            continue;
        }
        match doc.get(field.name.as_ref()).and_then(|value| cast(field.kind, value)) {
            None => {}
            Some(Value::String(text)) => match (field.kind, clock::parse(&text)) {
                (Kind::Time, Some(moment)) => drop(packer.time(index, moment)),
                _ => drop(packer.text(index, &text)),
            },
            Some(value) if matches!(field.kind, Kind::Int | Kind::Check) => {
                packer.int(index, value.as_i64().unwrap_or_default());
            }
            Some(value) => {
                packer.float(index, value.as_f64().unwrap_or_default());
            }
        }
    }
    packer.finish()
}

fn is_parent_field(field: &Field) -> bool {
    matches!(field.name.as_ref(), "parent" | "parentfield" | "parenttype")
}

/// The JSON value of a field: what is stored, else the type's default.
pub(super) fn value(kind: Kind, cell: Option<Cell<'_>>) -> Value {
    match cell {
        Some(Cell::Int(number)) => Value::from(number),
        Some(Cell::Float(number)) => Value::from(number),
        Some(Cell::Time(moment)) => Value::from(clock::text(moment)),
        Some(Cell::Text(text)) if kind == Kind::Password => Value::from(mask(text)),
        Some(Cell::Text(text)) => Value::from(text),
        Some(Cell::Rows(_)) => Value::Null,
        None => match kind {
            Kind::Check | Kind::Int => Value::from(0),
            Kind::Float => Value::from(0.0),
            _ => Value::Null,
        },
    }
}

/// Appends the JSON text of a field, like [`value`].
pub(super) fn write_cell(out: &mut String, kind: Kind, cell: Option<Cell<'_>>) {
    match cell {
        Some(Cell::Int(number)) => out.push_str(&number.to_string()),
        Some(Cell::Float(number)) => json::write_float(out, number),
        Some(Cell::Time(moment)) => json::write_text(out, &clock::text(moment)),
        Some(Cell::Text(text)) if kind == Kind::Password => json::write_text(out, &mask(text)),
        Some(Cell::Text(text)) => json::write_text(out, text),
        Some(Cell::Rows(_)) => out.push_str("null"),
        None => out.push_str(match kind {
            Kind::Check | Kind::Int => "0",
            Kind::Float => "0.0",
            _ => "null",
        }),
    }
}

/// Unpacks a document with its child tables. Secrets come as they are; [`for_answer`] masks them.
pub(super) fn unpack(schemas: &Schemas, schema: &Schema, view: View<'_>) -> Doc {
    let mut doc = own_fields(schema, view);
    let name = doc.get("name").cloned().unwrap_or_default();
    for (index, field, child) in schema.tables() {
        let Some(child_schema) = schemas.get(child) else { continue };
        let unpacked = view.rows(index).map(|row| {
            let mut row = own_fields(child_schema, row);
            row.insert("parent".to_owned(), name.clone());
            row.insert("parentfield".to_owned(), Value::from(field.name.as_ref()));
            row.insert("parenttype".to_owned(), Value::from(schema.doctype));
            Value::Object(row)
        });
        doc.insert(field.name.to_string(), Value::Array(unpacked.collect()));
    }
    doc
}

fn own_fields(schema: &Schema, view: View<'_>) -> Doc {
    let mut doc = Doc::new();
    for (_, field) in schema.columns() {
        match value(field.kind, None) {
            Value::Null => {}
            default => drop(doc.insert(field.name.to_string(), default)),
        }
    }
    for (index, cell) in view.entries() {
        let Some(field) = schema.field(index) else { continue };
        if !matches!(cell, Cell::Rows(_)) {
            let kind = if field.kind == Kind::Password { Kind::Text } else { field.kind };
            doc.insert(field.name.to_string(), value(kind, Some(cell)));
        }
    }
    doc
}

/// The document as ERPNext answers it: with its doctype, without nulls, secrets masked.
pub(super) fn for_answer(schema: &Schema, mut doc: Doc) -> Doc {
    doc.retain(|_, value| !value.is_null());
    for (_, field) in schema.columns().filter(|(_, field)| field.kind == Kind::Password) {
        if let Some(Value::String(secret)) = doc.get_mut(field.name.as_ref()) {
            *secret = mask(secret);
        }
    }
    for (_, field, child) in schema.tables() {
        for row in rows_mut(&mut doc, &field.name) {
            row.insert("doctype".to_owned(), Value::from(child));
        }
    }
    doc.insert("doctype".to_owned(), Value::from(schema.doctype));
    doc
}

/// The document as a template sees it: every field, null ones too.
pub(super) fn with_nulls(schema: &Schema, doc: Doc) -> Doc {
    let mut full = for_answer(schema, doc);
    for (_, field) in schema.columns() {
        full.entry(field.name.as_ref()).or_insert(Value::Null);
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_customer_survives_packing_and_nulls_do_not() {
        let schemas = Schemas::new();
        let schema = schemas.get("Customer").unwrap();
        let doc = json!({
            "name": "Zoë", "creation": "2026-11-22 01:35:07.149879", "customer_name": "Zoë", "tax_id": null,
            "disabled": true, "default_commission_rate": "2.5", "unknown": "x",
            "credit_limits": [{"name": "0of9lqd5kj", "company": "Acme", "credit_limit": 5000}],
        });
        let packed = pack(&schemas, schema, doc.as_object().unwrap());
        let read = for_answer(schema, unpack(&schemas, schema, packed.view()));
        assert_eq!(read["disabled"], 1);
        assert_eq!(read["is_frozen"], 0);
        assert_eq!(read["default_commission_rate"], 2.5);
        assert_eq!(read["creation"], "2026-11-22 01:35:07.149879");
        assert_eq!(read["credit_limits"][0]["credit_limit"], 5000.0);
        assert_eq!(read["credit_limits"][0]["parent"], "Zoë");
        assert!(!read.contains_key("tax_id") && !read.contains_key("unknown"));
        assert_eq!(with_nulls(schema, read)["tax_id"], Value::Null);
    }
}
