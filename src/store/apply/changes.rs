//! `customer_changes`: history and change feed in one.
//!
//! Invariant: `seq` grows in the order of commits. The counter row is locked from here to the commit, so whoever
//! remembers the greatest `seq` it has seen never misses a change that commits later; that is why it is taken last
//! before the jobs.

use std::borrow::Cow;

use serde::Serialize;

use super::super::Dialect;
use super::super::db::{Arg, Statement, Tx, batches};
use super::super::signal::CHANNEL;
use super::super::transact::Fault;
use super::effects::{Effects, Fields};
use crate::domain::change::{ChangeKind, FieldChange};
use crate::domain::customer::CustomerId;
use crate::domain::erasure::ErasedBy;
use crate::domain::job::Cause;

pub(super) static ALL: &[&Statement] = &[&ADVANCE, &INSERT];

// PostgreSQL announces the new value to those who listen; they are told at the commit.
static ADVANCE: Statement = Statement::built(|dialect| {
    let advance = "UPDATE sync_counters SET value = value + ? WHERE name = 'changes'";
    match dialect {
        Dialect::Postgres => format!(
            "WITH advanced AS ({advance} RETURNING value) \
             SELECT pg_notify('{CHANNEL}', CAST(value AS TEXT)) FROM advanced"
        ),
        Dialect::Sqlite | Dialect::Mariadb => advance.to_owned(),
    }
});

// `back` counts from the counter's new value down to 0 for the last row.
static INSERT: Statement = Statement::same(
    "INSERT INTO customer_changes (seq, customer_id, kind, cause, actor, delivery_id, changed_at, changes)
     SELECT c.value - r.back, r.customer_id, r.kind, r.cause, r.actor, r.delivery_id, {timestamp}, r.changes{json}
     FROM {rows:back int, customer_id int, kind text, cause text, actor text, delivery_id text, changes text} AS r
     {join} sync_counters AS c ON c.name = 'changes'",
);

#[derive(Serialize)]
struct Row<'a> {
    back: i64,
    customer_id: CustomerId,
    kind: &'static str,
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<&'a str>,
    changes: Cow<'a, str>,
}

/// Records the changes, numbered in the order of the units.
pub(super) async fn record(tx: &mut Tx, effects: &Effects<'_>) -> Result<(), Fault> {
    let count = i64::try_from(effects.changes.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(());
    }
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(effects.changes.len());
    for (change, back) in effects.changes.iter().zip((0..count).rev()) {
        rows.push(Row {
            back,
            customer_id: change.customer,
            kind: change.kind.as_str(),
            cause: change.claim.cause.as_str(),
            actor: None,
            delivery_id: change.claim.delivery_id.as_deref(),
            changes: match &change.changes {
                Fields::Changed(changes) => serde_json::to_string(changes)?.into(),
                Fields::New(json) => (*json).into(),
            },
        });
    }
    insert(tx, count, &rows).await
}

/// A change that a person made without a job.
pub(in crate::store) struct ByHand<'a> {
    /// Whose.
    pub(in crate::store) customer: CustomerId,
    /// What happened.
    pub(in crate::store) kind: ChangeKind,
    /// The name of whoever did it, where that is known.
    pub(in crate::store) actor: Option<&'a str>,
    /// What changed.
    pub(in crate::store) changes: &'a [FieldChange],
}

/// Records one change that a person made.
pub(in crate::store) async fn record_by_hand(tx: &mut Tx, change: &ByHand<'_>) -> Result<(), Fault> {
    one(tx, change, Cause::Person.as_str()).await
}

/// Records that a customer was erased.
pub(in crate::store) async fn record_erased(tx: &mut Tx, customer: CustomerId, by: ErasedBy) -> Result<(), Fault> {
    one(tx, &ByHand { customer, kind: ChangeKind::Erased, actor: None, changes: &[] }, by.as_str()).await
}

async fn one(tx: &mut Tx, change: &ByHand<'_>, cause: &'static str) -> Result<(), Fault> {
    let row = Row {
        back: 0,
        customer_id: change.customer,
        kind: change.kind.as_str(),
        cause,
        actor: change.actor,
        delivery_id: None,
        changes: serde_json::to_string(change.changes)?.into(),
    };
    insert(tx, 1, &[row]).await
}

async fn insert(tx: &mut Tx, count: i64, rows: &[Row<'_>]) -> Result<(), Fault> {
    tx.execute(&ADVANCE, &[Arg::Int(count)]).await?;
    for batch in batches(rows)? {
        tx.execute(&INSERT, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}
