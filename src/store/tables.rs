//! The public tables that carry values: their columns, and the way between rows and the records of `domain`.
//!
//! Invariant: the columns of a table are exactly the serde fields of its record (a test compares them), so one list
//! serves reading, inserting, updating and comparing. Ids, origin, times and keys to other tables are not values.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::db::Row;
use super::transact::Fault;

/// How a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// ERPNext's name of a document; compared bytewise.
    Key,
    /// Text or null.
    Text,
    /// Text that is never null.
    Required,
    /// Boolean, never null.
    Flag,
    /// Exact decimal or null.
    Decimal,
    /// JSON object.
    Object,
    /// JSON array.
    List,
}

/// A table of values.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    columns: &'static [(&'static str, Kind)],
}

pub(super) static CUSTOMERS: Table = Table {
    name: "customers",
    columns: &[
        ("erpnext_id", Kind::Key),
        ("name", Kind::Required),
        ("company_name", Kind::Text),
        ("contact_person", Kind::Text),
        ("email", Kind::Text),
        ("phone", Kind::Text),
        ("address", Kind::Text),
        ("city", Kind::Text),
        ("state", Kind::Text),
        ("postal_code", Kind::Text),
        ("country", Kind::Text),
        ("tax_number", Kind::Text),
        ("credit_limit", Kind::Decimal),
        ("payment_terms", Kind::Text),
        ("notes", Kind::Text),
        ("is_active", Kind::Flag),
        ("customer_type", Kind::Text),
        ("customer_group", Kind::Text),
        ("territory", Kind::Text),
        ("currency", Kind::Text),
        ("price_list", Kind::Text),
        ("language", Kind::Text),
        ("tax_category", Kind::Text),
        ("is_frozen", Kind::Flag),
        ("website", Kind::Text),
        ("extra", Kind::Object),
    ],
};

pub(super) static ADDRESSES: Table = Table {
    name: "customer_addresses",
    columns: &[
        ("erpnext_id", Kind::Key),
        ("title", Kind::Text),
        ("address_type", Kind::Text),
        ("line1", Kind::Text),
        ("line2", Kind::Text),
        ("city", Kind::Text),
        ("county", Kind::Text),
        ("state", Kind::Text),
        ("postal_code", Kind::Text),
        ("country", Kind::Text),
        ("phone", Kind::Text),
        ("email", Kind::Text),
        ("is_primary", Kind::Flag),
        ("is_shipping", Kind::Flag),
        ("disabled", Kind::Flag),
    ],
};

pub(super) static CONTACTS: Table = Table {
    name: "customer_contacts",
    columns: &[
        ("erpnext_id", Kind::Key),
        ("first_name", Kind::Text),
        ("last_name", Kind::Text),
        ("full_name", Kind::Text),
        ("designation", Kind::Text),
        ("email", Kind::Text),
        ("phone", Kind::Text),
        ("mobile", Kind::Text),
        ("emails", Kind::List),
        ("phones", Kind::List),
        ("is_primary", Kind::Flag),
    ],
};

impl Table {
    /// Its columns, in order.
    pub(super) fn column_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let columns: &'static [(&'static str, Kind)] = self.columns;
        columns.iter().map(|(name, _)| *name)
    }

    /// `erpnext_id, name, …`
    pub(super) fn names(&self) -> String {
        self.list(|name, _| name.to_owned())
    }

    /// The columns of a `{rows:…}` batch.
    pub(super) fn batch(&self) -> String {
        self.list(|name, kind| {
            let kind = match kind {
                Kind::Key => "key",
                Kind::Flag => "flag",
                Kind::Decimal => "decimal",
                Kind::Text | Kind::Required | Kind::Object | Kind::List => "text",
            };
            format!("{name} {kind}")
        })
    }

    /// The batch's values as expressions of the columns' types, `r` being the batch.
    pub(super) fn values(&self) -> String {
        self.list(value)
    }

    /// Assignments of all columns from the batch, for `update_rows`.
    pub(super) fn assignments(&self) -> Vec<(&'static str, String)> {
        self.columns.iter().map(|(name, kind)| (*name, value(name, *kind))).collect()
    }

    /// Assignments that leave nothing of a row's values: null, or what stands for nothing where that may not be.
    pub(super) fn emptied(&self) -> String {
        self.list(|name, kind| match kind {
            Kind::Key | Kind::Text | Kind::Decimal => format!("{name} = NULL"),
            Kind::Required => format!("{name} = ''"),
            Kind::Flag => format!("{name} = FALSE"),
            Kind::Object => format!("{name} = '{{}}'"),
            Kind::List => format!("{name} = '[]'"),
        })
    }

    /// Assignments of all columns but the key in an upsert.
    pub(super) fn upsert(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .filter(|(_, kind)| *kind != Kind::Key)
            .map(|(name, _)| format!("{name} = {{new:{name}}}"))
            .collect();
        columns.join(", ")
    }

    /// A select list that [`Table::read`] understands, `t` being the table.
    pub(super) fn select(&self) -> String {
        self.list(|name, kind| match kind {
            Kind::Flag => format!("{{flag:t.{name}}} AS {name}"),
            _ => format!("{{text:t.{name}}} AS {name}"),
        })
    }

    fn list(&self, each: impl Fn(&str, Kind) -> String) -> String {
        self.columns.iter().map(|(name, kind)| each(name, *kind)).collect::<Vec<_>>().join(", ")
    }

    /// A record as a row of a batch: nulls left out, JSON columns as text.
    pub(super) fn row<T: Serialize>(&self, record: &T) -> Result<Map<String, Value>, serde_json::Error> {
        let mut row = match serde_json::to_value(record)? {
            Value::Object(row) => row,
            _ => Map::new(),
        };
        for (name, kind) in self.columns {
            if matches!(kind, Kind::Object | Kind::List)
                && let Some(value) = row.get_mut(*name)
            {
                *value = Value::String(value.to_string());
            }
        }
        row.retain(|_, value| !value.is_null());
        Ok(row)
    }

    /// A record from a row of [`Table::select`]. An adopted table may hold nulls or texts where we would not: they are
    /// read as empty.
    pub(super) fn read<T: DeserializeOwned>(&self, row: &Row) -> Result<T, Fault> {
        let mut record = Map::new();
        for (name, kind) in self.columns {
            let value = if *kind == Kind::Flag {
                Value::Bool(row.flag(name)?)
            } else {
                let text = row.maybe_text(name)?;
                let json = |text: &str| serde_json::from_str::<Value>(text).ok();
                match kind {
                    Kind::Required => Value::String(text.unwrap_or_default()),
                    Kind::Decimal => text.as_deref().and_then(decimal).map_or(Value::Null, Value::String),
                    Kind::Object => {
                        text.as_deref().and_then(json).filter(Value::is_object).unwrap_or_else(|| Map::new().into())
                    }
                    Kind::List => text
                        .as_deref()
                        .and_then(json)
                        .filter(Value::is_array)
                        .unwrap_or_else(|| Vec::<Value>::new().into()),
                    Kind::Key | Kind::Text | Kind::Flag => text.map_or(Value::Null, Value::String),
                }
            };
            record.insert((*name).to_owned(), value);
        }
        Ok(serde_json::from_value(Value::Object(record))?)
    }
}

fn value(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Object | Kind::List => format!("r.{name}{{json}}"),
        _ => format!("r.{name}"),
    }
}

/// The normalised form of a stored decimal (`12.500000000` is `12.5`).
fn decimal(text: &str) -> Option<String> {
    use rust_decimal::Decimal;
    let parsed = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()?;
    Some(parsed.normalize().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::{Address, Contact, Customer};

    fn fields<T: Serialize>(record: &T) -> Vec<String> {
        let value = serde_json::to_value(record).expect("a record is JSON");
        value.as_object().expect("an object").keys().cloned().collect()
    }

    #[test]
    fn the_columns_are_the_fields_of_the_records() {
        for (table, expected) in [
            (&CUSTOMERS, fields(&Customer::default())),
            (&ADDRESSES, fields(&Address::default())),
            (&CONTACTS, fields(&Contact::default())),
        ] {
            let mut columns: Vec<String> = table.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            columns.sort_unstable();
            assert_eq!(columns, expected, "{}", table.name);
        }
    }

    #[test]
    fn decimals_are_normalised_and_nonsense_is_none() {
        assert_eq!(decimal("12.500000000").as_deref(), Some("12.5"));
        assert_eq!(decimal("5e3").as_deref(), Some("5000"));
        assert_eq!(decimal("unlimited"), None);
    }
}
