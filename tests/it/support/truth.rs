//! What the rows must look like: the stand-in's documents, mapped without the service.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use customer_sync::domain::change::FieldChange;
use customer_sync::domain::customer::{CustomerId, Record};
use customer_sync::domain::document::{Doc, Document};
use customer_sync::domain::fields::{diff, flatten};
use customer_sync::domain::listing::{Cursor, CustomerQuery, Place};
use customer_sync::domain::mapping::{Mapping, MappingConfig};
use customer_sync::simulator::Simulator;
use customer_sync::store::{CustomerDetail, CustomerRow, Store};
use serde_json::Value;

/// Every live customer of the stand-in with its linked documents, by name.
pub fn documents(erpnext: &Simulator) -> BTreeMap<String, Document> {
    let addresses = Linked::of(erpnext, "Address");
    let contacts = Linked::of(erpnext, "Contact");
    let mut documents = BTreeMap::new();
    for name in erpnext.names("Customer") {
        let Some(customer) = erpnext.document("Customer", &name) else { continue };
        let document = Document {
            credit_limits: child_rows(&customer, "credit_limits"),
            addresses: addresses.of_customer(&name, &customer, "customer_primary_address"),
            contacts: contacts.of_customer(&name, &customer, "customer_primary_contact"),
            customer,
        };
        documents.insert(name, document.canonical());
    }
    documents
}

fn child_rows(document: &Doc, table: &str) -> Vec<Doc> {
    document.get(table).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).cloned().collect()
}

/// The documents of one doctype.
struct Linked {
    documents: BTreeMap<String, Doc>,
    by_customer: HashMap<String, Vec<String>>,
}

impl Linked {
    fn of(erpnext: &Simulator, doctype: &str) -> Self {
        let names = erpnext.names(doctype).into_iter();
        let documents: BTreeMap<String, Doc> =
            names.filter_map(|name| Some((name.clone(), erpnext.document(doctype, &name)?))).collect();
        let mut by_customer: HashMap<String, Vec<String>> = HashMap::new();
        for (name, document) in &documents {
            for link in child_rows(document, "links") {
                if let Some(customer) = link["link_name"].as_str() {
                    by_customer.entry(customer.to_owned()).or_default().push(name.clone());
                }
            }
        }
        Self { documents, by_customer }
    }

    /// Those that link to the customer, and the one that the customer itself names.
    fn of_customer(&self, name: &str, customer: &Doc, primary: &str) -> Vec<Doc> {
        let linked = self.by_customer.get(name).into_iter().flatten().map(String::as_str);
        let primary = customer.get(primary).and_then(Value::as_str);
        let names: BTreeSet<&str> = linked.chain(primary).collect();
        names.into_iter().filter_map(|name| self.documents.get(name).cloned()).collect()
    }
}

/// Rows in the order of ids, behind that one.
pub async fn page_by_id(store: &Store, after: Option<CustomerId>, limit: u32) -> Vec<CustomerRow> {
    let place = after.map_or(Place::First, |id| Place::After(Cursor { key: None, id }));
    store.list_customers(&CustomerQuery::default(), &place, limit).await.unwrap().rows
}

/// Every row with its addresses and contacts, by id.
pub async fn rows(store: &Store) -> Vec<CustomerDetail> {
    let mut rows: Vec<CustomerDetail> = Vec::new();
    loop {
        let after = rows.last().map(|last| last.row.id);
        let page = page_by_id(store, after, 500).await;
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
        let ours = Record {
            customer: row.row.customer.clone(),
            addresses: row.addresses.clone(),
            contacts: row.contacts.clone(),
        };
        for FieldChange { field, old, new } in diff(&flatten(&ours).unwrap(), &flatten(&expected).unwrap()) {
            differences.push(format!("{name}: {field} is {old} and should be {new}"));
        }
    }
    differences
}
