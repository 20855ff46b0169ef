//! What the store knows about names: the questions that `sync::identity` and the reading of linked documents ask.
//!
//! Invariant: only reads, without locks; whatever is decided on an answer is checked again under lock by `apply`
//! (`Seen`). Names are compared bytewise; whether two spellings mean one document only ERPNext knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::db::{Arg, Only, Row, Statement, batches};
use super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::document::{Document, Unknown};
use crate::domain::hint::Doctype;
use crate::domain::plan::Seen;

pub(super) static ALL: &[&Statement] = &[
    &BY_NAME,
    &BY_CREATION,
    &DOCUMENTS,
    &LINKED,
    &CUSTOMERS_OF_ADDRESS,
    &CUSTOMERS_OF_CONTACT,
    &CANARY_ADDRESS,
    &CANARY_CONTACT,
    &ALIAS,
    &UNKNOWN,
];

/// Most rows of one `creation` that [`Store::held`] returns: one more than the number above which `creation` no longer
/// identifies anything (imports stamp thousands alike).
pub(super) const PER_CREATION: u32 = 21;

const HELD: &str = "{id:c.id} AS id, c.erpnext_id, s.creation, s.hash, s.modified, s.document_hash, s.unknown, \
    {flag:c.deleted_at IS NOT NULL} AS is_deleted, {flag:s.gone = 'filtered'} AS is_filtered, {flag:c.merged_into IS NOT NULL} AS is_merged, \
    {flag:s.problems IS NOT NULL} AS has_problems";

static BY_NAME: Statement = Statement::built(|_| {
    format!(
        "SELECT {HELD} FROM {{rows:name key}} AS r {{join}} customers AS c ON c.erpnext_id = r.name \
         LEFT JOIN sync_state AS s ON s.customer_id = c.id"
    )
});

static BY_CREATION: Statement = Statement::built(|_| {
    format!(
        "SELECT {HELD} FROM \
            (SELECT n.customer_id, ROW_NUMBER() OVER (PARTITION BY n.creation ORDER BY n.customer_id) AS place \
             FROM {{rows:creation key}} AS r {{join}} sync_state AS n ON n.creation = r.creation) AS f \
         {{join}} customers AS c ON c.id = f.customer_id \
         {{join}} sync_state AS s ON s.customer_id = c.id WHERE f.place <= {PER_CREATION}"
    )
});

static DOCUMENTS: Statement = Statement::same(
    "SELECT {id:s.customer_id} AS id, s.document FROM {rows:id int} AS r {join} sync_state AS s ON s.customer_id = r.id",
);

static LINKED: Statement = Statement::same(
    "SELECT {id:a.customer_id} AS id, 'Address' AS doctype, a.erpnext_id AS name
     FROM {rows:id int} AS r {join} customer_addresses AS a ON a.customer_id = r.id
     UNION ALL
     SELECT {id:c.customer_id} AS id, 'Contact' AS doctype, c.erpnext_id AS name
     FROM {rows:id int} AS q {join} customer_contacts AS c ON c.customer_id = q.id",
);

static CUSTOMERS_OF_ADDRESS: Statement = Statement::same(
    "SELECT c.erpnext_id FROM customer_addresses AS a {join} customers AS c ON c.id = a.customer_id
     WHERE a.erpnext_id = ? AND c.erpnext_id IS NOT NULL AND c.deleted_at IS NULL ORDER BY c.erpnext_id",
);

static CUSTOMERS_OF_CONTACT: Statement = Statement::same(
    "SELECT c.erpnext_id FROM customer_contacts AS a {join} customers AS c ON c.id = a.customer_id
     WHERE a.erpnext_id = ? AND c.erpnext_id IS NOT NULL AND c.deleted_at IS NULL ORDER BY c.erpnext_id",
);

// The newest rows of living customers are the likeliest to be there still. A few more than are excluded are asked for.
// The customer is looked up row by row: of a join PostgreSQL makes one of the whole tables before it takes the newest.
static CANARY_ADDRESS: Statement = Statement::same(
    "SELECT a.erpnext_id FROM customer_addresses AS a
     WHERE (SELECT c.deleted_at IS NULL FROM customers AS c WHERE c.id = a.customer_id) ORDER BY a.id DESC LIMIT ?",
);
static CANARY_CONTACT: Statement = Statement::same(
    "SELECT a.erpnext_id FROM customer_contacts AS a
     WHERE (SELECT c.deleted_at IS NULL FROM customers AS c WHERE c.id = a.customer_id) ORDER BY a.id DESC LIMIT ?",
);

static ALIAS: Statement =
    Statement::same("SELECT {id:customer_id} AS id FROM sync_aliases WHERE name = ? ORDER BY since DESC LIMIT 1");

static UNKNOWN: Statement = Statement::same(
    "SELECT unknown, {count:COUNT(*)} AS rows_marked FROM sync_state WHERE unknown IS NOT NULL GROUP BY unknown ORDER BY unknown",
);

/// A customer that we hold, as identity needs it.
#[derive(Debug, Clone)]
pub struct Held {
    /// What `apply` compares again.
    pub seen: Seen,
    /// ERPNext's `modified` as last stored; null for an adopted row.
    pub modified: Option<String>,
    /// Hash of the stored document and its mapping; null for an adopted row.
    pub document_hash: Option<String>,
    /// It is a tombstone.
    pub deleted: bool,
    /// It is a tombstone only because the filter leaves its document out.
    pub filtered: bool,
    /// It was merged into another customer.
    pub merged: bool,
    /// Parts that could not be read last time.
    pub unknown: Unknown,
    /// Some of its values could not be stored.
    pub has_problems: bool,
}

/// An Address or Contact that a customer has in our tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The customer.
    pub customer: CustomerId,
    /// [`Doctype::Address`] or [`Doctype::Contact`].
    pub doctype: Doctype,
    /// ERPNext's name of the document.
    pub name: String,
}

impl Store {
    /// The rows, tombstones included, that have one of the names or one of the `creation`s (at most 21 of each
    /// `creation`), by id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn held(&self, names: &[String], creations: &[String]) -> Result<Vec<Held>, StoreError> {
        let what = "look for known customers";
        let mut held = BTreeMap::new();
        for (statement, key, values) in [(&BY_NAME, "name", names), (&BY_CREATION, "creation", creations)] {
            let values: BTreeSet<&String> = values.iter().collect();
            let rows: Vec<Only<&String>> = values.into_iter().map(|value| Only(key, value)).collect();
            for row in self.read_batches(what, statement, &rows).await? {
                let row = held_row(&row).map_err(|error| StoreError::of(what, error))?;
                held.insert(row.seen.id, row);
            }
        }
        Ok(held.into_values().collect())
    }

    /// The stored documents of those customers; adopted rows that were never read have none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Bug`] where a stored document cannot be read.
    pub async fn documents(&self, ids: &[CustomerId]) -> Result<HashMap<CustomerId, Document>, StoreError> {
        let what = "read stored documents";
        let of = |error| StoreError::of(what, error);
        let mut documents = HashMap::with_capacity(ids.len());
        for row in self.read_batches(what, &DOCUMENTS, &id_rows(ids)).await? {
            let document = row.text("document").map_err(of)?;
            let document = serde_json::from_str(&document).map_err(|error| StoreError::bug(what, error))?;
            documents.insert(row.int("id").map_err(of)?, document);
        }
        Ok(documents)
    }

    /// The Addresses and Contacts that those customers have in our tables.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn linked(&self, ids: &[CustomerId]) -> Result<Vec<Linked>, StoreError> {
        let what = "read linked documents";
        let of = |error| StoreError::of(what, error);
        let mut linked = Vec::new();
        for batch in batches(&id_rows(ids)).map_err(|error| StoreError::bug(what, error))? {
            for row in self.read(what, &LINKED, &[Arg::Text(&batch), Arg::Text(&batch)]).await? {
                let doctype = row.text("doctype").map_err(of)?;
                linked.push(Linked {
                    customer: row.int("id").map_err(of)?,
                    doctype: if doctype == "Address" { Doctype::Address } else { Doctype::Contact },
                    name: row.text("name").map_err(of)?,
                });
            }
        }
        Ok(linked)
    }

    /// ERPNext's names of the living customers that have that Address or Contact in our tables; none for a Customer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn customers_linked_to(&self, doctype: Doctype, name: &str) -> Result<Vec<String>, StoreError> {
        let what = "look for the customers of a linked document";
        let statement = match doctype {
            Doctype::Address => &CUSTOMERS_OF_ADDRESS,
            Doctype::Contact => &CUSTOMERS_OF_CONTACT,
            Doctype::Customer => return Ok(Vec::new()),
        };
        let rows = self.read(what, statement, &[Arg::Text(name)]).await?;
        rows.iter()
            .map(|row| row.text("erpnext_id"))
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::of(what, error))
    }

    /// The name of an Address or Contact that is known to exist, the newest one outside of `not_in`; none for a
    /// Customer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn canary(&self, doctype: Doctype, not_in: &[String]) -> Result<Option<String>, StoreError> {
        let what = "look for a known document";
        let statement = match doctype {
            Doctype::Address => &CANARY_ADDRESS,
            Doctype::Contact => &CANARY_CONTACT,
            Doctype::Customer => return Ok(None),
        };
        // One document may have a row for each of several customers, hence the surplus.
        let limit = i64::try_from(not_in.len()).unwrap_or(i64::MAX).saturating_mul(2).saturating_add(20);
        for row in self.read(what, statement, &[Arg::Int(limit)]).await? {
            let name = row.text("erpnext_id").map_err(|error| StoreError::of(what, error))?;
            if !not_in.contains(&name) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The customer that had that name last before it was renamed, merged or displaced.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn alias(&self, name: &str) -> Result<Option<CustomerId>, StoreError> {
        let what = "look for a former name";
        let rows = self.read(what, &ALIAS, &[Arg::Text(name)]).await?;
        rows.first().map(|row| row.int("id")).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// The parts that could not be read last time, as stored (see [`Unknown`]), with the number of rows. Reads only
    /// marked rows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn unknown_parts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let what = "count unreadable customers";
        let rows = self.read(what, &UNKNOWN, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.text("unknown")?, row.int("rows_marked")?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| StoreError::of(what, error))
    }
}

fn held_row(row: &Row) -> Result<Held, sqlx::Error> {
    Ok(Held {
        seen: Seen {
            id: row.int("id")?,
            erpnext_id: row.maybe_text("erpnext_id")?,
            creation: row.maybe_text("creation")?,
            hash: row.maybe_text("hash")?,
        },
        modified: row.maybe_text("modified")?,
        document_hash: row.maybe_text("document_hash")?,
        deleted: row.flag("is_deleted")?,
        filtered: row.flag("is_filtered")?,
        merged: row.flag("is_merged")?,
        unknown: Unknown::parse(row.maybe_text("unknown")?.as_deref()),
        has_problems: row.flag("has_problems")?,
    })
}

fn id_rows(ids: &[CustomerId]) -> Vec<Only<CustomerId>> {
    let ids: BTreeSet<CustomerId> = ids.iter().copied().collect();
    ids.into_iter().map(|id| Only("id", id)).collect()
}
