//! What ERPNext tells of erased customers later: its traces in our own bookkeeping are removed with the job that it made.
//!
//! Invariant: part of the workers' transaction, before the jobs. Webhooks are looked for among the newest only, because the
//! table has no index on names: older ones were emptied when the customer was erased.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::db::{Arg, Statement, Tx, batches, delete_rows, update_rows};
use super::super::transact::Fault;
use super::marks;
use crate::domain::erasure::Forget;
use crate::domain::job::DocKey;

pub(super) static ALL: &[&Statement] = &[&NEWEST, &EMPTY, &UNSEE];

static NEWEST: Statement = Statement::same(
    "SELECT d.id FROM (SELECT id, doctype, name FROM sync_deliveries ORDER BY id DESC LIMIT 20000) AS d
     JOIN {rows:doctype text, name text} AS r ON d.doctype = r.doctype AND d.name = r.name",
);

static EMPTY: Statement = Statement::built(|dialect| {
    let assignments = [("name", "NULL".into()), ("body", "''".into())];
    update_rows(dialect, "sync_deliveries", "id key", "t.id = r.id", &assignments)
});

static UNSEE: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_seen", "doctype key, name key", &["doctype", "name"]));

/// Removes the traces of the documents, and marks what is new of their customers.
pub(in crate::store) async fn forget(tx: &mut Tx, forget: &[&Forget]) -> Result<(), Fault> {
    for one in forget {
        marks::mark(tx, one.customer, &one.marks.iter().cloned().collect()).await?;
    }
    let keys: BTreeSet<&DocKey> = forget.iter().map(|one| &one.key).collect();
    traces(tx, &keys).await
}

/// Removes what catch-up noted of these documents, and empties the newest webhooks about them.
pub(super) async fn traces(tx: &mut Tx, keys: &BTreeSet<&DocKey>) -> Result<(), Fault> {
    let rows: Vec<Value> =
        keys.iter().map(|key| json!({ "doctype": key.doctype.as_str(), "name": key.name })).collect();
    for batch in batches(&rows)? {
        tx.execute(&UNSEE, &[Arg::Text(&batch)]).await?;
        let found = tx.fetch(&NEWEST, &[Arg::Text(&batch)]).await?;
        let ids: BTreeSet<String> = found.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        empty(tx, &ids).await?;
    }
    Ok(())
}

/// Empties webhooks: when one came, of which kind, and what was made of it stays.
pub(super) async fn empty(tx: &mut Tx, deliveries: &BTreeSet<String>) -> Result<(), Fault> {
    let rows: Vec<Value> = deliveries.iter().map(|id| json!({ "id": id })).collect();
    for batch in batches(&rows)? {
        tx.execute(&EMPTY, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}
