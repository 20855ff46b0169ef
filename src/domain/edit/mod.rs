//! What people may write into a customer by hand, and how it is checked.
//!
//! Invariant: pure, and the same rules as for values of ERPNext (`mapping`): texts are trimmed and never cut, decimals are
//! exact. But a person is told of every value that cannot be taken, and nothing of the edit is. Which fields belong to
//! ERPNext is `mapping`'s knowledge, whether the row may be changed at all `sync::edit`'s.

mod fields;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::change::FieldChange;
use super::customer::{Customer, Record};
use super::fields::{diff, flatten};
use super::mapping::columns::{COLUMNS, Column, Target};
use super::mapping::convert::{self, Shape};
use super::mapping::extra_name;
use super::suggest::did_you_mean;
use super::visible::is_visible;
use super::website;

pub use fields::{Fields, NewFields};

/// The column of custom fields, which is merged name by name.
const EXTRA: &str = "extra";
/// The column that other programs make links of.
const WEBSITE: &str = "website";
/// The column that other programs send mail to.
const EMAIL: &str = "email";
/// Said of what no browser opens there. A value that comes from ERPNext is taken as it is.
const NO_WEBSITE: &str = "is no address of a website: write it like https://example.com or www.example.com";
/// Said of what no mail gets to, likewise.
const NO_EMAIL: &str = "is no e-mail address: write it like name@example.com";
/// Columns that no edit sets, with what does.
const SET_OTHERWISE: [(&str, &str); 10] = [
    ("id", "it is given by the database and never changes"),
    ("erpnext_id", "a customer gets it by linking it to a document of ERPNext"),
    ("origin", "it follows from where the customer comes from"),
    ("merged_into", "customers are merged in ERPNext"),
    ("deleted_at", "delete the customer instead"),
    ("erased_at", "erase the customer instead"),
    ("created_at", "it is set by itself"),
    ("updated_at", "it is set by itself"),
    ("addresses", "addresses come from ERPNext"),
    ("contacts", "contacts come from ERPNext"),
];

/// A value that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Which field; `extra.NAME` for one of the custom ones.
    pub field: String,
    /// What is wrong with it, as a sentence without its subject.
    pub message: String,
}

/// The version of a customer that an edit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whichever there is.
    Any,
    /// One of these.
    OneOf(Vec<String>),
}

impl Expected {
    /// Whether an edit may go on where this is the present version.
    #[must_use]
    pub fn includes(&self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.iter().any(|expected| expected == version),
        }
    }
}

/// A new local customer with these fields.
///
/// # Errors
/// Everything that is wrong with them.
pub fn new(NewFields(fields): &NewFields) -> Result<Customer, Vec<FieldProblem>> {
    let empty = Customer { is_active: true, ..Customer::default() };
    let (customer, mut problems) = fill(empty, fields);
    if !fields.contains_key("name") {
        problems.push(problem("name", "is missing"));
    }
    if problems.is_empty() { Ok(customer) } else { Err(problems) }
}

/// The customer with these fields changed (a JSON merge patch, RFC 7396): null empties a field, and what is not named stays.
///
/// # Errors
/// Everything that is wrong with them.
pub fn merge(customer: &Customer, Fields(fields): &Fields) -> Result<Customer, Vec<FieldProblem>> {
    let (customer, problems) = fill(customer.clone(), fields);
    if problems.is_empty() { Ok(customer) } else { Err(problems) }
}

/// What an edit changes, by the name of the field.
///
/// # Errors
/// Where a value cannot be JSON, which its types rule out.
pub fn changes(before: &Customer, after: &Customer) -> Result<Vec<FieldChange>, serde_json::Error> {
    let fields = |customer: &Customer| flatten(&Record { customer: customer.clone(), ..Record::default() });
    Ok(diff(&fields(before)?, &fields(after)?))
}

fn fill(mut customer: Customer, fields: &Map<String, Value>) -> (Customer, Vec<FieldProblem>) {
    let mut problems = Vec::new();
    for (field, value) in fields {
        match COLUMNS.iter().find(|column| column.name == field) {
            Some(column) => {
                if let Err(message) = set(&mut customer, column, value) {
                    problems.push(problem(field, message));
                }
            }
            None if field == EXTRA => merge_extra(&mut customer.extra, value, &mut problems),
            None => problems.push(problem(field, unknown(field))),
        }
    }
    (customer, problems)
}

fn set(customer: &mut Customer, column: &Column, value: &Value) -> Result<(), String> {
    match column.target {
        Target::Name => {
            let called = text(value, Shape::LINE)?.ok_or("is empty, but every customer is called something")?;
            if !is_visible(&called) {
                return Err("has no character that can be seen, but every customer is called something".to_owned());
            }
            customer.name = called;
        }
        Target::Text(field, shape) => {
            let text = text(value, shape)?;
            if column.name == WEBSITE && text.as_deref().is_some_and(|text| website::address(text).is_none()) {
                return Err(NO_WEBSITE.to_owned());
            }
            if column.name == EMAIL && text.as_deref().is_some_and(|text| !is_email(text)) {
                return Err(NO_EMAIL.to_owned());
            }
            *field(customer) = text;
        }
        Target::Decimal(field) => *field(customer) = decimal(value)?,
        Target::Flag(field) => *field(customer) = value.as_bool().ok_or("is neither true nor false")?,
    }
    Ok(())
}

fn text(value: &Value, shape: Shape) -> Result<Option<String>, String> {
    match value {
        Value::Null | Value::String(_) => convert::text(value, shape),
        _ => Err("is no text".to_owned()),
    }
}

/// Whether mail may get there: what the standards allow beyond that, only its host can tell.
fn is_email(text: &str) -> bool {
    let parts: Vec<&str> = text.split('@').collect();
    let [name, host] = parts[..] else { return false };
    !name.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
}

fn decimal(value: &Value) -> Result<Option<Decimal>, String> {
    match value {
        Value::Null | Value::Number(_) | Value::String(_) => convert::decimal(value),
        _ => Err("is no number".to_owned()),
    }
}

fn merge_extra(extra: &mut Map<String, Value>, value: &Value, problems: &mut Vec<FieldProblem>) {
    let given = match value {
        Value::Null => return extra.clear(),
        Value::Object(given) => given,
        _ => return problems.push(problem(EXTRA, "is no object of names and values")),
    };
    for (name, value) in given {
        let checked = extra_name(name).and_then(|()| convert::scalar(value));
        match checked {
            Ok(Value::Null) => drop(extra.remove(name)),
            Ok(value) => drop(extra.insert(name.clone(), value)),
            Err(message) => problems.push(problem(&format!("{EXTRA}.{name}"), message)),
        }
    }
}

fn unknown(field: &str) -> String {
    match SET_OTHERWISE.iter().find(|(name, _)| *name == field) {
        Some((_, how)) => format!("cannot be set by hand: {how}"),
        None => {
            let names = COLUMNS.iter().map(|column| column.name).chain([EXTRA]);
            format!("is no field of a customer{}", did_you_mean(field, names))
        }
    }
}

fn problem(field: &str, message: impl Into<String>) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn changed(before: &Customer, after: &Customer) -> Vec<String> {
        changes(before, after).unwrap().into_iter().map(|change| change.field).collect()
    }

    fn refused(fields: &Value) -> Vec<String> {
        let problems = merge(&Customer::default(), &Fields(object(fields))).expect_err("it cannot be taken");
        problems.into_iter().map(|problem| format!("{} {}", problem.field, problem.message)).collect()
    }

    #[test]
    fn a_new_customer_needs_a_name_and_no_more() {
        let customer = new(&NewFields(object(&json!({"name": " Acme "})))).unwrap();
        assert_eq!(customer, Customer { name: "Acme".to_owned(), is_active: true, ..Customer::default() });
        assert_eq!(new(&NewFields::default()).unwrap_err()[0].message, "is missing");
        for empty in [json!(null), json!(""), json!(" \t ")] {
            assert!(refused(&json!({ "name": empty }))[0].starts_with("name is empty"), "{empty}");
        }
        assert!(refused(&json!({"name": "\u{200b}\u{301}"}))[0].starts_with("name has no character that can be seen"));
    }

    #[test]
    fn what_is_not_named_stays_and_null_empties() {
        let before = Customer {
            name: "Acme".to_owned(),
            email: Some("a@example.com".to_owned()),
            phone: Some("1".to_owned()),
            extra: object(&json!({"tier": "gold", "since": 2019})),
            ..Customer::default()
        };
        let patch = json!({"phone": null, "city": "Ulm", "credit_limit": 12.50, "extra": {"tier": null, "new": true}});
        let after = merge(&before, &Fields(object(&patch))).unwrap();
        let expected = Customer {
            phone: None,
            city: Some("Ulm".to_owned()),
            credit_limit: Some("12.5".parse().unwrap()),
            extra: object(&json!({"since": 2019, "new": true})),
            ..before.clone()
        };
        assert_eq!(after, expected);
        assert_eq!(changed(&before, &after), ["city", "credit_limit", "extra", "phone"]);
        assert!(merge(&before, &Fields(object(&json!({"extra": null})))).unwrap().extra.is_empty());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = refused(&json!({
            "nmae": "x", "email": 7, "is_active": "yes", "credit_limit": "much", "city": "x".repeat(256),
            "phone": "a\nb", "notes": ["x"], "erpnext_id": "X", "extra": {"": 1, "list": [1]},
            "website": "javascript:alert(1)",
        }));
        for beginning in [
            "nmae is no field of a customer; did you mean \"name\"?",
            "email is no text",
            "is_active is neither true nor false",
            "credit_limit is no number that can be stored; write it like 1234.50",
            "city has 256 characters, of which 255 can be stored",
            "phone contains control characters",
            "notes is no text",
            "erpnext_id cannot be set by hand: a customer gets it by linking",
            "extra. is no usable name",
            "extra.list is a list",
            "website is no address of a website",
        ] {
            assert!(wrong.iter().any(|told| told.starts_with(beginning)), "{beginning}: {wrong:?}");
        }
        assert_eq!(wrong.len(), 11);
        assert_eq!(refused(&json!({"extra": 3})), ["extra is no object of names and values"]);
        assert_eq!(refused(&json!({"is_frozen": null})), ["is_frozen is neither true nor false"]);
    }

    #[test]
    fn mail_may_get_to_an_e_mail_address() {
        for wrong in ["nope", "a@", "@b.example", "a@b@c", "a b@c.example", "a@b.example, c@d.example"] {
            let told = refused(&json!({ "email": wrong }));
            assert_eq!(told, ["email is no e-mail address: write it like name@example.com"], "{wrong}");
        }
        for email in [json!("jürgen+x@müller.example"), json!("a@localhost"), json!(""), json!(null)] {
            assert!(merge(&Customer::default(), &Fields(object(&json!({ "email": email })))).is_ok(), "{email}");
        }
    }

    #[test]
    fn every_column_can_be_set() {
        let known = serde_json::to_value(Customer::default()).unwrap();
        for (name, empty) in known.as_object().unwrap().iter().filter(|(name, _)| *name != "erpnext_id") {
            let value = match empty {
                Value::Bool(flag) => json!(!flag),
                Value::Object(_) => json!({"a": 1}),
                _ if name == WEBSITE => json!("example.com"),
                _ if name == EMAIL => json!("a@example.com"),
                _ => json!("7"),
            };
            let after = merge(&Customer::default(), &Fields(object(&json!({ name.as_str(): value })))).unwrap();
            assert_eq!(changed(&Customer::default(), &after), [name.as_str()]);
        }
    }
}
