//! `customer_changes`: history and change feed in one.
//!
//! Invariant: `seq` grows in the order of commits. The counter row is locked from here to the commit, so whoever
//! remembers the greatest `seq` it has seen never misses a change that commits later; that is why it is taken last
//! before the jobs.

use serde_json::{Value, json};

use super::super::db::{Arg, Statement, Tx, batches};
use super::super::transact::Fault;
use super::effects::Effects;
use crate::domain::change::{ChangeKind, FieldChange};
use crate::domain::customer::CustomerId;
use crate::domain::job::Cause;

pub(super) static ALL: &[&Statement] = &[&ADVANCE, &INSERT];

static ADVANCE: Statement = Statement::same("UPDATE sync_counters SET value = value + ? WHERE name = 'changes'");

// `back` counts from the counter's new value down to 0 for the last row.
static INSERT: Statement = Statement::same(
    "INSERT INTO customer_changes (seq, customer_id, kind, cause, delivery_id, changed_at, changes)
     SELECT c.value - r.back, r.customer_id, r.kind, r.cause, r.delivery_id, {timestamp}, r.changes{json}
     FROM {rows:back int, customer_id int, kind text, cause text, delivery_id text, changes text} AS r
     {join} sync_counters AS c ON c.name = 'changes'",
);

/// Records the changes, numbered in the order of the units.
pub(super) async fn record(tx: &mut Tx, effects: &Effects<'_>) -> Result<(), Fault> {
    let count = i64::try_from(effects.changes.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(());
    }
    let mut rows: Vec<Value> = Vec::with_capacity(effects.changes.len());
    for (change, back) in effects.changes.iter().zip((0..count).rev()) {
        let mut row = row(back, change.customer, change.kind, change.claim.cause, &change.changes)?;
        if let (Some(delivery), Some(row)) = (&change.claim.delivery_id, row.as_object_mut()) {
            row.insert("delivery_id".to_owned(), Value::String(delivery.clone()));
        }
        rows.push(row);
    }
    insert(tx, count, &rows).await
}

/// Records one change that a person made without a job.
pub(in crate::store) async fn record_one(
    tx: &mut Tx,
    customer: CustomerId,
    kind: ChangeKind,
    changes: &[FieldChange],
) -> Result<(), Fault> {
    insert(tx, 1, &[row(0, customer, kind, Cause::Person, changes)?]).await
}

fn row(
    back: i64,
    customer: CustomerId,
    kind: ChangeKind,
    cause: Cause,
    changes: &[FieldChange],
) -> Result<Value, serde_json::Error> {
    Ok(json!({
        "back": back,
        "customer_id": customer,
        "kind": kind.as_str(),
        "cause": cause.as_str(),
        "changes": serde_json::to_string(changes)?,
    }))
}

async fn insert(tx: &mut Tx, count: i64, rows: &[Value]) -> Result<(), Fault> {
    tx.execute(&ADVANCE, &[Arg::Int(count)]).await?;
    for batch in batches(rows)? {
        tx.execute(&INSERT, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}
