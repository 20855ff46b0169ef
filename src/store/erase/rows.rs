//! One customer: everything that belongs to its row.
//!
//! Invariant: the locks are taken in the order of the whole store, jobs last. Addresses and Contacts are deleted as they are
//! when ERPNext unlinks them; a document that another customer has too stays that customer's. A name that another row has by
//! now is that one's, too: only the pair with this one's `creation` is marked.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::apply::record_erased;
use super::super::customers::erase_words;
use super::super::db::{Arg, Row, Statement, Tx, batches, delete_rows, update_rows};
use super::super::tables::CUSTOMERS;
use super::super::transact::{End, Fault};
use super::super::{Dialect, StoreError};
use super::{Erased, forget, marks};
use crate::domain::customer::CustomerId;
use crate::domain::erasure::{ErasedBy, MarkKey};
use crate::domain::hint::Doctype;
use crate::domain::job::DocKey;

pub(super) static ALL: &[&Statement] = &[
    &LOCK,
    &READ,
    &KEYS,
    &ALIASES,
    &OTHERS,
    &EMPTY,
    &ADDRESSES,
    &CONTACTS,
    &STATE,
    &FORGET_ALIASES,
    &SUGGESTIONS,
    &SUGGESTIONS_NAMED,
    &CANDIDATES,
    &POSITIONS,
    &CHANGES,
    &EMPTY_CHANGES,
    &LOCK_RUN,
    &COUNT_SKIPPED,
    &LOCK_JOBS,
    &DELETE_JOBS,
    &EMPTY_ERRORS,
];

static LOCK: Statement = Statement::same("SELECT {id:id} AS id FROM customers WHERE id = ? {lock}");

// Apart from the lock: on PostgreSQL a locking join would show the joined row from before the wait.
static READ: Statement = Statement::same(
    "SELECT c.erpnext_id, {flag:c.erased_at IS NOT NULL} AS is_erased, s.creation
     FROM customers AS c LEFT JOIN sync_state AS s ON s.customer_id = c.id WHERE c.id = ?",
);

static KEYS: Statement = Statement::same(
    "SELECT 'Address' AS doctype, erpnext_id AS name FROM customer_addresses WHERE customer_id = ?
     UNION ALL SELECT 'Contact' AS doctype, erpnext_id AS name FROM customer_contacts WHERE customer_id = ?",
);

static ALIASES: Statement = Statement::same("SELECT name, creation FROM sync_aliases WHERE customer_id = ?");

// What other customers have of these documents.
static OTHERS: Statement = Statement::same(
    "SELECT 'Customer' AS doctype, t.erpnext_id AS name FROM {rows:name key} AS r
     {join} customers AS t ON t.erpnext_id = r.name WHERE t.id <> ?
     UNION SELECT 'Address' AS doctype, t.erpnext_id AS name FROM {rows:name key} AS q
     {join} customer_addresses AS t ON t.erpnext_id = q.name WHERE t.customer_id <> ?
     UNION SELECT 'Contact' AS doctype, t.erpnext_id AS name FROM {rows:name key} AS p
     {join} customer_contacts AS t ON t.erpnext_id = p.name WHERE t.customer_id <> ?",
);

// An earlier time of deletion stays.
static EMPTY: Statement = Statement::built(|_| {
    format!(
        "UPDATE customers SET {}, deleted_at = COALESCE(deleted_at, {{timestamp}}), erased_at = {{timestamp}}, \
            updated_at = {{timestamp}} WHERE id = ?",
        CUSTOMERS.emptied()
    )
});

static ADDRESSES: Statement = Statement::same("DELETE FROM customer_addresses WHERE customer_id = ?");
static CONTACTS: Statement = Statement::same("DELETE FROM customer_contacts WHERE customer_id = ?");
static STATE: Statement = Statement::same("DELETE FROM sync_state WHERE customer_id = ?");
static FORGET_ALIASES: Statement = Statement::same("DELETE FROM sync_aliases WHERE customer_id = ?");
static SUGGESTIONS: Statement = Statement::same("DELETE FROM sync_suggestions WHERE customer_id = ?");
static SUGGESTIONS_NAMED: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_suggestions", "name key", &["name"]));
static CANDIDATES: Statement = Statement::same("DELETE FROM sync_candidates WHERE customer_id = ?");

// The last name that a run listed, which nobody needs once it is over.
static POSITIONS: Statement =
    Statement::same("UPDATE sync_runs SET position = NULL WHERE finished_at IS NOT NULL AND position IS NOT NULL");

static CHANGES: Statement =
    Statement::same("SELECT seq, {text:changes} AS changes FROM customer_changes WHERE customer_id = ? ORDER BY seq");

static EMPTY_CHANGES: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "customer_changes",
        "seq int, changes text",
        "t.seq = r.seq",
        &[("changes", "r.changes{json}".into())],
    )
});

static LOCK_RUN: Statement = Statement::same("SELECT id FROM sync_runs WHERE active_key = 'full' {lock}");

static COUNT_SKIPPED: Statement =
    Statement::same("UPDATE sync_runs SET skipped = skipped + ?, updated_at = {now} WHERE id = ?");

static LOCK_JOBS: Statement = Statement::same(
    "SELECT t.run_id FROM {rows:doctype key, name key} AS r
     {join} sync_jobs AS t ON t.doctype = r.doctype AND t.name = r.name ORDER BY t.doctype, t.name {lock}",
);

static DELETE_JOBS: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_jobs", "doctype key, name key", &["doctype", "name"]));

// Why another job fails may tell the name, too.
static EMPTY_ERRORS: Statement = Statement::built(|dialect| {
    let found = match dialect {
        Dialect::Sqlite | Dialect::Mariadb => "INSTR(last_error, ?)",
        Dialect::Postgres => "STRPOS(last_error, ?)",
    };
    format!(
        "UPDATE sync_jobs SET last_error = 'the reason named a customer that was erased' \
         WHERE last_error IS NOT NULL AND {found} > 0"
    )
});

/// Erases the customer, unless that was done.
pub(super) async fn erase(tx: &mut Tx, key: &MarkKey, id: CustomerId, by: ErasedBy) -> Result<End<Erased>, Fault> {
    if tx.dialect() == Dialect::Sqlite {
        // Overwrites also what only becomes free: `fast`, which is always on, leaves whole pages as they were.
        tx.run("PRAGMA secure_delete = ON".to_owned()).await?;
    }
    tx.fetch(&LOCK, &[Arg::Int(id)]).await?;
    let rows = tx.fetch(&READ, &[Arg::Int(id)]).await?;
    let Some(row) = rows.first() else { return Ok(End::RollBack(Erased::Unknown)) };
    if row.flag("is_erased")? {
        return Ok(End::RollBack(Erased::Already));
    }
    let known = Known::read(tx, id, row).await?;
    for statement in [&EMPTY, &ADDRESSES, &CONTACTS, &STATE, &FORGET_ALIASES, &SUGGESTIONS] {
        tx.execute(statement, &[Arg::Int(id)]).await?;
    }
    if tx.dialect() == Dialect::Sqlite {
        erase_words(tx, id).await?;
    }
    let names = known.own.iter().filter(|key| key.doctype == Doctype::Customer);
    let names: Vec<Value> = names.map(|key| json!({ "name": key.name })).collect();
    for batch in batches(&names)? {
        tx.execute(&SUGGESTIONS_NAMED, &[Arg::Text(&batch)]).await?;
    }
    marks::mark(tx, id, &known.marks(key)).await?;
    tx.execute(&CANDIDATES, &[Arg::Int(id)]).await?;
    tx.execute(&POSITIONS, &[]).await?;
    let run = tx.fetch(&LOCK_RUN, &[]).await?.first().map(|row| row.int("id")).transpose()?;
    empty_changes(tx, id).await?;
    record_erased(tx, id, by).await?;
    let keys: BTreeSet<&DocKey> = known.own.iter().collect();
    forget::traces(tx, &keys).await?;
    delete_jobs(tx, &keys, run).await?;
    Ok(End::Commit(Erased::Done))
}

/// What ERPNext calls the customer and what belongs to it.
struct Known {
    /// Name and `creation`, former ones too.
    pairs: BTreeSet<(String, String)>,
    /// All its documents.
    documents: BTreeSet<DocKey>,
    /// Those that no other customer has, too.
    own: BTreeSet<DocKey>,
}

impl Known {
    async fn read(tx: &mut Tx, id: CustomerId, row: &Row) -> Result<Self, Fault> {
        let creation = row.maybe_text("creation")?.unwrap_or_default();
        let mut pairs = BTreeSet::new();
        if let Some(name) = row.maybe_text("erpnext_id")? {
            pairs.insert((name, creation));
        }
        for alias in tx.fetch(&ALIASES, &[Arg::Int(id)]).await? {
            pairs.insert((alias.text("name")?, alias.text("creation")?));
        }
        let mut documents: BTreeSet<DocKey> = pairs.iter().map(|(name, _)| DocKey::customer(name)).collect();
        for document in tx.fetch(&KEYS, &[Arg::Int(id), Arg::Int(id)]).await? {
            documents.insert(key(&document)?);
        }
        let names: Vec<Value> = documents.iter().map(|key| json!({ "name": key.name })).collect();
        let mut own = documents.clone();
        for batch in batches(&names)? {
            let args =
                [Arg::Text(&batch), Arg::Int(id), Arg::Text(&batch), Arg::Int(id), Arg::Text(&batch), Arg::Int(id)];
            for other in tx.fetch(&OTHERS, &args).await? {
                own.remove(&key(&other)?);
            }
        }
        Ok(Self { pairs, documents, own })
    }

    fn marks(&self, key: &MarkKey) -> BTreeSet<String> {
        let pairs = self.pairs.iter().flat_map(|(name, creation)| {
            let creation_alone = (!creation.is_empty()).then(|| key.creation(creation));
            [Some(key.pair(name, creation)), creation_alone].into_iter().flatten()
        });
        pairs.chain(self.documents.iter().map(|document| key.document(document))).collect()
    }
}

fn key(row: &Row) -> Result<DocKey, Fault> {
    let doctype = row.text("doctype")?;
    let doctype = Doctype::parse(&doctype)
        .ok_or_else(|| StoreError::bug("erase a customer", "a document of an unknown doctype"))?;
    Ok(DocKey { doctype, name: row.text("name")? })
}

/// Takes the values out of a customer's history; which fields changed, when and why stays.
async fn empty_changes(tx: &mut Tx, id: CustomerId) -> Result<(), Fault> {
    let mut emptied = Vec::new();
    for row in tx.fetch(&CHANGES, &[Arg::Int(id)]).await? {
        let mut changes: Value = serde_json::from_str(&row.text("changes")?)?;
        for change in changes.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            for (_part, value) in change.iter_mut().filter(|(part, _value)| *part != "field") {
                *value = Value::Null;
            }
        }
        emptied.push(json!({ "seq": row.int("seq")?, "changes": changes.to_string() }));
    }
    for batch in batches(&emptied)? {
        tx.execute(&EMPTY_CHANGES, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}

/// Deletes the jobs of its documents, whoever holds them; a full run counts its own as skipped.
async fn delete_jobs(tx: &mut Tx, keys: &BTreeSet<&DocKey>, run: Option<i64>) -> Result<(), Fault> {
    let rows: Vec<Value> =
        keys.iter().map(|key| json!({ "doctype": key.doctype.as_str(), "name": key.name })).collect();
    let mut skipped = 0;
    for batch in batches(&rows)? {
        for job in tx.fetch(&LOCK_JOBS, &[Arg::Text(&batch)]).await? {
            skipped += i64::from(run.is_some() && job.maybe_int("run_id")? == run);
        }
        tx.execute(&DELETE_JOBS, &[Arg::Text(&batch)]).await?;
    }
    if let Some(run) = run.filter(|_run| skipped > 0) {
        tx.execute(&COUNT_SKIPPED, &[Arg::Int(skipped), Arg::Int(run)]).await?;
    }
    for key in keys {
        tx.execute(&EMPTY_ERRORS, &[Arg::Text(&key.name)]).await?;
    }
    Ok(())
}
