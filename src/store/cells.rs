//! A record on its way into a table, written as JSON in one pass, without a tree of JSON values in between.
//!
//! Invariant: the cells of a record are its columns in the order of its [`Table`], and what is written is what
//! [`Table::row`] and the record's own serde form give (tests compare them). For bulk inserts only: updates are worked out
//! from differences, which need values (`apply::effects`).

use rust_decimal::Decimal;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::tables::Table;
use crate::domain::customer::{Address, Contact, Customer};

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    /// Text or null.
    Text(Option<&'a str>),
    /// Boolean.
    Flag(bool),
    /// Exact decimal or null.
    Decimal(Option<Decimal>),
    /// JSON object.
    Object(&'a Map<String, Value>),
    /// JSON array of texts.
    List(&'a [String]),
}

impl Cell<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Self::Text(None) | Self::Decimal(None))
    }
}

/// As the record itself has it.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Decimal(number) => number.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

/// A record that has a table.
pub(super) trait Cells {
    /// Its values, in the order of the table's columns.
    fn cells(&self) -> impl Iterator<Item = Cell<'_>>;
}

/// A record as a row of a batch: nulls left out, JSON columns as text.
pub(super) struct NewRow<'a, T>(pub(super) &'static Table, pub(super) &'a T);

impl<T: Cells> Serialize for NewRow<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |json: serde_json::Result<String>| json.map_err(serde::ser::Error::custom);
        let mut row = serializer.serialize_map(None)?;
        for (column, cell) in filled(self.0, self.1) {
            match cell {
                Cell::Object(object) => row.serialize_entry(column, &text(serde_json::to_string(object))?)?,
                Cell::List(list) => row.serialize_entry(column, &text(serde_json::to_string(list))?)?,
                cell => row.serialize_entry(column, &cell)?,
            }
        }
        row.end()
    }
}

/// The columns that are not null, with their values.
pub(super) fn filled<'a, T: Cells>(
    table: &'static Table,
    record: &'a T,
) -> impl Iterator<Item = (&'static str, Cell<'a>)> {
    table.column_names().zip(record.cells()).filter(|(_, cell)| !cell.is_null())
}

impl Cells for Customer {
    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        [
            text(&self.erpnext_id),
            Cell::Text(Some(&self.name)),
            text(&self.company_name),
            text(&self.contact_person),
            text(&self.email),
            text(&self.phone),
            text(&self.address),
            text(&self.city),
            text(&self.state),
            text(&self.postal_code),
            text(&self.country),
            text(&self.tax_number),
            Cell::Decimal(self.credit_limit),
            text(&self.payment_terms),
            text(&self.notes),
            Cell::Flag(self.is_active),
            text(&self.customer_type),
            text(&self.customer_group),
            text(&self.territory),
            text(&self.currency),
            text(&self.price_list),
            text(&self.language),
            text(&self.tax_category),
            Cell::Flag(self.is_frozen),
            text(&self.website),
            Cell::Object(&self.extra),
        ]
        .into_iter()
    }
}

impl Cells for Address {
    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        [
            Cell::Text(Some(&self.erpnext_id)),
            text(&self.title),
            text(&self.address_type),
            text(&self.line1),
            text(&self.line2),
            text(&self.city),
            text(&self.county),
            text(&self.state),
            text(&self.postal_code),
            text(&self.country),
            text(&self.phone),
            text(&self.email),
            Cell::Flag(self.is_primary),
            Cell::Flag(self.is_shipping),
            Cell::Flag(self.disabled),
        ]
        .into_iter()
    }
}

impl Cells for Contact {
    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        [
            Cell::Text(Some(&self.erpnext_id)),
            text(&self.first_name),
            text(&self.last_name),
            text(&self.full_name),
            text(&self.designation),
            text(&self.email),
            text(&self.phone),
            text(&self.mobile),
            Cell::List(&self.emails),
            Cell::List(&self.phones),
            Cell::Flag(self.is_primary),
        ]
        .into_iter()
    }
}

fn text(value: &Option<String>) -> Cell<'_> {
    Cell::Text(value.as_deref())
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::super::tables::{ADDRESSES, CONTACTS, CUSTOMERS};
    use super::*;

    /// A record in which every field has a value of its own, so that two that were swapped are seen.
    fn sample<T: Serialize + DeserializeOwned + Default>(table: &Table) -> T {
        let empty = serde_json::to_value(T::default()).expect("a record is JSON");
        let fields = table.column_names().map(|name| {
            let value = match &empty[name] {
                Value::Bool(_) => json!(["is_active", "is_primary", "disabled"].contains(&name)),
                Value::Array(_) => json!([format!("{name} 1"), format!("{name} \"2\"")]),
                Value::Object(_) => json!({ "of": name }),
                _ if name == "credit_limit" => json!("12.5"),
                _ => json!(format!("the {name}")),
            };
            (name.to_owned(), value)
        });
        serde_json::from_value(Value::Object(fields.collect())).expect("the fields of the record")
    }

    fn check<T: Cells + Serialize + DeserializeOwned + Default>(table: &'static Table) {
        for record in [sample::<T>(table), T::default()] {
            let fields = serde_json::to_value(&record).expect("a record is JSON");
            let cells: Vec<(&str, Value)> = filled(table, &record)
                .map(|(name, cell)| (name, serde_json::to_value(cell).expect("a cell")))
                .collect();
            for (name, value) in &cells {
                assert_eq!(fields[*name], *value, "{}.{name}", table.name);
            }
            let nulls = fields.as_object().expect("an object").values().filter(|value| value.is_null()).count();
            assert_eq!(cells.len() + nulls, table.column_names().count(), "{}", table.name);
            let row = serde_json::to_value(NewRow(table, &record)).expect("a row");
            assert_eq!(row, Value::Object(table.row(&record).expect("a row")), "{}", table.name);
        }
    }

    #[test]
    fn cells_are_the_fields_of_the_records() {
        check::<Customer>(&CUSTOMERS);
        check::<Address>(&ADDRESSES);
        check::<Contact>(&CONTACTS);
    }
}
