//! `sync_deliveries`: every verified webhook; the acceptance of a batch of them, and how long they are kept. What people see
//! of them is in `list`.
//!
//! Invariant: [`Store::accept`] is one transaction: when it returns, deliveries and jobs are durable, so the caller may
//! answer 202; when it fails, nothing of the batch is there. What is in a body is never looked at here.

mod list;

use std::time::Duration;

use serde::Serialize;

use super::db::{Arg, Statement, batches};
use super::jobs;
use super::transact::{Caller, transact};
use super::{Dialect, Store, StoreError};
use crate::domain::hint::Delivery;

pub use list::{DeliveryDetail, DeliveryFilter, DeliveryPage, DeliveryRange, DeliveryRow};

pub(super) use list::ALL as LISTED;

pub(super) static ALL: &[&Statement] =
    &[&INSERT, &ACCEPT, &COUNT, &OLD, &NEWEST_BEYOND, &BEYOND, &DELETE, &RECENT, &LAST];

const PRUNE: &str = "delete old webhooks";
/// Rows deleted per transaction, so that pruning never holds up an acknowledgement for long.
const PRUNE_ROWS: i64 = 1_000;

// A repetition after an unknown end of the first transaction finds its own rows: they are left as they are.
const INSERT_TEXT: &str = "INSERT INTO sync_deliveries (id, received_at, event, doctype, name, body, verdict)
     SELECT r.id, {now}, r.event, r.doctype, r.name, r.body, r.verdict
     FROM {rows:id key, event text, doctype text, name text, body text, verdict text} AS r
     {ignore:id}";

static INSERT: Statement = Statement::same(INSERT_TEXT);

/// Deliveries and jobs in one statement on PostgreSQL (one round trip instead of four), in one call of the driver with the
/// whole transaction on SQLite (each call changes threads, there and back).
static ACCEPT: Statement = Statement::built(|dialect| match dialect {
    Dialect::Postgres => format!("WITH noted AS ({INSERT_TEXT}) {}", jobs::PUT_TEXT),
    Dialect::Sqlite => format!("BEGIN IMMEDIATE; {INSERT_TEXT}; {}; COMMIT", jobs::PUT_TEXT),
    Dialect::Mariadb => INSERT_TEXT.to_owned(),
});

// Ids are in the order of time, so the oldest rows are the first of the key. The last id of a portion is looked up
// first, because MariaDB would walk the whole table for a DELETE with a subquery.
static OLD: Statement = Statement::same(
    "SELECT MAX(o.id) AS id FROM (SELECT id, received_at FROM sync_deliveries ORDER BY id LIMIT ?) AS o
     WHERE o.received_at < {now} - ?",
);

static COUNT: Statement = Statement::same("SELECT {count:COUNT(*)} AS n FROM sync_deliveries");

static NEWEST_BEYOND: Statement = Statement::same("SELECT id FROM sync_deliveries ORDER BY id DESC LIMIT 1 OFFSET ?");

static BEYOND: Statement = Statement::same(
    "SELECT MAX(o.id) AS id FROM (SELECT id FROM sync_deliveries WHERE id <= ? ORDER BY id LIMIT ?) AS o",
);

// Without an index on names, so only among the newest.
static RECENT: Statement = Statement::same(
    "SELECT d.body FROM (SELECT id, doctype, name, body FROM sync_deliveries ORDER BY id DESC LIMIT 5000) AS d
     WHERE d.doctype = ? AND d.name = ? ORDER BY d.id DESC LIMIT 1",
);

static LAST: Statement = Statement::same("SELECT received_at FROM sync_deliveries ORDER BY id DESC LIMIT 1");

static DELETE: Statement = Statement::same("DELETE FROM sync_deliveries WHERE id <= ?");

#[derive(Serialize)]
struct NewDelivery<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doctype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    body: &'a str,
    verdict: &'static str,
}

impl Store {
    /// Makes a batch of verified webhooks durable: their deliveries and the jobs they put.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; [`StoreError::Refused`] where one of them cannot be stored
    /// (the caller then repeats them one by one).
    pub async fn accept(&self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        let rows: Vec<NewDelivery<'_>> = deliveries
            .iter()
            .map(|delivery| NewDelivery {
                id: &delivery.id,
                event: delivery.event.as_deref(),
                doctype: delivery.doctype.as_deref(),
                name: delivery.name.as_deref(),
                body: &delivery.body,
                verdict: delivery.verdict.as_str(),
            })
            .collect();
        let what = "store webhooks";
        let rows = batches(&rows).map_err(|error| StoreError::bug(what, error))?;
        let puts = jobs::merge(deliveries.iter().filter_map(|delivery| delivery.put.as_ref()));
        let puts = batches(&puts).map_err(|error| StoreError::bug(what, error))?;
        let attempts = self.attempts(what, Caller::Urgent);
        if let (Dialect::Postgres | Dialect::Sqlite, [rows], [puts]) =
            (self.dialect(), rows.as_slice(), puts.as_slice())
        {
            let args = [Arg::Text(rows), Arg::Text(puts)];
            let attempts = match self.dialect() {
                Dialect::Sqlite => attempts.whole_text(),
                Dialect::Postgres | Dialect::Mariadb => attempts.single_statement(true),
            };
            transact!(attempts, |tx| Ok(tx.execute(&ACCEPT, &args).await?)).await?;
            return Ok(());
        }
        transact!(attempts, |tx| {
            for batch in &rows {
                tx.execute(&INSERT, &[Arg::Text(batch)]).await?;
            }
            jobs::put_batches(tx, &puts).await
        })
        .await
    }

    /// How many are kept. Reads the whole key of the table.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delivery_count(&self) -> Result<u64, StoreError> {
        let what = "count webhooks";
        let rows = self.read(what, &COUNT, &[]).await?;
        let count = rows.first().map_or(Ok(0), |row| row.int("n")).map_err(|error| StoreError::of(what, error))?;
        Ok(count.unsigned_abs())
    }

    /// The body of the newest webhook about that document, among the last 5,000 of all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn recent_delivery(&self, doctype: &str, name: &str) -> Result<Option<String>, StoreError> {
        let what = "look for a webhook";
        let rows = self.read(what, &RECENT, &[Arg::Text(doctype), Arg::Text(name)]).await?;
        rows.first().map(|row| row.text("body")).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// When the newest one came, in milliseconds since 1970 UTC; `None` where there is none. Reads one row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last_delivery(&self) -> Result<Option<i64>, StoreError> {
        let what = "look for the last webhook";
        let rows = self.read(what, &LAST, &[]).await?;
        rows.first().map(|row| row.int("received_at")).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// Deletes deliveries older than `max_age`, and the oldest beyond `max_rows`; how many. Works in small
    /// transactions, so it may be stopped at any point.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn prune_deliveries(&self, max_age: Duration, max_rows: u64) -> Result<u64, StoreError> {
        let age = Arg::Int(i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX));
        let old = self.prune(&OLD, &[Arg::Int(PRUNE_ROWS), age]).await?;
        let rows = Arg::Int(i64::try_from(max_rows).unwrap_or(i64::MAX));
        let newest = match self.id_of(&NEWEST_BEYOND, &[rows]).await? {
            Some(newest) => newest,
            None => return Ok(old),
        };
        Ok(old + self.prune(&BEYOND, &[Arg::Text(&newest), Arg::Int(PRUNE_ROWS)]).await?)
    }

    /// Deletes portion after portion, each up to the id that the statement finds.
    async fn prune(&self, last: &'static Statement, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let mut deleted = 0;
        while let Some(id) = self.id_of(last, args).await? {
            deleted += transact!(self.attempts(PRUNE, Caller::Worker), |tx| Ok(tx
                .execute(&DELETE, &[Arg::Text(&id)])
                .await?))
            .await?;
        }
        Ok(deleted)
    }

    async fn id_of(&self, statement: &'static Statement, args: &[Arg<'_>]) -> Result<Option<String>, StoreError> {
        let rows = self.read(PRUNE, statement, args).await?;
        let id = rows.first().map(|row| row.maybe_text("id")).transpose();
        Ok(id.map_err(|error| StoreError::of(PRUNE, error))?.flatten())
    }
}
