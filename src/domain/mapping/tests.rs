//! The rules of the mapping on small documents, and properties that hold for any JSON.
//!
//! What real ERPNext documents become is tested on the recordings, in `tests/it/mapping.rs`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::document::Doc;

fn doc(value: Value) -> Doc {
    match value {
        Value::Object(doc) => doc,
        other => panic!("{other} is no document"),
    }
}

fn docs(value: Value) -> Vec<Doc> {
    match value {
        Value::Array(items) => items.into_iter().map(doc).collect(),
        other => panic!("{other} is no list"),
    }
}

fn default_mapping() -> Mapping {
    Mapping::compile(&MappingConfig::default()).unwrap()
}

fn document(customer: Value, addresses: Value, contacts: Value) -> Document {
    let mut customer = doc(customer);
    customer.entry("name").or_insert("ACME".into());
    customer.entry("customer_name").or_insert("Acme".into());
    Document { customer, credit_limits: vec![], addresses: docs(addresses), contacts: docs(contacts) }.canonical()
}

fn mapped(customer: Value, addresses: Value, contacts: Value) -> Mapped {
    default_mapping().map(&document(customer, addresses, contacts)).unwrap()
}

fn limits(company: Option<&str>, rows: Value) -> Option<String> {
    let config = MappingConfig { company: company.map(str::to_owned), ..MappingConfig::default() };
    let mut document = document(json!({}), json!([]), json!([]));
    document.credit_limits = docs(rows);
    let record = Mapping::compile(&config).unwrap().map(&document).unwrap().record;
    record.customer.credit_limit.map(|limit| limit.to_string())
}

#[test]
fn the_contact_speaks_before_the_address_before_stale_copies() {
    let customer = json!({"email_id": "stale@x", "mobile_no": "0"});
    let address = json!([{"name": "A", "email_id": "address@x", "phone": "2"}]);
    let silent = json!([{"name": "C"}]);
    let contact = json!([{"name": "C", "email_id": "contact@x", "mobile_no": " ", "phone": "1"}]);
    let reach = |addresses: &Value, contacts: &Value| {
        let customer = mapped(customer.clone(), addresses.clone(), contacts.clone()).record.customer;
        (customer.email.unwrap_or_default(), customer.phone.unwrap_or_default())
    };
    let pair = |email: &str, phone: &str| (email.to_owned(), phone.to_owned());
    assert_eq!(reach(&address, &contact), pair("contact@x", "1"));
    assert_eq!(reach(&address, &silent), pair("address@x", "2"));
    assert_eq!(reach(&json!([]), &silent), pair("", ""), "the copy is stale where a Contact is linked");
    assert_eq!(reach(&json!([]), &json!([])), pair("stale@x", "0"));
}

#[test]
fn the_rendered_address_counts_only_without_an_address() {
    let customer = json!({"primary_address": "1 Main St<br>\nChicago<br>"});
    let address = |addresses| mapped(customer.clone(), addresses, json!([])).record.customer.address;
    assert_eq!(address(json!([])).as_deref(), Some("1 Main St, Chicago"));
    assert_eq!(address(json!([{"name": "A"}])), None);
    let lines = json!([{"name": "A", "address_line1": "2 Oak St ", "address_line2": "Floor 3"}]);
    assert_eq!(address(lines).as_deref(), Some("2 Oak St, Floor 3"));
}

#[test]
fn who_is_primary() {
    let old = json!({"name": "old", "creation": "2020-01-01 00:00:00", "city": "Old"});
    let marked =
        json!({"name": "marked", "creation": "2022-01-01 00:00:00", "is_primary_address": 1, "city": "Marked"});
    let disabled = json!({"name": "off", "creation": "2019-01-01 00:00:00", "is_primary_address": 1, "disabled": 1, "city": "Off"});
    let city = |customer, addresses| mapped(customer, addresses, json!([])).record.customer.city;
    let all = json!([old, marked, disabled]);
    assert_eq!(city(json!({}), all.clone()).as_deref(), Some("Marked"));
    assert_eq!(city(json!({"customer_primary_address": "off"}), all.clone()).as_deref(), Some("Off"));
    assert_eq!(city(json!({"customer_primary_address": "unknown"}), all).as_deref(), Some("Marked"));
    assert_eq!(city(json!({}), json!([disabled, old])).as_deref(), Some("Old"));
    assert_eq!(city(json!({}), json!([disabled])), None);
    let twins = json!([{"name": "b", "creation": "2020-01-01 00:00:00", "city": "B"}, {"name": "a", "creation": "2020-01-01 00:00:00", "city": "A"}]);
    assert_eq!(city(json!({}), twins).as_deref(), Some("A"));
    let rows = mapped(json!({}), json!([old, marked]), json!([])).record.addresses;
    assert_eq!(
        rows.iter().filter(|row| row.is_primary).map(|row| row.erpnext_id.as_str()).collect::<Vec<_>>(),
        ["marked"]
    );
}

#[test]
fn which_credit_limit_counts() {
    let rows = json!([{"company": "A", "credit_limit": 10.5}, {"company": "B", "credit_limit": 20}]);
    assert_eq!(limits(Some("B"), rows.clone()).as_deref(), Some("20"));
    assert_eq!(limits(Some("C"), rows.clone()), None);
    assert_eq!(limits(None, rows), None, "two companies and none configured");
    assert_eq!(limits(None, json!([{"company": "A", "credit_limit": 10.5}])).as_deref(), Some("10.5"));
    assert_eq!(limits(None, json!([])), None);
}

#[test]
fn flags_without_a_value_are_no() {
    let customer = mapped(json!({}), json!([]), json!([])).record.customer;
    assert!(customer.is_active && !customer.is_frozen);
    let customer = mapped(json!({"disabled": "1", "is_frozen": 1}), json!([]), json!([])).record.customer;
    assert!(!customer.is_active && customer.is_frozen);
}

#[test]
fn what_cannot_be_stored_is_kept_and_reported() {
    let odd = mapped(
        json!({"tax_id": "x".repeat(300), "website": ["a"], "disabled": 7, "customer_name": "a\u{7}b"}),
        json!([{"name": "A", "city": "a\u{0}"}]),
        json!([{"city": "no name"}]),
    );
    assert_eq!(odd.keep, ["name", "company_name", "city", "tax_number", "is_active"]);
    assert_eq!(odd.record.customer.name, "ACME", "a new row must be called something");
    assert_eq!((odd.record.customer.tax_number, odd.record.customer.is_active), (None, true));
    assert_eq!(odd.record.addresses[0].city, None);
    assert!(odd.record.contacts.is_empty());
    assert_eq!(odd.problems.len(), 7);
    assert!(
        odd.problems[3].starts_with("tax_number: the value of customer.tax_id has 300 characters"),
        "{:?}",
        odd.problems
    );
    assert!(odd.problems.iter().all(|problem| !problem.contains("xxx")), "{:?}", odd.problems);
}

#[test]
fn a_document_without_a_name_is_no_row() {
    let map = |customer| {
        let document = Document { customer: doc(customer), ..Document::default() };
        default_mapping().map(&document).unwrap_err()
    };
    assert!(matches!(map(json!({"customer_name": "x"})), Unmappable::Name(_)));
    assert!(matches!(map(json!({"name": "x".repeat(256), "customer_name": "x"})), Unmappable::Name(_)));
    assert_eq!(map(json!({"name": "x", "customer_name": " "})), Unmappable::NoName);
}

#[test]
fn users_choose_sources_and_extras() {
    let config = MappingConfig {
        company: None,
        fields: BTreeMap::from([
            ("email".to_owned(), vec!["customer.email_id".to_owned()]),
            ("notes".to_owned(), vec![]),
        ]),
        extra: BTreeMap::from([("vat".to_owned(), "customer.custom_vat".to_owned())]),
    };
    let mapping = Mapping::compile(&config).unwrap();
    let customer = json!({"email_id": "own@x", "notes": "n", "custom_vat": 19.5});
    let record = mapping.map(&document(customer, json!([]), json!([{"name": "C", "email_id": "c@x"}]))).unwrap().record;
    assert_eq!(record.customer.email.as_deref(), Some("own@x"));
    assert_eq!(record.customer.notes, None);
    assert_eq!(Value::Object(record.customer.extra), json!({"vat": 19.5}));
    assert!(mapping.customer_fields().contains("custom_vat") && !mapping.customer_fields().contains("credit_limits"));
    assert_ne!(mapping.fingerprint(), default_mapping().fingerprint());
}

#[test]
fn a_column_without_sources_is_not_ours() {
    let fields = BTreeMap::from([("notes".to_owned(), vec![])]);
    let mapping = Mapping::compile(&MappingConfig { fields, ..MappingConfig::default() }).unwrap();
    let mapped = mapping.map(&document(json!({"customer_details": "theirs"}), json!([]), json!([]))).unwrap();
    assert_eq!((mapped.keep, mapped.record.customer.notes), (vec!["notes"], None));
    assert_eq!((mapped.problems, mapping.writes("notes"), mapping.writes("city")), (vec![], false, true));
    assert!(mapping.writes("extra") && mapping.writes("erpnext_id") && default_mapping().writes("notes"));
}

#[test]
fn mistakes_are_found_at_once() {
    let sources = |written: &str| vec![written.to_owned()];
    let config = MappingConfig {
        company: None,
        fields: BTreeMap::from([
            ("emial".to_owned(), sources("contact.email_id")),
            ("phone".to_owned(), sources("contcat.phone")),
            ("city".to_owned(), sources("not address.city")),
            ("name".to_owned(), vec![]),
            ("notes".to_owned(), sources("customer.credit_limits")),
        ]),
        extra: BTreeMap::from([("vat".to_owned(), "address.vat".to_owned())]),
    };
    insta::assert_snapshot!(Mapping::compile(&config).unwrap_err(), @r#"
    [mapping] is wrong:
      mapping.fields: "emial" is no column that can be mapped; did you mean "email"?
      mapping.fields: name: needs at least one source
      mapping.fields: phone: "contcat.phone" does not begin with "customer.", "address." or "contact."; did you mean "contact"?
      mapping.fields: city: "not address.city" negates a value that is not yes or no; remove the "not"
      mapping.fields: notes: "customer.credit_limits" is a table of credit limits, which only the column credit_limit can take
      mapping.extra: vat: "address.vat" cannot be copied; write one field of the Customer like "customer.custom_vat_class"
    "#);
}

#[test]
fn the_fingerprint_of_the_default_mapping_is_stable() {
    // A change here means that every installation maps all its customers again: wanted if records change, else a slip.
    insta::assert_snapshot!(default_mapping().fingerprint(), @r#"
    a8d9e1dea6fc23ffe953afdba4047db9e01c75cb5040da7a7a63cbf947145ea2
    "#);
}

/// Any JSON that ERPNext, a proxy or an enemy could send, mostly in fields that are read.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[<>/a-z&;#0-9 ]{0,30}".prop_map(Value::from),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_doc(fields: Vec<String>) -> impl Strategy<Value = Doc> {
    let names = prop_oneof![4 => prop::sample::select(fields), 1 => "[a-z_]{1,8}"];
    prop::collection::btree_map(names, any_value(), 0..12).prop_map(|map| map.into_iter().collect())
}

fn any_document() -> impl Strategy<Value = Document> {
    let mapping = default_mapping();
    let fields = |own: &BTreeSet<String>, more: &[&str]| -> Vec<String> {
        own.iter().cloned().chain(more.iter().map(|field| (*field).to_owned())).collect()
    };
    let customer = fields(mapping.customer_fields(), &["name", "customer_name", "credit_limits"]);
    let address = fields(mapping.address_fields(), &["name", "creation"]);
    let contact = fields(mapping.contact_fields(), &["name", "creation", "email_ids", "phone_nos"]);
    let limit = ["company", "credit_limit", "idx"].map(str::to_owned).to_vec();
    (
        any_doc(customer),
        prop::collection::vec(any_doc(limit), 0..3),
        prop::collection::vec(any_doc(address), 0..4),
        prop::collection::vec(any_doc(contact), 0..4),
    )
        .prop_map(|(customer, credit_limits, addresses, contacts)| Document {
            customer,
            credit_limits,
            addresses,
            contacts,
        })
}

proptest! {
    #[test]
    fn any_document_maps_or_is_refused(document in any_document()) {
        let mapping = default_mapping();
        let canonical = document.canonical();
        let first = mapping.map(&canonical);
        prop_assert_eq!(&first, &mapping.map(&canonical));
        if let Ok(mapped) = first {
            prop_assert!(!mapped.record.customer.name.is_empty());
            prop_assert!(mapped.problems.len() >= mapped.keep.len());
            prop_assert!(mapped.record.addresses.is_sorted_by(|left, right| left.erpnext_id <= right.erpnext_id));
            let stored: Record = serde_json::from_value(serde_json::to_value(&mapped.record).unwrap()).unwrap();
            prop_assert_eq!(stored, mapped.record);
        }
    }

    #[test]
    fn the_canonical_form_is_one(document in any_document()) {
        let canonical = document.clone().canonical();
        prop_assert_eq!(&canonical.clone().canonical(), &canonical);
        let mut turned = document;
        turned.addresses.reverse();
        turned.contacts.reverse();
        turned.credit_limits.reverse();
        prop_assert_eq!(turned.canonical(), canonical);
    }
}
