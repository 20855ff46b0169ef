//! Takes a row's link to ERPNext away, because a person says that it is another customer.
//!
//! Beside `edit` the only write to `customers` that no worker makes: there is nothing to read from ERPNext and nothing to decide, and a
//! person waits. Invariant: the lock order is the workers' (customers, state, aliases, suggestions, change counter, jobs
//! last), so whoever read the row before finds it changed and is repeated; the document is put in the same transaction
//! and becomes a row of its own, because the pair is noted as rejected.

use serde_json::json;

use super::apply::{ByHand, record_by_hand};
use super::db::{Arg, Statement, Tx};
use super::jobs::{merge, put_rows};
use super::transact::{Caller, End, Fault, transact_or_not};
use super::{Store, StoreError};
use crate::domain::change::{ChangeKind, FieldChange};
use crate::domain::customer::CustomerId;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::domain::suggestion::SuggestionKind;

pub(super) static ALL: &[&Statement] = &[&LOCK, &READ, &UNLINK, &FORGET_STATE, &FORGET_NAMES, &REJECT];

static LOCK: Statement = Statement::same("SELECT {id:id} AS id FROM customers WHERE id = ? {lock}");

// Apart from the lock: on PostgreSQL a locking join would show the joined row from before the wait.
static READ: Statement = Statement::same(
    "SELECT c.erpnext_id, {flag:c.deleted_at IS NOT NULL} AS is_deleted, s.creation
     FROM customers AS c LEFT JOIN sync_state AS s ON s.customer_id = c.id WHERE c.id = ?",
);

static UNLINK: Statement =
    Statement::same("UPDATE customers SET erpnext_id = NULL, origin = 'local', updated_at = {timestamp} WHERE id = ?");

static FORGET_STATE: Statement = Statement::same("DELETE FROM sync_state WHERE customer_id = ?");
static FORGET_NAMES: Statement = Statement::same("DELETE FROM sync_aliases WHERE customer_id = ?");

static REJECT: Statement = Statement::same(
    "INSERT INTO sync_suggestions (name, creation, customer_id, kind, matched_by, state, created_at, decided_at)
     SELECT r.name, r.creation, r.id, r.kind, 'person', 'rejected', {now}, {now}
     FROM {rows:name key, creation key, id int, kind text} AS r
     {conflict:name, customer_id} creation = {new:creation}, kind = {new:kind}, matched_by = {new:matched_by},
        state = 'rejected', decided_at = {new:decided_at}",
);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlinked {
    /// The row is local now, and this document was put.
    Done {
        /// ERPNext's name of it.
        name: String,
    },
    /// It has no link, or it is deleted.
    NotLinked,
    /// There is no such row.
    Unknown,
}

impl Store {
    /// Makes a living linked row local again. Its values, addresses and contacts stay. `actor` is who does
    /// it, for the history.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn unlink(&self, id: CustomerId, actor: Option<&str>) -> Result<Unlinked, StoreError> {
        transact_or_not!(self.attempts("unlink a customer", Caller::Urgent), |tx| unlink(tx, id, actor).await).await
    }
}

async fn unlink(tx: &mut Tx, id: CustomerId, actor: Option<&str>) -> Result<End<Unlinked>, Fault> {
    tx.fetch(&LOCK, &[Arg::Int(id)]).await?;
    let rows = tx.fetch(&READ, &[Arg::Int(id)]).await?;
    let Some(row) = rows.first() else { return Ok(End::RollBack(Unlinked::Unknown)) };
    let name = row.maybe_text("erpnext_id")?;
    let Some(name) = name.filter(|_name| row.flag("is_deleted").is_ok_and(|deleted| !deleted)) else {
        return Ok(End::RollBack(Unlinked::NotLinked));
    };
    let creation = row.maybe_text("creation")?.unwrap_or_default();
    for statement in [&UNLINK, &FORGET_STATE, &FORGET_NAMES] {
        tx.execute(statement, &[Arg::Int(id)]).await?;
    }
    let kind = SuggestionKind::Asked.as_str();
    let pair = json!([{ "name": name, "creation": creation, "id": id, "kind": kind }]).to_string();
    tx.execute(&REJECT, &[Arg::Text(&pair)]).await?;
    let change = FieldChange { field: "erpnext_id".to_owned(), old: name.clone().into(), new: serde_json::Value::Null };
    let change = ByHand { customer: id, kind: ChangeKind::Unlinked, actor, changes: &[change] };
    record_by_hand(tx, &change).await?;
    let put = Put::new(DocKey::customer(name.clone()), Lane::Fast, Cause::Person);
    put_rows(tx, &merge([&put])).await?;
    Ok(End::Commit(Unlinked::Done { name }))
}
