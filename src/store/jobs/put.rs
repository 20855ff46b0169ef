//! Putting jobs: insert, or raise the generation of the job that is there.
//!
//! Invariant: a put never takes a lease away and never makes a job wait longer. One of a hint, a person or a full run
//! revives a dead job and resets attempts; polling keeps attempts and back-off, and revives only where `modified` moved, or
//! where it is the first to say that the document is gone (a document that cannot be written would otherwise be tried again
//! for ever). Several puts of one document in one call count as one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::db::{Arg, Statement, Tx, batches};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Store, StoreError};
use crate::domain::job::{DocKey, Put};
use crate::domain::run::RunId;

pub(super) static ALL: &[&Statement] = &[&PUT];

// MariaDB assigns from left to right and shows the new values to the right: `delivery_id` reads `cause` before it changes,
// everything `modified`, `attempts` reads `run_at`, and both of them `absent`. 15 is `domain::job::REVIVES`.
/// The text of a put, also part of the acceptance of webhooks.
pub(in crate::store) const PUT_TEXT: &str =
    "INSERT INTO sync_jobs (doctype, name, lane, run_at, token, generation, attempts, cause, delivery_id, absent,
        run_id, modified, created_at, updated_at)
     SELECT r.doctype, r.name, r.lane, {now}, NULL, 1, 0, r.cause, r.delivery_id, r.absent, r.run_id, r.modified,
        {now}, {now}
     FROM {rows:doctype key, name key, lane int, cause int, delivery_id text, absent flag, run_id int, modified key} AS r
     {conflict:doctype, name}
        generation = sync_jobs.generation + 1,
        attempts = CASE WHEN {new:cause} >= 15 THEN 0
            WHEN sync_jobs.run_at IS NULL AND ({new:modified} <> COALESCE(sync_jobs.modified, '')
                OR ({new:absent} AND NOT sync_jobs.absent)) THEN 0
            ELSE sync_jobs.attempts END,
        run_at = CASE WHEN sync_jobs.token IS NOT NULL THEN sync_jobs.run_at
            WHEN {new:cause} >= 15 THEN {least}(COALESCE(sync_jobs.run_at, {new:run_at}), {new:run_at})
            WHEN sync_jobs.run_at IS NULL AND ({new:modified} <> COALESCE(sync_jobs.modified, '')
                OR ({new:absent} AND NOT sync_jobs.absent)) THEN {new:run_at}
            ELSE sync_jobs.run_at END,
        delivery_id = CASE WHEN {new:cause} >= sync_jobs.cause THEN {new:delivery_id} ELSE sync_jobs.delivery_id END,
        cause = {greatest}(sync_jobs.cause, {new:cause}),
        absent = sync_jobs.absent OR {new:absent},
        lane = {least}(sync_jobs.lane, {new:lane}),
        run_id = COALESCE({new:run_id}, sync_jobs.run_id),
        modified = COALESCE({new:modified}, sync_jobs.modified),
        updated_at = {new:updated_at}";

static PUT: Statement = Statement::same(PUT_TEXT);

/// A put as it travels to the database.
#[derive(Debug, Serialize)]
pub(in crate::store) struct PutRow<'a> {
    doctype: &'static str,
    name: &'a str,
    lane: i64,
    cause: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<&'a str>,
    absent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<&'a str>,
}

/// One row per document, in the order of keys.
pub(in crate::store) fn merge<'a>(puts: impl IntoIterator<Item = &'a Put>) -> Vec<PutRow<'a>> {
    let mut merged: BTreeMap<&DocKey, PutRow<'a>> = BTreeMap::new();
    for put in puts {
        let row = merged.entry(&put.key).or_insert_with(|| PutRow {
            doctype: put.key.doctype.as_str(),
            name: &put.key.name,
            lane: put.lane.as_i64(),
            cause: put.cause.weight(),
            delivery_id: put.delivery_id.as_deref(),
            absent: put.absent,
            run_id: put.run,
            modified: put.modified.as_deref(),
        });
        if put.cause.weight() >= row.cause {
            row.cause = put.cause.weight();
            row.delivery_id = put.delivery_id.as_deref();
        }
        row.lane = row.lane.min(put.lane.as_i64());
        row.absent |= put.absent;
        row.run_id = put.run.or(row.run_id);
        row.modified = put.modified.as_deref().or(row.modified);
    }
    merged.into_values().collect()
}

/// Puts merged rows.
pub(in crate::store) async fn put_rows(tx: &mut Tx, rows: &[PutRow<'_>]) -> Result<(), Fault> {
    put_batches(tx, &batches(rows)?).await
}

/// Puts rows that were made into batches already.
pub(in crate::store) async fn put_batches(tx: &mut Tx, batches: &[String]) -> Result<(), Fault> {
    for batch in batches {
        tx.execute(&PUT, &[Arg::Text(batch)]).await?;
    }
    Ok(())
}

impl Store {
    /// Puts jobs, all or none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; [`StoreError::Refused`] for a name that cannot be stored.
    pub async fn put(&self, puts: &[Put]) -> Result<(), StoreError> {
        let what = "put jobs";
        let rows = batches(&merge(puts)).map_err(|error| StoreError::bug(what, error))?;
        transact!(self.attempts(what, Caller::Urgent).single_statement(rows.len() == 1), |tx| put_batches(tx, &rows)
            .await)
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::job::{Cause, Lane};

    #[test]
    fn puts_of_one_document_become_one_and_lose_nothing() {
        let put = |name: &str, lane, cause, delivery: Option<&str>, absent| Put {
            delivery_id: delivery.map(str::to_owned),
            absent,
            ..Put::new(DocKey::customer(name), lane, cause)
        };
        let puts = [
            put("B", Lane::Fast, Cause::Person, None, false),
            put("A", Lane::Bulk, Cause::Webhook, Some("first"), true),
            put("A", Lane::Fast, Cause::Person, None, false),
            put("A", Lane::Bulk, Cause::Webhook, Some("second"), false),
        ];
        let rows = merge(&puts);
        assert_eq!(rows.iter().map(|row| row.name).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((rows[0].lane, rows[0].cause, rows[0].delivery_id, rows[0].absent), (0, 30, Some("second"), true));
    }
}
