//! What the rows must look like: the stand-in's documents, mapped without the service.

use std::collections::{BTreeMap, HashMap};

use customer_sync::domain::document::{Doc, Document};
use customer_sync::domain::mapping::{Mapping, MappingConfig};
use customer_sync::simulator::Simulator;
use customer_sync::store::{CustomerDetail, Store};
use serde_json::Value;

/// Every live customer of the stand-in with its linked documents, by name.
pub fn documents(erpnext: &Simulator) -> BTreeMap<String, Document> {
    let mut addresses = linked(erpnext, "Address");
    let mut contacts = linked(erpnext, "Contact");
    let mut documents = BTreeMap::new();
    for name in erpnext.names("Customer") {
        let Some(customer) = erpnext.document("Customer", &name) else { continue };
        let document = Document {
            customer,
            credit_limits: Vec::new(),
            addresses: addresses.remove(&name).unwrap_or_default(),
            contacts: contacts.remove(&name).unwrap_or_default(),
        };
        documents.insert(name, document.canonical());
    }
    documents
}

/// The documents of a doctype by the customers that they link to.
fn linked(erpnext: &Simulator, doctype: &str) -> HashMap<String, Vec<Doc>> {
    let mut by_customer: HashMap<String, Vec<Doc>> = HashMap::new();
    for document in erpnext.names(doctype).iter().filter_map(|name| erpnext.document(doctype, name)) {
        let links = document.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
        for customer in links.iter().filter_map(|link| link["link_name"].as_str()) {
            by_customer.entry(customer.to_owned()).or_default().push(document.clone());
        }
    }
    by_customer
}

/// Every row with its addresses and contacts, by id.
pub async fn rows(store: &Store) -> Vec<CustomerDetail> {
    let mut rows: Vec<CustomerDetail> = Vec::new();
    loop {
        let after = rows.last().map(|last| last.row.id);
        let page = store.customers_page(after, 500).await.unwrap();
        if page.is_empty() {
            return rows;
        }
        for row in page {
            rows.push(store.customer(row.id).await.unwrap().unwrap());
        }
    }
}

/// Differences between our rows and ERPNext's documents, one line each; empty when all is right.
pub async fn differences(store: &Store, erpnext: &Simulator) -> Vec<String> {
    let documents = documents(erpnext);
    let mut differences = differences_of(store, &documents).await;
    for row in rows(store).await.iter().filter(|row| row.row.deleted_at.is_none()) {
        let name = row.row.customer.erpnext_id.as_deref().unwrap_or_default();
        if !documents.contains_key(name) {
            differences.push(format!("{name}: is a row although ERPNext does not have it"));
        }
    }
    differences
}

/// As [`differences`], of some documents only; other rows are not looked at.
pub async fn differences_of(store: &Store, documents: &BTreeMap<String, Document>) -> Vec<String> {
    let mapping = Mapping::compile(&MappingConfig::default()).unwrap();
    let rows = rows(store).await;
    let live: HashMap<&str, &CustomerDetail> = rows
        .iter()
        .filter(|row| row.row.deleted_at.is_none())
        .filter_map(|row| Some((row.row.customer.erpnext_id.as_deref()?, row)))
        .collect();
    let mut differences = Vec::new();
    for (name, document) in documents {
        let Some(row) = live.get(name.as_str()) else {
            differences.push(format!("{name}: missing"));
            continue;
        };
        let expected = mapping.map(document).unwrap().record;
        if row.row.customer != expected.customer {
            differences.push(format!("{name}: is {:#?} and should be {:#?}", row.row.customer, expected.customer));
        }
        if row.addresses != expected.addresses {
            differences
                .push(format!("{name}: addresses are {:?} and should be {:?}", row.addresses, expected.addresses));
        }
        if row.contacts != expected.contacts {
            differences.push(format!("{name}: contacts are {:?} and should be {:?}", row.contacts, expected.contacts));
        }
    }
    differences
}
