//! What stands in a form about a customer: each field as text.
//!
//! Invariant: an edit is what stands there otherwise than it came. All else is none of the edit: a value that somebody else
//! wrote may be one that a person could not (an address with line breaks, say), or newer than the form.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::field::{self, Field, Kind};
use crate::domain::customer::Customer;

/// The text of each field, by column.
pub(super) type Typed = BTreeMap<String, String>;
/// What tells values apart, by column. The form that is sent carries these, not the values, which may be long.
pub(super) type Marks = BTreeMap<String, String>;

/// What a flag that is set sends.
const SET: &str = "yes";

/// The values of a customer as a form has them.
pub(super) fn typed(customer: &Customer) -> Typed {
    let values = serde_json::to_value(customer).unwrap_or_default();
    let text = |field: &Field| match &values[field.column] {
        Value::Bool(true) => SET.to_owned(),
        Value::Bool(false) => String::new(),
        value => field::text(value),
    };
    field::all().map(|field| (field.column.to_owned(), text(field))).collect()
}

/// What a form sent as values of these fields.
pub(super) fn read(typed: &Typed, fields: impl Iterator<Item = &'static Field>) -> Map<String, Value> {
    let value = |field: &Field| {
        let text = typed.get(field.column).map(String::as_str).unwrap_or_default();
        match field.kind {
            Kind::Flag => Value::Bool(text == SET),
            // Browsers end lines of a form in their own way.
            Kind::Line | Kind::Lines | Kind::Number => Value::String(text.replace("\r\n", "\n")),
        }
    };
    fields.map(|field| (field.column.to_owned(), value(field))).collect()
}

/// The marks of the values of a form that offers these fields.
pub(super) fn marks(typed: &Typed, offered: impl Iterator<Item = &'static Field>) -> Marks {
    read(typed, offered).into_iter().map(|(column, value)| (column, mark(&value))).collect()
}

fn mark(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(value.to_string())[..9])
}

/// Of these fields those with another value than they came with. What the form did not have, nobody edited; one without
/// any mark had everything.
pub(super) fn edited(typed: &Typed, came: &Marks, fields: impl Iterator<Item = &'static Field>) -> Map<String, Value> {
    let mut sent = read(typed, fields.filter(|field| came.is_empty() || came.contains_key(field.column)));
    sent.retain(|column, value| came.get(column) != Some(&mark(value)));
    sent
}

/// A form after somebody else changed the customer: fields that were left alone have the value that is there `now`; and, of
/// those that both changed, what the other wrote.
pub(super) fn merged(typed: &Typed, came: &Marks, now: Typed) -> (Typed, Typed) {
    let mine = edited(typed, came, field::all());
    let mut theirs = edited(&now, came, field::all());
    theirs.retain(|column, value| mine.get(column).is_some_and(|mine| mine != value));
    let (mut form, mut other) = (Typed::new(), Typed::new());
    for (column, text) in now {
        if theirs.contains_key(&column) {
            other.insert(column.clone(), text.clone());
        }
        let mine = mine.contains_key(&column).then(|| typed.get(&column).cloned().unwrap_or_default());
        form.insert(column, mine.unwrap_or(text));
    }
    (form, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> Customer {
        Customer {
            name: "Acme".to_owned(),
            address: Some("1 Road\nUlm".to_owned()),
            credit_limit: Some("12.50".parse().unwrap()),
            is_active: true,
            ..Customer::default()
        }
    }

    #[test]
    fn a_form_that_is_sent_as_it_came_changes_nothing() {
        let mut typed = typed(&customer());
        let came = marks(&typed, field::all());
        typed.insert("address".to_owned(), "1 Road\r\nUlm".to_owned());
        // A box that is not ticked is not sent.
        typed.retain(|_, value| !value.is_empty());
        assert_eq!(edited(&typed, &came, field::all()), Map::new());
        typed.remove("is_active");
        typed.insert("address".to_owned(), "1 Road\r\nBonn".to_owned());
        let edited = edited(&typed, &came, field::all());
        assert_eq!(Value::from(edited), serde_json::json!({"address": "1 Road\nBonn", "is_active": false}));
    }

    #[test]
    fn what_another_changed_is_taken_over_where_it_was_left_alone_and_stands_beside_where_both_wrote() {
        let mut mine = typed(&customer());
        let came = marks(&mine, field::all());
        for (column, value) in [("city", "Ulm"), ("phone", "1"), ("name", "Acme Ltd")] {
            mine.insert(column.to_owned(), value.to_owned());
        }
        let now = Customer {
            city: Some("Bonn".to_owned()),
            phone: Some("1".to_owned()),
            email: Some("a@b.example".to_owned()),
            is_active: false,
            ..customer()
        };
        let (form, other) = merged(&mine, &came, typed(&now));
        let expected =
            [("city", "Ulm"), ("phone", "1"), ("name", "Acme Ltd"), ("email", "a@b.example"), ("is_active", "")];
        for (column, value) in expected {
            assert_eq!(form[column], value, "{column}");
        }
        assert_eq!(other, Typed::from([("city".to_owned(), "Bonn".to_owned())]));
    }

    #[test]
    fn a_form_that_had_few_fields_says_nothing_of_the_others() {
        let offered = || field::all().filter(|field| field.column == "address");
        let came = marks(&typed(&customer()), offered());
        let mine = Typed::from([("address".to_owned(), "2 Road".to_owned())]);
        assert_eq!(edited(&mine, &came, field::all()), Map::from_iter([("address".to_owned(), "2 Road".into())]));
        // Somebody unlinked the customer meanwhile: the others can be filled in now, too.
        let (form, other) = merged(&mine, &came, typed(&Customer { city: Some("Bonn".to_owned()), ..customer() }));
        let expected = [("address", "2 Road"), ("name", "Acme"), ("city", "Bonn"), ("is_active", SET)];
        for (column, value) in expected {
            assert_eq!(form[column], value, "{column}");
        }
        assert_eq!(other, Typed::new());
    }
}
