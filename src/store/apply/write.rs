//! The statements that write what `effects` worked out.
//!
//! Invariant: the order of the tables is the lock order of the whole store, and rows of one statement are sorted by
//! their key. Moving names are set to null first and given afterwards, so that swaps and chains work.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::db::{Arg, BatchRow, Statement, Tx, batches, delete_rows, update_rows};
use super::super::tables::{ADDRESSES, CONTACTS, CUSTOMERS, Table};
use super::super::transact::Fault;
use super::super::{Dialect, StoreError};
use super::effects::{Effects, Insert, LinkedRow};
use super::suggestions;
use crate::domain::customer::CustomerId;

pub(super) static ALL: &[&Statement] = &[
    &RELEASE,
    &INSERT,
    &UPDATE,
    &RENAME,
    &TOMBSTONE,
    &ADDRESSES_UPSERT,
    &ADDRESSES_DELETE,
    &CONTACTS_UPSERT,
    &CONTACTS_DELETE,
    &STATE_UPSERT,
    &STATE_NOTE,
    &STATE_UNKNOWN,
    &STATE_GONE,
    &STATE_STAMPS,
    &ALIAS,
];

static RELEASE: Statement = Statement::built(|dialect| {
    update_rows(dialect, "customers", "id int", "t.id = r.id", &[("erpnext_id", "NULL".into())])
});

// Times are set although they have defaults: an adopted table may have none.
static INSERT: Statement = Statement::built(|_| {
    format!(
        "INSERT INTO customers ({}, origin, created_at, updated_at) SELECT {}, 'erpnext', {{timestamp}}, {{timestamp}} \
         FROM {{rows:{}}} AS r RETURNING {{id:id}} AS id, erpnext_id",
        CUSTOMERS.names(),
        CUSTOMERS.values(),
        CUSTOMERS.batch()
    )
});

static UPDATE: Statement = Statement::built(|dialect| {
    let mut assignments = CUSTOMERS.assignments();
    assignments.push(("deleted_at", "NULL".into()));
    assignments.push(("merged_into", "NULL".into()));
    assignments.push(("updated_at", "{timestamp}".into()));
    // A local row that was linked is local no longer.
    assignments.push(("origin", "'erpnext'".into()));
    update_rows(dialect, "customers", &format!("id int, {}", CUSTOMERS.batch()), "t.id = r.id", &assignments)
});

static RENAME: Statement = Statement::built(|dialect| {
    let assignments = [("erpnext_id", "r.erpnext_id".into()), ("updated_at", "{timestamp}".into())];
    update_rows(dialect, "customers", "id int, erpnext_id key", "t.id = r.id", &assignments)
});

// An earlier time of deletion stays.
static TOMBSTONE: Statement = Statement::built(|dialect| {
    let assignments = [
        ("deleted_at", "COALESCE(t.deleted_at, {timestamp})".into()),
        ("merged_into", "r.merged_into".into()),
        ("updated_at", "{timestamp}".into()),
    ];
    update_rows(dialect, "customers", "id int, merged_into int, gone text", "t.id = r.id", &assignments)
});

static ADDRESSES_UPSERT: Statement = Statement::built(|_| linked_upsert(&ADDRESSES));
static ADDRESSES_DELETE: Statement = Statement::built(|dialect| linked_delete(dialect, &ADDRESSES));
static CONTACTS_UPSERT: Statement = Statement::built(|_| linked_upsert(&CONTACTS));
static CONTACTS_DELETE: Statement = Statement::built(|dialect| linked_delete(dialect, &CONTACTS));

fn linked_upsert(table: &Table) -> String {
    format!(
        "INSERT INTO {} (customer_id, {}, created_at, updated_at) SELECT r.customer_id, {}, {{timestamp}}, {{timestamp}} \
         FROM {{rows:customer_id int, {}}} AS r {{conflict:customer_id, erpnext_id}} {}, updated_at = {{new:updated_at}}",
        table.name,
        table.names(),
        table.values(),
        table.batch(),
        table.upsert()
    )
}

fn linked_delete(dialect: Dialect, table: &Table) -> String {
    delete_rows(dialect, table.name, "customer_id int, erpnext_id key", &["customer_id", "erpnext_id"])
}

const STATE: &str = "id int, document text, hash text, document_hash text, base text, creation key, modified text, \
    unknown text, problems text";

static STATE_UPSERT: Statement = Statement::built(|_| {
    format!(
        "INSERT INTO sync_state (customer_id, document, hash, document_hash, base, creation, modified, gone, unknown, \
            problems, synced_at) \
         SELECT r.id, r.document, r.hash, r.document_hash, r.base, r.creation, r.modified, NULL, r.unknown, r.problems, \
            {{now}} FROM {{rows:{STATE}}} AS r \
         {{conflict:customer_id}} document = {{new:document}}, hash = {{new:hash}}, document_hash = {{new:document_hash}}, \
            base = {{new:base}}, creation = {{new:creation}}, modified = {{new:modified}}, gone = NULL, \
            unknown = {{new:unknown}}, problems = {{new:problems}}, synced_at = {{new:synced_at}}"
    )
});

static STATE_NOTE: Statement = Statement::built(|dialect| {
    let columns = ["document", "hash", "document_hash", "creation", "modified", "unknown", "problems"];
    let mut assignments: Vec<(&str, String)> = columns.iter().map(|column| (*column, format!("r.{column}"))).collect();
    assignments.push(("synced_at", "{now}".into()));
    update_rows(dialect, "sync_state", STATE, "t.customer_id = r.id", &assignments)
});

static STATE_UNKNOWN: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "sync_state",
        "id int, unknown text",
        "t.customer_id = r.id",
        &[("unknown", "r.unknown".into())],
    )
});

// The hash of a tombstone is empty, so that whoever looked before the deletion no longer matches, and a revival differs.
// Nothing of it is unknown any more.
static STATE_GONE: Statement = Statement::built(|dialect| {
    let assignments = [("gone", "r.gone".into()), ("hash", "''".into()), ("unknown", "NULL".into())];
    update_rows(dialect, "sync_state", "id int, merged_into int, gone text", "t.customer_id = r.id", &assignments)
});

// Of a row that the filter leaves out.
static STATE_STAMPS: Statement = Statement::built(|dialect| {
    let assignments = [("creation", "r.creation".into()), ("modified", "r.modified".into())];
    update_rows(dialect, "sync_state", "id int, creation key, modified text", "t.customer_id = r.id", &assignments)
});

static ALIAS: Statement = Statement::same(
    "INSERT INTO sync_aliases (name, creation, customer_id, since) SELECT r.name, r.creation, r.id, {now} \
     FROM {rows:name key, creation key, id int} AS r \
     {conflict:name, creation} customer_id = {new:customer_id}, since = {new:since}",
);

/// Writes everything but history and jobs; new rows get their ids into `effects`.
pub(super) async fn rows(tx: &mut Tx, effects: &mut Effects<'_>) -> Result<(), Fault> {
    run(tx, &RELEASE, &mut effects.release, by_id).await?;
    let ids = insert(tx, effects).await?;
    effects.number_inserts(&ids);
    run(tx, &UPDATE, &mut effects.updates, by_id).await?;
    run(tx, &RENAME, &mut effects.renames, by_id).await?;
    run(tx, &TOMBSTONE, &mut effects.tombstones, by_id).await?;
    run(tx, &ADDRESSES_DELETE, &mut effects.addresses_gone, by_link).await?;
    run(tx, &ADDRESSES_UPSERT, &mut effects.addresses, LinkedRow::key).await?;
    run(tx, &CONTACTS_DELETE, &mut effects.contacts_gone, by_link).await?;
    run(tx, &CONTACTS_UPSERT, &mut effects.contacts, LinkedRow::key).await?;
    run(tx, &STATE_UPSERT, &mut effects.states, |row| row.id).await?;
    run(tx, &STATE_NOTE, &mut effects.notes, |row| row.id).await?;
    run(tx, &STATE_UNKNOWN, &mut effects.unknown, by_id).await?;
    run(tx, &STATE_GONE, &mut effects.tombstones, by_id).await?;
    run(tx, &STATE_STAMPS, &mut effects.stamps, by_id).await?;
    let aliases: Vec<Value> = effects
        .aliases
        .iter()
        .map(|((name, creation), id)| json!({ "name": name, "creation": creation, "id": id }))
        .collect();
    for batch in batches(&aliases)? {
        tx.execute(&ALIAS, &[Arg::Text(&batch)]).await?;
    }
    suggestions::write(tx, effects).await
}

/// Inserts the new customers, sorted by name; their ids in the order of `effects.inserts`.
async fn insert(tx: &mut Tx, effects: &Effects<'_>) -> Result<Vec<CustomerId>, Fault> {
    let mut inserts: Vec<&Insert<'_>> = effects.inserts.iter().collect();
    inserts.sort_by_key(|insert| insert.name());
    let mut ids: HashMap<String, CustomerId> = HashMap::with_capacity(inserts.len());
    for batch in batches(&inserts)? {
        for row in tx.fetch(&INSERT, &[Arg::Text(&batch)]).await? {
            ids.insert(row.maybe_text("erpnext_id")?.unwrap_or_default(), row.int("id")?);
        }
    }
    let id = |insert: &Insert<'_>| {
        let missing = || StoreError::bug("insert customers", "the database returned no id for a new row");
        Ok(*ids.get(insert.name()).ok_or_else(missing)?)
    };
    effects.inserts.iter().map(id).collect()
}

async fn run<T: BatchRow, K: Ord>(
    tx: &mut Tx,
    statement: &'static Statement,
    rows: &mut [T],
    key: fn(&T) -> K,
) -> Result<(), Fault> {
    rows.sort_by_key(key);
    for batch in batches(rows)? {
        tx.execute(statement, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}

fn by_id(row: &Map<String, Value>) -> i64 {
    number(row, "id")
}

fn by_link(row: &Map<String, Value>) -> (i64, String) {
    (number(row, "customer_id"), text(row, "erpnext_id").to_owned())
}

fn number(row: &Map<String, Value>, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or_default()
}

fn text<'a>(row: &'a Map<String, Value>, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}
