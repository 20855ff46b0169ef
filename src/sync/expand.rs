//! An Address or Contact hint expands into its customers: those it links to now, and those it linked to before.
//!
//! Invariant: it only puts jobs; the customers' own jobs read what the document says. Whom a document was unlinked from
//! only our tables still know.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Context, Decision, SyncError, erase};
use crate::domain::document::Doc;
use crate::domain::hint::Doctype;
use crate::domain::job::{Claim, DocKey, Lane, Put};
use crate::erpnext::{Error, List, Work};

/// An expansion to more customers than this goes to the bulk lane.
const FAST_EXPANSION: usize = 50;

/// Jobs put at once while a hint expands.
const EXPANSION_CHUNK: usize = 500;

/// Expands Address or Contact hints into their customers: linked now by ERPNext, linked before by our tables.
///
/// # Errors
/// What ERPNext or our database answered; then nothing is known about any of them.
pub async fn expand(
    context: &Context,
    doctype: Doctype,
    claims: &[Claim],
    work: Work,
) -> Result<Vec<Decision>, SyncError> {
    let names: Vec<&str> = claims.iter().map(|claim| claim.key.name.as_str()).collect();
    // Not permitted: whom it concerned before is all that can be known; their reads notice the rest.
    let linked_now = links_of(context, doctype, &names, work).await?.unwrap_or_default();
    let mut decisions = Vec::with_capacity(claims.len());
    for claim in claims {
        let mut customers: BTreeSet<String> =
            context.store.customers_linked_to(doctype, &claim.key.name).await?.into_iter().collect();
        customers.extend(linked_now.iter().filter_map(|link| {
            // ERPNext looks names up without regard to case: the answer may spell it in its own way.
            let same = link.document == claim.key.name || link.document.to_lowercase() == claim.key.name.to_lowercase();
            same.then(|| link.customer.clone())
        }));
        decisions.push(put_all(context, claim, customers).await?);
    }
    Ok(decisions)
}

/// A Dynamic Link from an Address or Contact to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The Address or Contact.
    pub(super) document: String,
    /// The customer.
    pub(super) customer: String,
}

/// The customers that these Addresses or Contacts link to now; `None` where the key may not read that.
pub(super) async fn links_of(
    context: &Context,
    doctype: Doctype,
    names: &[&str],
    work: Work,
) -> Result<Option<Vec<Link>>, SyncError> {
    let list = List {
        doctype: "Dynamic Link",
        parent: Some(doctype.as_str()),
        fields: &["parent", "link_name"],
        filters: json!([
            ["parent", "in", names],
            ["link_doctype", "=", Doctype::Customer.as_str()],
            ["parenttype", "=", doctype.as_str()]
        ]),
        or_filters: Value::Null,
        order_by: "parent asc",
        limit: 0,
    };
    let text = |row: &Doc, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    match context.client.list(&list, work).await {
        Ok(rows) => Ok(Some(
            rows.iter()
                .filter_map(|row| Some(Link { document: text(row, "parent")?, customer: text(row, "link_name")? }))
                .collect(),
        )),
        Err(Error::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn put_all(context: &Context, claim: &Claim, customers: BTreeSet<String>) -> Result<Decision, SyncError> {
    let names: Vec<String> = customers.iter().cloned().collect();
    let writes = erase::known::forget_linked(context, claim, &names).await?;
    let lane = if customers.len() > FAST_EXPANSION { Lane::Bulk } else { claim.lane };
    let mut puts: Vec<Put> =
        customers.into_iter().map(|name| Put { lane, ..claim.inherit(DocKey::customer(name)) }).collect();
    // All but the last chunk are put ahead: a repeat after a crash puts them again, which is harmless.
    while puts.len() > EXPANSION_CHUNK {
        let chunk = puts.split_off(puts.len() - EXPANSION_CHUNK);
        context.store.put(&chunk).await?;
    }
    Ok(Decision::Write { writes, puts })
}
