//! Customers that people make, change and delete by hand.
//!
//! Beside `unlink` the only writes to `customers` that no worker makes: there is nothing to read from ERPNext, and a person
//! waits. Invariant: what may be done is decided on the row as it is under lock, so of two edits of one version the second
//! finds another version; an edit that changes nothing writes nothing; each other is one transaction with its entry in the
//! history, in the workers' lock order. Which edits are allowed is not decided here.

use serde_json::{Map, Value, json};

use super::apply::{ADDRESSES_OF, ByHand, CONTACTS_OF, record_by_hand};
use super::customers::{CustomerDetail, ONE, detail};
use super::db::{Arg, Row, Statement, Tx, batches, update_rows};
use super::jobs::{merge, put_rows};
use super::tables::CUSTOMERS;
use super::transact::{Caller, End, Fault, transact, transact_or_not};
use super::{Store, StoreError};
use crate::domain::change::ChangeKind;
use crate::domain::customer::{Customer, CustomerId, Record};
use crate::domain::edit::changes;
use crate::domain::fields::{diff, flatten};
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::domain::suggestion::SuggestionKind;

pub(super) static ALL: &[&Statement] = &[&INSERT, &LOCK, &UPDATE, &TOMBSTONE, &OPEN_QUESTIONS, &CLOSE_QUESTIONS];

static INSERT: Statement = Statement::built(|_| {
    format!(
        "INSERT INTO customers ({}, origin, created_at, updated_at) SELECT {}, 'local', {{timestamp}}, {{timestamp}} \
         FROM {{rows:{}}} AS r RETURNING {{id:id}} AS id",
        CUSTOMERS.names(),
        CUSTOMERS.values(),
        CUSTOMERS.batch()
    )
});

// Apart from the read: on PostgreSQL a locking join would show the joined row from before the wait.
static LOCK: Statement = Statement::same("SELECT {id:id} AS id FROM customers WHERE id = ? {lock}");

static UPDATE: Statement = Statement::built(|dialect| {
    let mut assignments = CUSTOMERS.assignments();
    assignments.push(("updated_at", "{timestamp}".into()));
    update_rows(dialect, "customers", &format!("id int, {}", CUSTOMERS.batch()), "t.id = r.id", &assignments)
});

static TOMBSTONE: Statement =
    Statement::same("UPDATE customers SET deleted_at = {timestamp}, updated_at = {timestamp} WHERE id = ?");

static OPEN_QUESTIONS: Statement = Statement::same(
    "SELECT name, kind FROM sync_suggestions WHERE customer_id = ? AND state = 'open' ORDER BY id {lock}",
);

static CLOSE_QUESTIONS: Statement = Statement::same(
    "UPDATE sync_suggestions SET state = 'rejected', decided_at = {now} WHERE customer_id = ? AND state = 'open'",
);

/// What is to be done to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It gets these values; where they are those that it has, nothing is written.
    Values(Box<Customer>),
    /// It is marked deleted. Documents that waited for an answer whether they are this customer wait no longer.
    Tombstone,
    /// It stays as it is.
    Nothing,
}

/// What became of it.
#[derive(Debug)]
pub enum Edited<R> {
    /// The customer as it is now.
    Done(Box<CustomerDetail>),
    /// There is no such row.
    Unknown,
    /// Whoever decided refused; nothing was written.
    Refused(R),
}

impl Store {
    /// Inserts a local customer; `actor` tells in the history who makes it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the table has rules of its own; [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn insert_local(&self, customer: &Customer, actor: &str) -> Result<CustomerDetail, StoreError> {
        let what = "add a customer";
        transact!(self.attempts(what, Caller::Urgent), |tx| insert(tx, customer, actor).await).await
    }

    /// Edits a customer as `decide` says when it sees the row under lock; it may be asked several times.
    ///
    /// # Errors
    /// As [`Store::insert_local`].
    pub async fn edit<R: Send>(
        &self,
        id: CustomerId,
        actor: &str,
        decide: impl Fn(&CustomerDetail) -> Result<Edit, R> + Send + Sync,
    ) -> Result<Edited<R>, StoreError> {
        let what = "edit a customer";
        transact_or_not!(self.attempts(what, Caller::Urgent), |tx| edit(tx, id, actor, &decide).await).await
    }
}

async fn insert(tx: &mut Tx, customer: &Customer, actor: &str) -> Result<CustomerDetail, Fault> {
    let record = Record { customer: customer.clone(), ..Record::default() };
    let rows = batches(&[CUSTOMERS.row(customer)?])?;
    let mut inserted = Vec::new();
    for batch in &rows {
        inserted.extend(tx.fetch(&INSERT, &[Arg::Text(batch)]).await?);
    }
    let missing = || Fault::from(StoreError::bug("add a customer", "the database returned no id for a new row"));
    let id = inserted.first().ok_or_else(missing)?.int("id")?;
    let fields = diff(&Map::new(), &flatten(&record)?);
    record_by_hand(tx, &ByHand { customer: id, kind: ChangeKind::Created, actor: Some(actor), changes: &fields })
        .await?;
    read(tx, id).await?.ok_or_else(missing)
}

async fn edit<R>(
    tx: &mut Tx,
    id: CustomerId,
    actor: &str,
    decide: &(impl Fn(&CustomerDetail) -> Result<Edit, R> + Sync),
) -> Result<End<Edited<R>>, Fault> {
    tx.fetch(&LOCK, &[Arg::Int(id)]).await?;
    let Some(before) = read(tx, id).await? else { return Ok(End::RollBack(Edited::Unknown)) };
    let (kind, fields) = match decide(&before) {
        Err(refusal) => return Ok(End::RollBack(Edited::Refused(refusal))),
        Ok(Edit::Nothing) => return Ok(End::RollBack(Edited::Done(Box::new(before)))),
        Ok(Edit::Tombstone) => {
            tx.execute(&TOMBSTONE, &[Arg::Int(id)]).await?;
            (ChangeKind::Deleted, Vec::new())
        }
        Ok(Edit::Values(customer)) => {
            let fields = changes(&before.row.customer, &customer)?;
            if fields.is_empty() {
                return Ok(End::RollBack(Edited::Done(Box::new(before))));
            }
            let mut row = CUSTOMERS.row(&*customer)?;
            row.insert("id".to_owned(), id.into());
            for batch in batches(&[row])? {
                tx.execute(&UPDATE, &[Arg::Text(&batch)]).await?;
            }
            (ChangeKind::Updated, fields)
        }
    };
    let waiting = if kind == ChangeKind::Deleted { close_questions(tx, id).await? } else { Vec::new() };
    record_by_hand(tx, &ByHand { customer: id, kind, actor: Some(actor), changes: &fields }).await?;
    let after = read(tx, id).await?.ok_or_else(|| StoreError::bug("edit a customer", "a locked row is gone"))?;
    put_rows(tx, &merge(&waiting)).await?;
    Ok(End::Commit(Edited::Done(Box::new(after))))
}

/// Answers what is asked about the customer with no; gives the documents that waited for it.
async fn close_questions(tx: &mut Tx, id: CustomerId) -> Result<Vec<Put>, Fault> {
    let mut waiting = Vec::new();
    for row in tx.fetch(&OPEN_QUESTIONS, &[Arg::Int(id)]).await? {
        // Of a missing one there is no document.
        if row.text("kind")? != SuggestionKind::Missing.as_str() {
            waiting.push(Put::new(DocKey::customer(row.text("name")?), Lane::Fast, Cause::Person));
        }
    }
    tx.execute(&CLOSE_QUESTIONS, &[Arg::Int(id)]).await?;
    Ok(waiting)
}

/// The customer as this transaction sees it.
async fn read(tx: &mut Tx, id: CustomerId) -> Result<Option<CustomerDetail>, Fault> {
    let found = tx.fetch(&ONE, &[Arg::Int(id)]).await?;
    let Some(found) = found.first() else { return Ok(None) };
    let batch = Value::from(vec![json!({ "id": id })]).to_string();
    let addresses: Vec<Row> = tx.fetch(&ADDRESSES_OF, &[Arg::Text(&batch)]).await?;
    let contacts: Vec<Row> = tx.fetch(&CONTACTS_OF, &[Arg::Text(&batch)]).await?;
    detail(found, &addresses, &contacts).map(Some)
}
