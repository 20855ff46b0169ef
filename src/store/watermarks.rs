//! `sync_watermarks` and `sync_seen`: how far catch-up has come in each doctype, and what it has put within its window.
//!
//! Invariant: a page's jobs, what it has seen and the watermark are one transaction, so a crash loses nothing and a look
//! over the same window puts nothing twice. Nothing is written where nothing is new. Stamps are ERPNext's texts and are
//! compared bytewise; `moved_at` is the database's clock. What a stamp means is `domain::stamp`'s business.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::db::{Arg, Statement, batches};
use super::jobs;
use super::transact::{Caller, transact};
use super::{Store, StoreError};
use crate::domain::job::Put;

pub(super) static ALL: &[&Statement] =
    &[&ALL_OF_THEM, &FIRST, &SEEN, &HELD, &MOVE, &SEE, &QUIET, &FIRST_SEEN, &FORGET_SEEN, &FORGET, &FORGET_ALL_SEEN];

static ALL_OF_THEM: Statement =
    Statement::same("SELECT doctype, modified, {flag:quiet} AS quiet, moved_at, {now} AS now_at FROM sync_watermarks");

static FIRST: Statement = Statement::same(
    "INSERT INTO sync_watermarks (doctype, modified, moved_at, quiet)
     SELECT r.doctype, r.modified, {now}, FALSE FROM {rows:doctype key, modified key} AS r
     {ignore:doctype}",
);

static SEEN: Statement = Statement::same(
    "SELECT s.name, s.modified FROM {rows:doctype key, name key, modified key} AS r
     {join} sync_seen AS s ON s.doctype = r.doctype AND s.modified = r.modified AND s.name = r.name",
);

// What is tombstoned although ERPNext has it wants a look, unless the filter leaves it out.
static HELD: Statement = Statement::same(
    "SELECT c.erpnext_id AS name, s.modified FROM {rows:name key} AS r
     {join} customers AS c ON c.erpnext_id = r.name
     {join} sync_state AS s ON s.customer_id = c.id
     WHERE c.deleted_at IS NULL OR s.gone = 'filtered'",
);

static MOVE: Statement = Statement::same(
    "UPDATE sync_watermarks SET modified = CASE WHEN modified < ? THEN ? ELSE modified END, moved_at = {now}, quiet = FALSE
     WHERE doctype = ?",
);

static SEE: Statement = Statement::same(
    "INSERT INTO sync_seen (doctype, name, modified)
     SELECT r.doctype, r.name, r.modified FROM {rows:doctype key, name key, modified key} AS r
     {ignore:doctype, modified, name}",
);

static QUIET: Statement =
    Statement::same("UPDATE sync_watermarks SET quiet = TRUE WHERE doctype = ? AND modified = ? AND moved_at = ?");

// The last stamp of a portion is looked up first, because MariaDB would walk the whole table for a DELETE with a subquery.
static FIRST_SEEN: Statement = Statement::same(
    "SELECT MAX(o.modified) AS modified FROM
        (SELECT modified FROM sync_seen WHERE doctype = ? AND modified < ? ORDER BY modified LIMIT ?) AS o",
);

static FORGET_SEEN: Statement = Statement::same("DELETE FROM sync_seen WHERE doctype = ? AND modified <= ?");

static FORGET: Statement = Statement::same("DELETE FROM sync_watermarks");
static FORGET_ALL_SEEN: Statement = Statement::same("DELETE FROM sync_seen");

/// Rows that are forgotten in one transaction.
const PORTION: i64 = 1_000;

/// How far catch-up has come in one doctype.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The greatest stamp that was met and believed.
    pub modified: String,
    /// When something new was met last, by the database's clock.
    pub moved_at: i64,
    /// The database's present time.
    pub now: i64,
    /// A look that began long enough after `moved_at` found nothing new.
    pub quiet: bool,
}

impl Watermark {
    /// How long nothing new has been met.
    #[must_use]
    pub fn still_for(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now - self.moved_at).unwrap_or(0))
    }
}

/// A document as a list shows it: name and stamp.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamped {
    /// ERPNext's name of the document.
    pub name: String,
    /// Its stamp, as given.
    pub modified: String,
}

#[derive(Serialize)]
struct SeenRow<'a> {
    doctype: &'a str,
    name: &'a str,
    modified: &'a str,
}

/// Sorted as the key is, so that nobody waits for anybody in a circle.
fn seen_rows<'a>(doctype: &'a str, documents: impl Iterator<Item = &'a Stamped>) -> Vec<SeenRow<'a>> {
    let mut rows: Vec<SeenRow<'a>> =
        documents.map(|Stamped { name, modified }| SeenRow { doctype, name, modified }).collect();
    rows.sort_unstable_by_key(|row| (row.modified, row.name));
    rows
}

impl Store {
    /// Every watermark, by doctype.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn watermarks(&self) -> Result<BTreeMap<String, Watermark>, StoreError> {
        let what = "read the watermarks";
        let rows = self.read(what, &ALL_OF_THEM, &[]).await?;
        let watermark = |row: &super::db::Row| -> Result<(String, Watermark), sqlx::Error> {
            let (modified, quiet) = (row.text("modified")?, row.flag("quiet")?);
            Ok((
                row.text("doctype")?,
                Watermark { modified, moved_at: row.int("moved_at")?, now: row.int("now_at")?, quiet },
            ))
        };
        rows.iter().map(watermark).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// Sets watermarks (doctype and stamp) where there is none yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn set_first_watermarks(&self, stamps: &[(&str, String)]) -> Result<(), StoreError> {
        let mut stamps: Vec<_> = stamps.iter().collect();
        stamps.sort_unstable();
        let rows: Vec<_> =
            stamps.iter().map(|(doctype, modified)| json!({ "doctype": doctype, "modified": modified })).collect();
        let rows = json!(rows).to_string();
        let what = "set the first watermarks";
        transact!(self.attempts(what, Caller::Worker), |tx| Ok(tx.execute(&FIRST, &[Arg::Text(&rows)]).await?)).await?;
        Ok(())
    }

    /// Those of the documents that catch-up has put already with that very stamp.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn seen(&self, doctype: &str, documents: &[Stamped]) -> Result<HashSet<Stamped>, StoreError> {
        let what = "look for what was put already";
        let rows = self.read_batches(what, &SEEN, &seen_rows(doctype, documents.iter())).await?;
        stamped(&rows).map_err(|error| StoreError::of(what, error))
    }

    /// Names and stamps of the customers of those names that we hold, deleted ones left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn held_stamps(&self, documents: &[Stamped]) -> Result<HashSet<Stamped>, StoreError> {
        let what = "look for known customers";
        let names: Vec<_> = documents.iter().map(|document| json!({ "name": document.name })).collect();
        let rows = self.read_batches(what, &HELD, &names).await?;
        stamped(&rows).map_err(|error| StoreError::of(what, error))
    }

    /// Puts the jobs of a page, remembers the documents they are for, and moves the watermark up to `stamp`: all or
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; [`StoreError::Refused`] for a name that cannot be stored.
    pub async fn put_seen(
        &self,
        doctype: &str,
        documents: &[Stamped],
        puts: &[Put],
        stamp: &str,
    ) -> Result<(), StoreError> {
        let what = "put what changed";
        let bug = |error| StoreError::bug(what, error);
        let seen = batches(&seen_rows(doctype, documents.iter())).map_err(bug)?;
        let puts = batches(&jobs::merge(puts)).map_err(bug)?;
        let moved = [Arg::Text(stamp), Arg::Text(stamp), Arg::Text(doctype)];
        transact!(self.attempts(what, Caller::Worker), |tx| {
            tx.execute(&MOVE, &moved).await?;
            for batch in &seen {
                tx.execute(&SEE, &[Arg::Text(batch)]).await?;
            }
            jobs::put_batches(tx, &puts).await
        })
        .await
    }

    /// Notes that nothing new has come for long enough, unless something has meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn note_quiet(&self, doctype: &str, watermark: &Watermark) -> Result<(), StoreError> {
        let args = [Arg::Text(doctype), Arg::Text(&watermark.modified), Arg::Int(watermark.moved_at)];
        let attempts = self.attempts("note that nothing is new", Caller::Worker).single_statement(true);
        transact!(attempts, |tx| Ok(tx.execute(&QUIET, &args).await?)).await?;
        Ok(())
    }

    /// Forgets what was put with a stamp below `before`, in portions.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn prune_seen(&self, doctype: &str, before: &str) -> Result<(), StoreError> {
        let what = "forget what was put long ago";
        let portion = [Arg::Text(doctype), Arg::Text(before), Arg::Int(PORTION)];
        loop {
            let rows = self.read(what, &FIRST_SEEN, &portion).await?;
            let last = rows.first().map(|row| row.maybe_text("modified")).transpose();
            let Some(last) = last.map_err(|error| StoreError::of(what, error))?.flatten() else { return Ok(()) };
            let args = [Arg::Text(doctype), Arg::Text(&last)];
            let attempts = self.attempts(what, Caller::Worker).single_statement(true);
            transact!(attempts, |tx| Ok(tx.execute(&FORGET_SEEN, &args).await?)).await?;
        }
    }

    /// Forgets every watermark: the database now belongs to another site.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn forget_watermarks(&self) -> Result<(), StoreError> {
        transact!(self.attempts("forget the watermarks", Caller::Worker), |tx| {
            tx.execute(&FORGET, &[]).await?;
            Ok(tx.execute(&FORGET_ALL_SEEN, &[]).await?)
        })
        .await?;
        Ok(())
    }
}

fn stamped(rows: &[super::db::Row]) -> Result<HashSet<Stamped>, sqlx::Error> {
    rows.iter().map(|row| Ok(Stamped { name: row.text("name")?, modified: row.text("modified")? })).collect()
}
