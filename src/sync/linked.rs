//! Linked Addresses and Contacts have three states: present, none, unknown.
//!
//! Invariant: "none" is believed only with proof. ERPNext answers a list with 200 and no rows when a permission was
//! taken away, so each batch carries one known document of each doctype (a canary), and a document that somebody
//! still names but a list lacks is read singly: 404 is none, 403 is unknown. Unknown keeps what we have.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{Context, SyncError};
use crate::domain::customer::CustomerId;
use crate::domain::document::Doc;
use crate::domain::hint::Doctype;
use crate::erpnext::{Access, Batch, Canaries, Error, List, Work};
use crate::store::Linked;

/// One known document of each linked doctype, to be asked for together with every batch.
///
/// # Errors
/// Our database's.
pub async fn canaries(context: &Context) -> Result<Canaries, SyncError> {
    Ok(Canaries {
        address: context.store.canary(Doctype::Address, &[]).await?,
        contact: context.store.canary(Doctype::Contact, &[]).await?,
    })
}

/// What is known about one doctype's documents of one customer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// Documents that were read, by name.
    pub documents: BTreeMap<String, Doc>,
    /// Names that answered 403: what we have of them is kept.
    pub not_permitted: BTreeSet<String>,
    /// The whole doctype could not be read: all that we have of it is kept.
    pub unreadable: bool,
}

impl Part {
    /// Whether anything of it is unknown.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.unreadable || !self.not_permitted.is_empty()
    }
}

/// What a batch read of one linked doctype.
#[derive(Debug)]
pub struct LinkedDocuments<'a> {
    /// Documents by name, among them the canary.
    pub documents: HashMap<String, Doc>,
    /// Names of the documents linked to each customer.
    pub links: &'a HashMap<String, Vec<String>>,
    /// False where ERPNext answered 403 to a list of it.
    pub readable: bool,
}

impl<'a> LinkedDocuments<'a> {
    /// The Addresses of a batch, out of which they were taken.
    #[must_use]
    pub fn addresses(batch: &'a Batch, documents: HashMap<String, Doc>) -> Self {
        let readable = [batch.readable.address_links, batch.readable.addresses];
        Self { links: &batch.address_links, documents, readable: !readable.contains(&Access::Forbidden) }
    }

    /// The Contacts of a batch, with their e-mails and phones.
    #[must_use]
    pub fn contacts(batch: &'a Batch, documents: HashMap<String, Doc>) -> Self {
        let read = batch.readable;
        let readable = [read.contact_links, read.contacts, read.contact_details];
        Self { links: &batch.contact_links, documents, readable: !readable.contains(&Access::Forbidden) }
    }
}

/// A customer of the batch, with what names linked documents of it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The Customer as listed.
    pub customer: &'a Doc,
    /// Its name.
    pub name: &'a str,
    /// Its row, where we have one.
    pub row: Option<CustomerId>,
}

/// Settles one doctype for a whole batch, in the order of `subjects`.
///
/// # Errors
/// What ERPNext answered to the single reads.
pub async fn parts(
    context: &Context,
    doctype: Doctype,
    subjects: &[Subject<'_>],
    mut read: LinkedDocuments<'_>,
    ours: &[Linked],
    canary: Option<&str>,
    work: Work,
) -> Result<Vec<Part>, SyncError> {
    let named: Vec<BTreeSet<String>> =
        subjects.iter().map(|subject| named_documents(doctype, subject, &read, ours)).collect();
    let doubtful =
        named.iter().any(|names| names.is_empty() || names.iter().any(|name| !read.documents.contains_key(name)));
    if !read.readable || (doubtful && !is_readable(context, doctype, &read, canary, work).await?) {
        return Ok(subjects.iter().map(|_subject| Part { unreadable: true, ..Part::default() }).collect());
    }
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for name in named.iter().flatten() {
        *uses.entry(name).or_default() += 1;
    }
    let mut single: HashMap<&str, Single> = HashMap::new();
    let mut parts = Vec::with_capacity(subjects.len());
    for (subject, names) in subjects.iter().zip(&named) {
        let mut part = Part::default();
        for name in names {
            if read.documents.contains_key(name) {
                let uses = uses.entry(name).or_default();
                *uses = uses.saturating_sub(1);
                // Otherwise only our table names it: linked before, and listed for another customer of this batch now.
                if is_of(doctype, subject, name, &read) {
                    // Most belong to one customer only, and copies are dear.
                    let document =
                        if *uses == 0 { read.documents.remove(name) } else { read.documents.get(name).cloned() };
                    part.documents.extend(document.map(|document| (name.clone(), document)));
                }
                continue;
            }
            if !single.contains_key(name.as_str()) {
                single.insert(name, Single::read(context, doctype, name, work).await?);
            }
            match single.get(name.as_str()) {
                Some(Single::Present(document))
                    if is_primary(doctype, subject, name) || links_to(document, subject.name) =>
                {
                    part.documents.insert(name.clone(), document.clone());
                }
                Some(Single::NotPermitted) => {
                    part.not_permitted.insert(name.clone());
                }
                Some(Single::Present(_) | Single::Gone) | None => {}
            }
        }
        parts.push(part);
    }
    Ok(parts)
}

enum Single {
    Present(Doc),
    Gone,
    NotPermitted,
}

impl Single {
    async fn read(context: &Context, doctype: Doctype, name: &str, work: Work) -> Result<Self, SyncError> {
        match context.client.get(doctype.as_str(), name, work).await {
            Ok(Some(document)) => Ok(Self::Present(document)),
            Ok(None) => Ok(Self::Gone),
            Err(Error::Forbidden { .. }) => Ok(Self::NotPermitted),
            Err(error) => Err(error.into()),
        }
    }
}

/// Every document of that doctype that somebody names for this customer: its links, the Customer itself, our tables.
fn named_documents(
    doctype: Doctype,
    subject: &Subject<'_>,
    read: &LinkedDocuments<'_>,
    ours: &[Linked],
) -> BTreeSet<String> {
    let linked = read.links.get(subject.name).into_iter().flatten().cloned();
    let before = ours.iter().filter(|link| link.doctype == doctype && Some(link.customer) == subject.row);
    linked.chain(primary(doctype, subject.customer)).chain(before.map(|link| link.name.clone())).collect()
}

fn is_of(doctype: Doctype, subject: &Subject<'_>, name: &str, read: &LinkedDocuments<'_>) -> bool {
    is_primary(doctype, subject, name)
        || read.links.get(subject.name).is_some_and(|links| links.iter().any(|link| link == name))
}

fn is_primary(doctype: Doctype, subject: &Subject<'_>, name: &str) -> bool {
    primary(doctype, subject.customer).as_deref() == Some(name)
}

/// The linked document that the Customer itself names.
fn primary(doctype: Doctype, customer: &Doc) -> Option<String> {
    let field = match doctype {
        Doctype::Address => "customer_primary_address",
        Doctype::Contact => "customer_primary_contact",
        Doctype::Customer => return None,
    };
    customer.get(field).and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Whether a singly read document's own `links` name that customer.
fn links_to(document: &Doc, customer: &str) -> bool {
    document.get("links").and_then(Value::as_array).into_iter().flatten().any(|link| {
        link.get("link_doctype").and_then(Value::as_str) == Some(Doctype::Customer.as_str())
            && link.get("link_name").and_then(Value::as_str) == Some(customer)
    })
}

/// Whether the key may read that doctype at all: the canary was listed, or one can be listed, or there is none to list.
async fn is_readable(
    context: &Context,
    doctype: Doctype,
    read: &LinkedDocuments<'_>,
    canary: Option<&str>,
    work: Work,
) -> Result<bool, SyncError> {
    if let Some(canary) = canary {
        if read.documents.contains_key(canary) {
            return Ok(true);
        }
        // Deleted meanwhile, or hidden by a User Permission of its own: then any other one will do. What lists leave
        // out although it can be read proves nothing about the rest.
        if matches!(Single::read(context, doctype, canary, work).await?, Single::Present(_)) {
            return Ok(false);
        }
    }
    let any = List {
        doctype: doctype.as_str(),
        parent: None,
        fields: &["name"],
        filters: json!([]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 1,
    };
    match context.client.list(&any, work).await {
        Ok(rows) if !rows.is_empty() => Ok(true),
        // The count also counts what the key may not see.
        Ok(_none) => match context.client.count(doctype.as_str()).await {
            Ok(count) => Ok(count == 0),
            // Not every version lets everybody count.
            Err(Error::Forbidden { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        },
        Err(Error::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
