//! The rows of `customer_addresses` and `customer_contacts`: every linked document, with fixed fields.
//!
//! Invariant: sorted by `erpnext_id`, at most one row is primary, and that is the one whose values the customer's own row
//! shows. A single value that cannot be stored is reported and left empty; the other values of that row are not affected.

use serde_json::Value;

use super::Mapped;
use super::convert::{self, Shape};
use super::primary::View;
use crate::domain::customer::{Address, Contact};
use crate::domain::document::{Doc, Document, text};

/// Fields of an Address that are read.
pub(super) const ADDRESS_FIELDS: &[&str] = &[
    "address_title",
    "address_type",
    "address_line1",
    "address_line2",
    "city",
    "county",
    "state",
    "pincode",
    "country",
    "phone",
    "email_id",
    "is_primary_address",
    "is_shipping_address",
    "disabled",
];

/// Fields of a Contact that are read, beside its two child tables.
pub(super) const CONTACT_FIELDS: &[&str] =
    &["first_name", "last_name", "full_name", "designation", "email_id", "phone", "mobile_no", "is_primary_contact"];

/// Adds both lists.
pub(super) fn fill(view: &View<'_>, document: &Document, mapped: &mut Mapped) {
    let mut addresses = Vec::with_capacity(document.addresses.len());
    for doc in &document.addresses {
        let mut row = Row { doc, what: "Address", problems: &mut mapped.problems };
        let Some(erpnext_id) = row.name() else { continue };
        addresses.push(Address {
            erpnext_id,
            title: row.text("address_title"),
            address_type: row.text("address_type"),
            line1: row.text("address_line1"),
            line2: row.text("address_line2"),
            city: row.text("city"),
            county: row.text("county"),
            state: row.text("state"),
            postal_code: row.text("pincode"),
            country: row.text("country"),
            phone: row.text("phone"),
            email: row.text("email_id"),
            is_primary: view.address.is_some_and(|chosen| same(chosen, doc)),
            is_shipping: row.flag("is_shipping_address"),
            disabled: row.flag("disabled"),
        });
    }
    addresses.sort_by(|left, right| left.erpnext_id.cmp(&right.erpnext_id));
    let mut contacts = Vec::with_capacity(document.contacts.len());
    for doc in &document.contacts {
        let mut row = Row { doc, what: "Contact", problems: &mut mapped.problems };
        let Some(erpnext_id) = row.name() else { continue };
        contacts.push(Contact {
            erpnext_id,
            first_name: row.text("first_name"),
            last_name: row.text("last_name"),
            full_name: row.text("full_name"),
            designation: row.text("designation"),
            email: row.text("email_id"),
            phone: row.text("phone"),
            mobile: row.text("mobile_no"),
            emails: row.table("email_ids", "email_id"),
            phones: row.table("phone_nos", "phone"),
            is_primary: view.contact.is_some_and(|chosen| same(chosen, doc)),
        });
    }
    contacts.sort_by(|left, right| left.erpnext_id.cmp(&right.erpnext_id));
    mapped.record.addresses = addresses;
    mapped.record.contacts = contacts;
}

fn same(left: &Doc, right: &Doc) -> bool {
    text(left, "name") == text(right, "name")
}

/// A linked document whose values are being taken.
struct Row<'a> {
    doc: &'a Doc,
    what: &'static str,
    problems: &'a mut Vec<String>,
}

impl Row<'_> {
    /// The document's name; without a usable one there is no row.
    fn name(&mut self) -> Option<String> {
        match convert::text(self.doc.get("name").unwrap_or(&Value::Null), Shape::LINE) {
            Ok(Some(name)) => Some(name),
            Ok(None) => self.refuse("name", "is empty; the document is left out"),
            Err(why) => self.refuse("name", &format!("{why}; the document is left out")),
        }
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let value = self.doc.get(field)?;
        convert::text(value, Shape::LINE).unwrap_or_else(|why| self.refuse(field, &format!("{why}; it is left empty")))
    }

    fn flag(&mut self, field: &str) -> bool {
        let Some(value) = self.doc.get(field) else { return false };
        convert::flag(value)
            .unwrap_or_else(|why| self.refuse(field, &format!("{why}; it counts as no")).unwrap_or(false))
    }

    /// One field of every row of a child table, blank ones left out.
    fn table(&mut self, table: &str, field: &str) -> Vec<String> {
        let Some(rows) = self.doc.get(table).and_then(Value::as_array) else { return Vec::new() };
        let mut texts = Vec::with_capacity(rows.len());
        for value in rows.iter().filter_map(|row| row.get(field)) {
            match convert::text(value, Shape::LINE) {
                Ok(text) => texts.extend(text),
                Err(why) => {
                    self.refuse::<()>(field, &format!("{why}; it is left out"));
                }
            }
        }
        texts
    }

    fn refuse<T>(&mut self, field: &str, why: &str) -> Option<T> {
        self.problems.push(format!("{}: the value of {field} {why}", self.what));
        None
    }
}
