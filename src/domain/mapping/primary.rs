//! Which Address and which Contact speak for a customer, and which credit limit counts.
//!
//! Invariant: the choice depends on the documents only, never on their order: the one that the Customer names, else the
//! oldest of those marked primary, else the oldest. A disabled Address speaks only if the Customer names it.

use serde_json::Value;

use crate::domain::document::{Doc, Document, text};

/// A document with the choices made.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) customer: &'a Doc,
    pub(super) address: Option<&'a Doc>,
    pub(super) contact: Option<&'a Doc>,
    pub(super) has_addresses: bool,
    pub(super) has_contacts: bool,
    pub(super) credit_limit: Option<&'a Value>,
}

impl<'a> View<'a> {
    pub(super) fn of(document: &'a Document, company: Option<&str>) -> Self {
        let customer = &document.customer;
        let usable = document.addresses.iter().filter(|address| !is_set(address, "disabled"));
        Self {
            customer,
            address: named(&document.addresses, text(customer, "customer_primary_address"))
                .or_else(|| first(usable, "is_primary_address")),
            contact: named(&document.contacts, text(customer, "customer_primary_contact"))
                .or_else(|| first(document.contacts.iter(), "is_primary_contact")),
            has_addresses: !document.addresses.is_empty(),
            has_contacts: !document.contacts.is_empty(),
            credit_limit: credit_limit(&document.credit_limits, company),
        }
    }
}

fn named<'a>(docs: &'a [Doc], name: &str) -> Option<&'a Doc> {
    docs.iter().find(|doc| !name.is_empty() && text(doc, "name") == name)
}

fn first<'a>(docs: impl Iterator<Item = &'a Doc>, mark: &str) -> Option<&'a Doc> {
    docs.min_by_key(|doc| (!is_set(doc, mark), text(doc, "creation"), text(doc, "name")))
}

fn is_set(doc: &Doc, field: &str) -> bool {
    doc.get(field).is_some_and(|value| super::convert::flag(value) == Ok(true))
}

/// Of the configured company; without one only an unambiguous limit counts.
fn credit_limit<'a>(rows: &'a [Doc], company: Option<&str>) -> Option<&'a Value> {
    let row = match (company, rows) {
        (Some(company), rows) => rows.iter().find(|row| text(row, "company") == company),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    row?.get("credit_limit")
}
