//! The mapping on documents that a real ERPNext sent: the recordings, with the expected rows written out by hand.
//!
//! Invariant: a document read singly (nulls omitted, child tables inside) and the same one from list calls (nulls
//! included, child tables apart) give the same canonical form and the same record.

use std::collections::BTreeMap;
use std::path::Path;

use customer_sync::domain::customer::{Address, Contact, Customer, Record};
use customer_sync::domain::document::{Doc, Document};
use customer_sync::domain::mapping::{Mapping, MappingConfig};
use serde_json::{Map, Value};

fn recording(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/erpnext").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// `data` of a recorded answer.
fn data(name: &str) -> Value {
    recording(name)["response"]["body"]["data"].clone()
}

fn doc(value: &Value) -> Doc {
    value.as_object().unwrap().clone()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Maps with the default mapping; nothing may be odd about a recorded document.
fn map(document: Document) -> Record {
    let mapping = Mapping::compile(&MappingConfig::default()).unwrap();
    let mapped = mapping.map(&document.canonical()).unwrap();
    assert_eq!((mapped.keep, mapped.problems), (vec![], vec![]));
    mapped.record
}

/// The eight list calls of recording 84, put together as the reader does.
fn batch() -> BTreeMap<String, Document> {
    let exchanges = recording("84-batch-read-post-get_list.json")["exchanges"].as_array().unwrap().clone();
    let lists: Vec<Vec<Doc>> = exchanges
        .iter()
        .map(|exchange| {
            let body: Value = serde_json::from_str(exchange["response"]["body"].as_str().unwrap()).unwrap();
            body["message"].as_array().unwrap().iter().map(doc).collect()
        })
        .collect();
    let [customers, limits, addresses, contacts, address_links, contact_links, emails, phones] =
        lists.try_into().unwrap();
    let of = |rows: &[Doc], parent: &Value| -> Vec<Doc> {
        rows.iter().filter(|row| row["parent"] == *parent).cloned().collect()
    };
    let linked = |links: &[Doc], docs: &[Doc], customer: &Value| -> Vec<Doc> {
        let names: Vec<&Value> =
            links.iter().filter(|link| link["link_name"] == *customer).map(|link| &link["parent"]).collect();
        docs.iter().filter(|doc| names.contains(&&doc["name"])).cloned().collect()
    };
    let with_tables = |mut contact: Doc| {
        let rows = |rows: &[Doc]| Value::Array(of(rows, &contact["name"]).into_iter().map(Value::Object).collect());
        let tables = [("email_ids", rows(&emails)), ("phone_nos", rows(&phones))];
        contact.extend(tables.map(|(name, rows)| (name.to_owned(), rows)));
        contact
    };
    customers
        .into_iter()
        .map(|customer| {
            let name = customer["name"].clone();
            let document = Document {
                credit_limits: of(&limits, &name),
                addresses: linked(&address_links, &addresses, &name),
                contacts: linked(&contact_links, &contacts, &name).into_iter().map(with_tables).collect(),
                customer,
            };
            (name.as_str().unwrap().to_owned(), document)
        })
        .collect()
}

fn full_details() -> Document {
    Document {
        customer: doc(&data("21-customer-get-full.json")),
        credit_limits: vec![],
        addresses: vec![doc(&data("23-address-get.json"))],
        contacts: vec![doc(&data("22-contact-get.json"))],
    }
}

#[test]
fn documents_read_singly_become_the_row() {
    let expected = Record {
        customer: Customer {
            erpnext_id: some("Rec Full Details Inc"),
            name: "Rec Full Details Inc".to_owned(),
            company_name: some("Rec Full Details Inc"),
            contact_person: some("Fay Full"),
            email: some("buyer@acme.example"),
            phone: some("+1 555 0100"),
            address: some("1 Main St"),
            city: some("Springfield"),
            state: some("IL"),
            postal_code: some("62701"),
            country: some("United States"),
            tax_number: some("US-77"),
            credit_limit: Some("5000".parse().unwrap()),
            payment_terms: some("Net 30"),
            notes: some("VIP\nCall first"),
            is_active: true,
            customer_type: some("Company"),
            customer_group: some("Commercial"),
            territory: some("United States"),
            currency: None,
            price_list: None,
            language: some("en"),
            tax_category: None,
            is_frozen: false,
            website: None,
            extra: Map::new(),
        },
        addresses: vec![Address {
            erpnext_id: "Rec Full Details Inc-Billing".to_owned(),
            title: some("Rec Full Details Inc"),
            address_type: some("Billing"),
            line1: some("1 Main St"),
            line2: None,
            city: some("Springfield"),
            county: None,
            state: some("IL"),
            postal_code: some("62701"),
            country: some("United States"),
            phone: None,
            email: None,
            is_primary: true,
            is_shipping: true,
            disabled: false,
        }],
        contacts: vec![Contact {
            erpnext_id: "Fay Full-Rec Full Details Inc".to_owned(),
            first_name: some("Fay"),
            last_name: some("Full"),
            full_name: some("Fay Full"),
            designation: None,
            email: some("buyer@acme.example"),
            phone: None,
            mobile: some("+1 555 0100"),
            emails: vec!["buyer@acme.example".to_owned()],
            phones: vec!["+1 555 0100".to_owned()],
            is_primary: true,
        }],
    };
    assert_eq!(map(full_details()), expected);
}

#[test]
fn a_customer_alone_takes_what_it_says_itself() {
    let document = Document { addresses: vec![], contacts: vec![], ..full_details() };
    let customer = map(document).customer;
    assert_eq!(customer.address, some("1 Main St, Springfield, IL 62701"));
    assert_eq!((customer.email, customer.phone), (some("buyer@acme.example"), some("+1 555 0100")));
    assert_eq!((customer.contact_person, customer.city), (None, None));
}

#[test]
fn an_edited_contact_beats_the_stale_copy_of_the_customer() {
    let recording = recording("25-contact-edit-leaves-customer-stale.json");
    let edited = recording["exchanges"].as_array().unwrap().iter().find_map(|exchange| {
        let data = &exchange["response"]["body"]["data"];
        (exchange["kind"] == "api" && data["doctype"] == "Contact").then(|| doc(data))
    });
    let edited = edited.unwrap();
    let email = edited["email_id"].as_str().unwrap().to_owned();
    assert_ne!(email, "buyer@acme.example");
    let document = Document { contacts: vec![edited], ..full_details() };
    assert_eq!(map(document).customer.email, Some(email));
}

#[test]
fn a_batch_of_lists_becomes_rows() {
    let records: BTreeMap<String, Record> = batch().into_iter().map(|(name, document)| (name, map(document))).collect();
    assert_eq!(records.len(), 3);

    let outlet = &records["50% Off Outlet 000339"].customer;
    assert_eq!(outlet.name, "50% Off Outlet 000339");
    assert_eq!((&outlet.contact_person, &outlet.email), (&some("Ana Brown"), &some("c339@customers.example")));
    assert_eq!((&outlet.phone, &outlet.address), (&some("+1 555 000 0339"), &some("1335 Valley St")));
    assert_eq!((&outlet.city, &outlet.state, &outlet.postal_code), (&some("Miami"), &some("FL"), &some("33101")));
    assert_eq!((&outlet.tax_number, outlet.credit_limit), (&some("US000000339"), Some("2500".parse().unwrap())));
    assert_eq!(outlet.notes, some("Prefers email.\nCall before delivery."));
    assert_eq!((&outlet.customer_group, &outlet.payment_terms), (&some("Government"), &None));

    let second = &records["50% Off Outlet 001072"];
    assert_eq!(second.customer.contact_person, some("Łukasz Brown"));
    assert_eq!(second.customer.credit_limit, Some("10000.5".parse().unwrap()));
    assert_eq!(second.customer.payment_terms, some("Net 15"));
    assert_eq!(second.contacts[0].phones, ["+1 555 085 6949", "+1 555 017 8317"]);

    let testing = &records["A/B Testing 000524"];
    assert_eq!(testing.customer.notes, some("VIP \u{2014} handle with care"));
    assert_eq!(testing.customer.customer_type, some("Individual"));
    assert_eq!(testing.contacts[0].emails, ["c297d2-0014@mueller-test.example"]);
    assert_eq!(testing.addresses[0].erpnext_id, "A/B Testing 000524-Billing");
}

#[test]
fn a_list_and_a_single_read_of_one_state_are_equal() {
    let listed = batch().remove("50% Off Outlet 000339").unwrap();
    // Recording 65 lists the same customer, a GET would leave its nulls out and carry its child tables.
    let mut single = doc(&data("65-list-star.json")[0]);
    single.retain(|_, value| !value.is_null());
    single.insert("doctype".to_owned(), "Customer".into());
    single.insert("accounts".to_owned(), Value::Array(vec![]));
    let limits = listed.credit_limits.iter().cloned().map(Value::Object).collect();
    single.insert("credit_limits".to_owned(), Value::Array(limits));
    let single = Document { customer: single, credit_limits: vec![], ..listed.clone() };
    assert_eq!(single.canonical(), listed.canonical());
}

#[test]
fn credit_limits_keep_their_cents() {
    let limits = data("67-list-credit-limits.json");
    let amounts: Vec<String> = limits
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let document = Document { credit_limits: vec![doc(row)], ..full_details() };
            map(document).customer.credit_limit.unwrap().to_string()
        })
        .collect();
    assert_eq!(amounts, ["1000", "2500", "99999.99"]);
}
