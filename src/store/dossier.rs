//! What people are shown of customers beyond their rows: what needs somebody, what ERPNext sent, former names.
//!
//! Invariant: only reads, for pages; nothing here decides what is written. The rows themselves are in `customers`, their
//! history in `changes`.

use std::collections::HashMap;

use serde_json::json;

use super::db::{Arg, Row, Statement};
use super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::document::Unknown;
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&REMARKS, &BACKGROUND, &FORMER];

// A job counts as failed as in the list of jobs: dead, or waiting after a failure.
static REMARKS: Statement = Statement::same(
    "SELECT {id:c.id} AS id,
        {flag:s.unknown IS NOT NULL OR EXISTS (SELECT 1 FROM sync_jobs AS j
            WHERE j.doctype = 'Customer' AND j.name = c.erpnext_id AND (j.run_at IS NULL
                OR (j.run_at > {now} AND j.token IS NULL AND j.last_error IS NOT NULL)))} AS problem,
        {flag:EXISTS (SELECT 1 FROM sync_suggestions AS q WHERE q.customer_id = c.id AND q.state = 'open')} AS question
     FROM {rows:id int} AS r {join} customers AS c ON c.id = r.id LEFT JOIN sync_state AS s ON s.customer_id = c.id
     WHERE c.deleted_at IS NULL",
);

static BACKGROUND: Statement = Statement::same(
    "SELECT s.document, s.modified, s.unknown, s.problems, s.synced_at FROM sync_state AS s WHERE s.customer_id = ?",
);

static FORMER: Statement =
    Statement::same("SELECT name, since FROM sync_aliases WHERE customer_id = ? ORDER BY since DESC, name LIMIT 50");

/// What needs somebody at a living customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remarks {
    /// Its sync failed, or something of it cannot be read.
    pub problem: bool,
    /// It may be a customer of ERPNext, where a person has to say.
    pub question: bool,
}

/// What ERPNext sent last of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// The document with what belongs to it, as JSON; fields that a key may not read are not in it.
    pub document: String,
    /// ERPNext's `modified`, in its words: the site's local time.
    pub modified: String,
    /// What could not be read the last time.
    pub unknown: Unknown,
    /// Values that could not be stored, each as a sentence.
    pub problems: Vec<String>,
    /// When it was read last and something of it was written; RFC 3339, UTC.
    pub synced_at: String,
}

/// A name that a customer had in ERPNext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerName {
    /// The name.
    pub name: String,
    /// When it was given up; RFC 3339, UTC.
    pub since: String,
}

impl Store {
    /// What needs somebody at these customers; those that are deleted are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remarks(&self, customers: &[CustomerId]) -> Result<HashMap<CustomerId, Remarks>, StoreError> {
        let what = "look for problems of customers";
        let ids: Vec<_> = customers.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.read_batches(what, &REMARKS, &ids).await?;
        rows.iter().map(remarks).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// What ERPNext sent last of a customer; `None` for one that is not linked to a document.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn background(&self, id: CustomerId) -> Result<Option<Background>, StoreError> {
        let what = "read what ERPNext sent of a customer";
        let rows = self.read(what, &BACKGROUND, &[Arg::Int(id)]).await?;
        rows.first().map(background).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// The names that a customer had in ERPNext, the last one first; at most 50.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn former_names(&self, id: CustomerId) -> Result<Vec<FormerName>, StoreError> {
        let what = "read former names of a customer";
        let rows = self.read(what, &FORMER, &[Arg::Int(id)]).await?;
        let former = |row: &Row| -> Result<FormerName, sqlx::Error> {
            Ok(FormerName { name: row.text("name")?, since: iso(row.int("since")?) })
        };
        rows.iter().map(former).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }
}

fn remarks(row: &Row) -> Result<(CustomerId, Remarks), sqlx::Error> {
    Ok((row.int("id")?, Remarks { problem: row.flag("problem")?, question: row.flag("question")? }))
}

fn background(row: &Row) -> Result<Background, sqlx::Error> {
    let problems = row.maybe_text("problems")?.unwrap_or_default();
    Ok(Background {
        document: row.text("document")?,
        modified: row.text("modified")?,
        unknown: Unknown::parse(row.maybe_text("unknown")?.as_deref()),
        problems: problems.lines().map(str::to_owned).collect(),
        synced_at: iso(row.int("synced_at")?),
    })
}
