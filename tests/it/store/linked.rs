//! Addresses and contacts of customers, and who is linked to them.
//!
//! Invariant: only rows that differ are written, a row keeps its id while its document stays linked, and a document
//! linked to two customers is a row of each.

use customer_sync::domain::hint::Doctype;
use customer_sync::domain::plan::Effect;

use super::make::{CREATION, address, contact, full_record, record, upsert};
use super::{Case, on_each_database};

on_each_database! {
    only_rows_that_differ_are_written
    a_document_of_two_customers_is_a_row_of_each
    linked_documents_can_be_told
    canonical_documents_come_back
}

async fn only_rows_that_differ_are_written(case: Case) {
    let before = full_record("Acme");
    let (id, _) = case.write("Acme", upsert(None, before.clone(), CREATION)).await;
    case.execute("UPDATE customer_addresses SET updated_at = '2020-01-01 00:00:00'").await;
    let ids = case.select(["erpnext_id", "id"], "FROM customer_addresses ORDER BY erpnext_id").await;

    let mut after = before.clone();
    after.addresses[1].city = Some("Delhi".to_owned());
    after.addresses.push(address("A-3"));
    after.contacts = vec![contact("C-2")];
    let (_, effect) = case.write("Acme", upsert(Some(case.seen("Acme").await), after.clone(), CREATION)).await;
    assert_eq!(effect, Effect::Updated);
    let detail = case.store.customer(id).await.unwrap().unwrap();
    assert_eq!((detail.addresses, detail.contacts), (after.addresses, after.contacts));
    let rows = case.select(["erpnext_id", "id"], "FROM customer_addresses ORDER BY erpnext_id").await;
    assert_eq!(rows[..2], ids[..], "a row keeps its id");
    let untouched = case.select(["erpnext_id"], "FROM customer_addresses WHERE updated_at < '2021-01-01'").await;
    assert_eq!(untouched, [[Some("A-1".to_owned())]]);

    let (_, effect) = case.write("Acme", upsert(Some(case.seen("Acme").await), record("Acme"), CREATION)).await;
    assert_eq!(effect, Effect::Updated);
    assert_eq!(case.count("FROM customer_addresses").await, 0);
    assert_eq!(case.count("FROM customer_contacts").await, 0);
}

async fn a_document_of_two_customers_is_a_row_of_each(case: Case) {
    for name in ["A", "B"] {
        let mut record = record(name);
        record.addresses = vec![address("Shared")];
        case.write(name, upsert(None, record, CREATION)).await;
    }
    assert_eq!(case.count("FROM customer_addresses WHERE erpnext_id = 'Shared'").await, 2);
    let mut customers = case.store.customers_linked_to(Doctype::Address, "Shared").await.unwrap();
    customers.sort();
    assert_eq!(customers, ["A", "B"]);
    case.write("A", upsert(Some(case.seen("A").await), record("A"), CREATION)).await;
    assert_eq!(case.store.customers_linked_to(Doctype::Address, "Shared").await.unwrap(), ["B"]);
    assert!(case.store.customers_linked_to(Doctype::Contact, "Shared").await.unwrap().is_empty());
    assert!(case.store.customers_linked_to(Doctype::Address, "shared").await.unwrap().is_empty());
}

async fn linked_documents_can_be_told(case: Case) {
    assert_eq!(case.store.canary(Doctype::Address, &[]).await.unwrap(), None);
    let (a, _) = case.write("A", upsert(None, full_record("A"), CREATION)).await;
    let b = case.create("B").await;
    let mut linked = case.store.linked(&[a, b]).await.unwrap();
    linked.sort_by(|one, other| (one.doctype, &one.name).cmp(&(other.doctype, &other.name)));
    let linked: Vec<_> = linked.iter().map(|linked| (linked.customer, linked.doctype, linked.name.as_str())).collect();
    assert_eq!(linked, [(a, Doctype::Address, "A-1"), (a, Doctype::Address, "A-2"), (a, Doctype::Contact, "C-1")]);

    let canary = |but: &[&str]| {
        let but: Vec<String> = but.iter().map(|name| (*name).to_owned()).collect();
        let store = case.store.clone();
        async move { store.canary(Doctype::Address, &but).await.unwrap() }
    };
    assert!(canary(&[]).await.is_some());
    assert_eq!(canary(&["A-1"]).await.as_deref(), Some("A-2"));
    assert_eq!(canary(&["A-1", "A-2"]).await, None);
}

async fn canonical_documents_come_back(case: Case) {
    let (a, b) = (case.create("A").await, case.create("B").await);
    let documents = case.store.documents(&[a, b, b + 1_000]).await.unwrap();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[&a], customer_sync::domain::document::Document::default());
}
