//! Fields above the key's permission level, and putting back what could not be read from what we have.
//!
//! Invariant: a list names every column of its doctype, null or not; so a mapped field that the doctype has and that no
//! row names is not permitted. (A GET omits nulls: singly read documents prove nothing here.)

use std::collections::{BTreeMap, BTreeSet};

use super::linked::Part;
use super::{Context, SyncError};
use crate::domain::customer::CustomerId;
use crate::domain::document::{Doc, Document};
use crate::domain::hint::Doctype;
use crate::erpnext::{Access, Batch};

/// The Customer's child table of credit limits, which has a list call of its own.
const CREDIT_LIMITS: &str = "credit_limits";

/// The mapped fields that a batch could not read, by doctype.
#[derive(Debug, Default)]
pub struct Hidden {
    customer: BTreeSet<String>,
    address: BTreeSet<String>,
    contact: BTreeSet<String>,
}

impl Hidden {
    /// Compares what the batch's rows name with what the mapping reads and the doctypes have.
    ///
    /// # Errors
    /// What ERPNext answered when asked for the fields of a doctype (asked only where a key is missing).
    pub async fn of(context: &Context, batch: &Batch) -> Result<Self, SyncError> {
        let mapping = &context.mapping;
        let mut customer =
            hidden(context, Doctype::Customer, &batch.fields.customer, mapping.customer_fields()).await?;
        if batch.readable.credit_limits == Access::Forbidden {
            customer.insert(CREDIT_LIMITS.to_owned());
        }
        Ok(Self {
            customer,
            address: hidden(context, Doctype::Address, &batch.fields.address, mapping.address_fields()).await?,
            contact: hidden(context, Doctype::Contact, &batch.fields.contact, mapping.contact_fields()).await?,
        })
    }

    /// The marks for `sync_state.unknown`.
    #[must_use]
    pub fn unknown(&self) -> BTreeSet<String> {
        let marks = |prefix: &'static str, fields: &BTreeSet<String>| {
            fields.iter().map(move |field| format!("{prefix}field:{field}")).collect::<Vec<_>>()
        };
        [marks("", &self.customer), marks("address.", &self.address), marks("contact.", &self.contact)]
            .concat()
            .into_iter()
            .collect()
    }

    fn is_empty(&self) -> bool {
        self.customer.is_empty() && self.address.is_empty() && self.contact.is_empty()
    }
}

async fn hidden(
    context: &Context,
    doctype: Doctype,
    listed: &BTreeSet<String>,
    mapped: &BTreeSet<String>,
) -> Result<BTreeSet<String>, SyncError> {
    let missing: Vec<&String> = mapped.difference(listed).collect();
    if listed.is_empty() || missing.is_empty() {
        return Ok(BTreeSet::new());
    }
    let meta = context.site.meta(&context.client, doctype).await?;
    Ok(missing.into_iter().filter(|field| meta.columns.contains_key(*field)).cloned().collect())
}

/// One customer of the batch whose document lacks something that we may still have.
pub struct Incomplete<'a> {
    /// Its row.
    pub row: CustomerId,
    /// What was read; completed in place.
    pub document: &'a mut Document,
    /// What is known of its Addresses.
    pub addresses: &'a Part,
    /// What is known of its Contacts.
    pub contacts: &'a Part,
}

/// Unknown keeps what we have: puts the parts that could not be read back from the stored documents.
///
/// # Errors
/// Our database's.
pub async fn keep_what_we_have(
    context: &Context,
    hidden: &Hidden,
    subjects: Vec<Incomplete<'_>>,
) -> Result<(), SyncError> {
    let lacking: Vec<Incomplete<'_>> = subjects
        .into_iter()
        .filter(|subject| !hidden.is_empty() || subject.addresses.is_unknown() || subject.contacts.is_unknown())
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let ids: Vec<CustomerId> = lacking.iter().map(|subject| subject.row).collect();
    let stored = context.store.documents(&ids).await?;
    for subject in lacking {
        let Some(had) = stored.get(&subject.row) else { continue };
        keep_fields(&mut subject.document.customer, &had.customer, &hidden.customer);
        if hidden.customer.contains(CREDIT_LIMITS) {
            subject.document.credit_limits.clone_from(&had.credit_limits);
        }
        keep_documents(&mut subject.document.addresses, &had.addresses, subject.addresses, &hidden.address);
        keep_documents(&mut subject.document.contacts, &had.contacts, subject.contacts, &hidden.contact);
    }
    Ok(())
}

fn keep_fields(document: &mut Doc, had: &Doc, fields: &BTreeSet<String>) {
    for field in fields {
        if let Some(value) = had.get(field) {
            document.insert(field.clone(), value.clone());
        }
    }
}

fn keep_documents(documents: &mut Vec<Doc>, had: &[Doc], part: &Part, fields: &BTreeSet<String>) {
    let name = |document: &Doc| document.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
    let mut by_name: BTreeMap<String, Doc> = documents.drain(..).map(|document| (name(&document), document)).collect();
    for old in had {
        let old_name = name(old);
        match by_name.get_mut(&old_name) {
            Some(document) => keep_fields(document, old, fields),
            None if part.unreadable || part.not_permitted.contains(&old_name) => {
                by_name.insert(old_name, old.clone());
            }
            None => {}
        }
    }
    documents.extend(by_name.into_values());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doc(value: &serde_json::Value) -> Doc {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_unreadable_doctype_keeps_all_and_a_forbidden_document_keeps_itself() {
        let had = [doc(&json!({"name": "A", "city": "old"})), doc(&json!({"name": "B", "city": "old"}))];
        let mut documents = Vec::new();
        keep_documents(&mut documents, &had, &Part { unreadable: true, ..Part::default() }, &BTreeSet::new());
        assert_eq!(documents, had);

        let mut documents = vec![doc(&json!({"name": "C"}))];
        let part = Part { not_permitted: BTreeSet::from(["B".to_owned()]), ..Part::default() };
        keep_documents(&mut documents, &had, &part, &BTreeSet::new());
        assert_eq!(documents, [had[1].clone(), doc(&json!({"name": "C"}))]);
    }

    #[test]
    fn a_hidden_field_keeps_its_value_and_the_rest_is_new() {
        let had = [doc(&json!({"name": "A", "phone": "1", "city": "old"}))];
        let mut documents = vec![doc(&json!({"name": "A", "city": "new"}))];
        keep_documents(&mut documents, &had, &Part::default(), &BTreeSet::from(["phone".to_owned()]));
        assert_eq!(documents, [doc(&json!({"name": "A", "phone": "1", "city": "new"}))]);
    }
}
