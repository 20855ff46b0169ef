//! Reading many customers at once with everything that the mapping needs: eight list calls in two rounds, and one more
//! where a filter is configured.
//!
//! Invariant: the calls have the exact shapes of recording 84; a call with nothing to ask is not made; only a 403 of
//! ERPNext's own on a linked doctype is kept as [`Access::Forbidden`], every other failure fails the batch. An empty list
//! proves nothing (a missing permission looks the same): that is judged in `sync`, with the canaries asked for here.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};
use tokio::try_join;

use super::client::Client;
use super::errors::Error;
use super::list::List;
use super::pacing::Work;
use super::rows::Rows;
use crate::domain::document::Doc;
use crate::domain::filter::Filter;

const EMAIL_FIELDS: [&str; 4] = ["parent", "idx", "email_id", "is_primary"];
const PHONE_FIELDS: [&str; 5] = ["parent", "idx", "phone", "is_primary_phone", "is_primary_mobile_no"];

/// Documents that are known to exist, asked for along with the others: where one is missing, its doctype is unreadable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canaries {
    /// Name of an Address.
    pub address: Option<String>,
    /// Name of a Contact.
    pub contact: Option<String>,
}

/// Whether ERPNext let us list something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// It gave rows, or none; or there was nothing to ask.
    #[default]
    Readable,
    /// It answered 403.
    Forbidden,
}

/// What ERPNext let us list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readable {
    /// Customer Credit Limit.
    pub credit_limits: Access,
    /// Dynamic Link of Address.
    pub address_links: Access,
    /// Dynamic Link of Contact.
    pub contact_links: Access,
    /// Address.
    pub addresses: Access,
    /// Contact.
    pub contacts: Access,
    /// Contact Email and Contact Phone, both or either.
    pub contact_details: Access,
}

/// The fields that the lists of a batch named, null or not; empty where a list had no row. A field that the doctype has and
/// that is not named is above the key's permission level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Of Customer.
    pub customer: BTreeSet<String>,
    /// Of Address.
    pub address: BTreeSet<String>,
    /// Of Contact, without its child tables.
    pub contact: BTreeSet<String>,
}

/// What ERPNext said about a batch. Nulls are left out. Customers that it did not list are simply not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Under their true names (the look-up ignores case and most accents), by name.
    pub customers: Vec<Doc>,
    /// By customer, each by `idx`.
    pub credit_limits: HashMap<String, Vec<Doc>>,
    /// Names of the Addresses linked to each customer, by name, each once.
    pub address_links: HashMap<String, Vec<String>>,
    /// Names of the Contacts linked to each customer, by name, each once.
    pub contact_links: HashMap<String, Vec<String>>,
    /// By name: the linked ones, those that a Customer names as primary, and the canary.
    pub addresses: HashMap<String, Doc>,
    /// Likewise; each with its rows of `email_ids` and `phone_nos` by `idx`, where these are readable.
    pub contacts: HashMap<String, Doc>,
    /// What could be asked at all.
    pub readable: Readable,
    /// What the rows of Customer, Address and Contact could have.
    pub fields: Fields,
    /// Names of those that match the filter; `None` without a filter.
    pub matching: Option<HashSet<String>>,
}

impl Client {
    /// Reads customers with all that is linked to them. `names` are at most a few hundred, and may be misspelt in case.
    ///
    /// # Errors
    /// As [`Client::list`]; `Forbidden` only for Customer itself.
    pub async fn read_customers(
        &self,
        names: &[String],
        canaries: &Canaries,
        filter: Option<&Filter>,
        work: Work,
    ) -> Result<Batch, Error> {
        let customer_names: Names<'_> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if customer_names.is_empty() {
            return Ok(Batch::default());
        }
        let (customers, limits, address_links, contact_links, matching) = try_join!(
            self.documents("Customer", &customer_names, work),
            permitted(self.credit_limits(&customer_names, work)),
            permitted(self.links("Address", &customer_names, work)),
            permitted(self.links("Contact", &customer_names, work)),
            self.matching(&customer_names, filter, work),
        )?;

        let address_names =
            wanted(&customers.rows, "customer_primary_address", &address_links.0, canaries.address.as_deref());
        let contact_names =
            wanted(&customers.rows, "customer_primary_contact", &contact_links.0, canaries.contact.as_deref());
        let (addresses, contacts, emails, phones) = try_join!(
            permitted(self.documents("Address", &address_names, work)),
            permitted(self.documents("Contact", &contact_names, work)),
            permitted(self.contact_rows("Contact Email", &EMAIL_FIELDS, &contact_names, work)),
            permitted(self.contact_rows("Contact Phone", &PHONE_FIELDS, &contact_names, work)),
        )?;

        let readable = Readable {
            credit_limits: limits.1,
            address_links: address_links.1,
            contact_links: contact_links.1,
            addresses: addresses.1,
            contacts: contacts.1,
            contact_details: if emails.1 == Access::Readable { phones.1 } else { emails.1 },
        };
        let address_links = links_by_customer(&address_links.0);
        let contact_links = links_by_customer(&contact_links.0);
        let fields = Fields { customer: customers.fields, address: addresses.0.fields, contact: contacts.0.fields };
        let mut contacts = by_name(contacts.0.rows);
        attach(&mut contacts, "email_ids", emails);
        attach(&mut contacts, "phone_nos", phones);
        Ok(Batch {
            customers: customers.rows,
            credit_limits: by_parent(limits.0),
            address_links,
            contact_links,
            addresses: by_name(addresses.0.rows),
            contacts,
            readable,
            fields,
            matching,
        })
    }

    async fn documents(&self, doctype: &str, names: &Names<'_>, work: Work) -> Result<Rows, Error> {
        if names.is_empty() {
            return Ok(Rows::default());
        }
        let filters = json!([["name", "in", names]]);
        self.list_with_fields(&list(doctype, None, &["*"], filters, "name asc"), work).await
    }

    /// Whether ERPNext has a customer of that name that matches the filter.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn matches(&self, name: &str, filter: &Filter, work: Work) -> Result<bool, Error> {
        let matching = self.matching(&Names::from([name]), Some(filter), work).await?;
        Ok(matching.is_some_and(|matching| matching.contains(name)))
    }

    /// Which of these customers match the filter. A condition on a child table gives a customer several rows.
    async fn matching(
        &self,
        names: &Names<'_>,
        filter: Option<&Filter>,
        work: Work,
    ) -> Result<Option<HashSet<String>>, Error> {
        let Some(filter) = filter else { return Ok(None) };
        let mut filters = vec![json!(["Customer", "name", "in", names])];
        filters.extend_from_slice(filter.conditions());
        let rows = self.list(&list("Customer", None, &["name"], filters.into(), "name asc"), work).await?;
        Ok(Some(rows.iter().filter_map(|row| text(row, "name").map(str::to_owned)).collect()))
    }

    async fn credit_limits(&self, customers: &Names<'_>, work: Work) -> Result<Vec<Doc>, Error> {
        let fields = ["name", "parent", "idx", "company", "credit_limit", "bypass_credit_limit_check"];
        let filters = json!([["parent", "in", customers]]);
        let list = list("Customer Credit Limit", Some("Customer"), &fields, filters, "parent asc, idx asc");
        self.rows(customers, list, work).await
    }

    async fn links(&self, parent: &str, customers: &Names<'_>, work: Work) -> Result<Vec<Doc>, Error> {
        let filters =
            json!([["link_doctype", "=", "Customer"], ["link_name", "in", customers], ["parenttype", "=", parent]]);
        let list = list("Dynamic Link", Some(parent), &["parent", "link_name"], filters, "parent asc");
        self.rows(customers, list, work).await
    }

    async fn contact_rows(
        &self,
        doctype: &str,
        fields: &[&str],
        contacts: &Names<'_>,
        work: Work,
    ) -> Result<Vec<Doc>, Error> {
        let filters = json!([["parent", "in", contacts], ["parenttype", "=", "Contact"]]);
        let list = list(doctype, Some("Contact"), fields, filters, "parent asc, idx asc");
        self.rows(contacts, list, work).await
    }

    /// Asks, unless there is no name to ask for.
    async fn rows(&self, names: &Names<'_>, list: List<'_>, work: Work) -> Result<Vec<Doc>, Error> {
        if names.is_empty() { Ok(Vec::new()) } else { self.list(&list, work).await }
    }
}

/// Sorted, so that equal batches ask in equal words.
type Names<'a> = BTreeSet<&'a str>;

fn list<'a>(
    doctype: &'a str,
    parent: Option<&'a str>,
    fields: &'a [&'a str],
    filters: Value,
    order_by: &'a str,
) -> List<'a> {
    List { doctype, parent, fields, filters, or_filters: Value::Null, order_by, limit: 0 }
}

/// Rows, and whether they may be listed.
async fn permitted<T: Default>(rows: impl Future<Output = Result<T, Error>>) -> Result<(T, Access), Error> {
    match rows.await {
        Ok(rows) => Ok((rows, Access::Readable)),
        Err(Error::Forbidden { .. }) => Ok((T::default(), Access::Forbidden)),
        Err(error) => Err(error),
    }
}

fn text<'a>(row: &'a Doc, key: &str) -> Option<&'a str> {
    row.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// Linked documents, those named as primary (the link may be broken or hidden), and the canary.
fn wanted<'a>(customers: &'a [Doc], primary: &str, links: &'a [Doc], canary: Option<&'a str>) -> Names<'a> {
    let linked = links.iter().filter_map(|row| text(row, "parent"));
    let named = customers.iter().filter_map(|customer| text(customer, primary));
    linked.chain(named).chain(canary.filter(|name| !name.is_empty())).collect()
}

fn links_by_customer(links: &[Doc]) -> HashMap<String, Vec<String>> {
    let mut grouped: HashMap<String, BTreeSet<&str>> = HashMap::new();
    for row in links {
        if let (Some(customer), Some(document)) = (text(row, "link_name"), text(row, "parent")) {
            grouped.entry(customer.to_owned()).or_default().insert(document);
        }
    }
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    grouped.into_iter().map(|(customer, names)| (customer, owned(names))).collect()
}

fn by_name(documents: Vec<Doc>) -> HashMap<String, Doc> {
    documents.into_iter().filter_map(|document| Some((text(&document, "name")?.to_owned(), document))).collect()
}

/// Keeps the order of the rows.
fn by_parent(rows: Vec<Doc>) -> HashMap<String, Vec<Doc>> {
    let mut grouped: HashMap<String, Vec<Doc>> = HashMap::new();
    for row in rows {
        if let Some(parent) = text(&row, "parent") {
            grouped.entry(parent.to_owned()).or_default().push(row);
        }
    }
    grouped
}

/// Puts child rows where a whole document has them; without access the key stays missing.
fn attach(documents: &mut HashMap<String, Doc>, key: &str, (rows, access): (Vec<Doc>, Access)) {
    if access == Access::Forbidden {
        return;
    }
    let mut rows = by_parent(rows);
    for (name, document) in documents {
        let own: Value = rows.remove(name).unwrap_or_default().into_iter().map(Value::Object).collect();
        document.insert(key.to_owned(), own);
    }
}
