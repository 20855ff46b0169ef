//! The rows as they are, under lock.
//!
//! Invariant: customers are locked first, in the order of ids, and read afterwards by a second statement: on
//! PostgreSQL a locking join would show the state of the joined row from before the wait for the lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::db::{Arg, Only, Statement, Tx, batches};
use super::super::identity::PER_CREATION;
use super::super::tables::{ADDRESSES, CONTACTS, CUSTOMERS, Table};
use super::super::transact::Fault;
use crate::domain::customer::{Address, Contact, Customer, CustomerId};
use crate::domain::plan::{Seen, Unit, Write};

pub(super) static ALL: &[&Statement] = &[&LOCK, &READ, &HOLDERS, &NAMESAKES, &ADDRESSES_OF, &CONTACTS_OF];

static LOCK: Statement = Statement::same(
    "SELECT {id:c.id} AS id FROM {rows:id int} AS r {join} customers AS c ON c.id = r.id ORDER BY c.id {lock}",
);

static READ: Statement = Statement::built(|_| {
    format!(
        "SELECT {{id:t.id}} AS id, {{flag:t.deleted_at IS NOT NULL}} AS is_deleted, {{id:t.merged_into}} AS merged_into, \
            s.creation, s.hash, s.gone, {} \
         FROM {{rows:id int}} AS r {{join}} customers AS t ON t.id = r.id \
         LEFT JOIN sync_state AS s ON s.customer_id = t.id",
        CUSTOMERS.select()
    )
});

static HOLDERS: Statement = Statement::same(
    "SELECT {id:t.id} AS id, t.erpnext_id FROM {rows:name key} AS r {join} customers AS t ON t.erpnext_id = r.name",
);

// As many of each `creation` as identity looked at, and like there only of rows that exist (see `store::orphans`).
static NAMESAKES: Statement = Statement::built(|_| {
    format!(
        "SELECT {{id:f.customer_id}} AS id, f.creation FROM \
            (SELECT n.customer_id, n.creation, \
                ROW_NUMBER() OVER (PARTITION BY n.creation ORDER BY n.customer_id) AS place \
             FROM {{rows:creation key}} AS r {{join}} sync_state AS n ON n.creation = r.creation) AS f \
         {{join}} customers AS c ON c.id = f.customer_id WHERE f.place <= {PER_CREATION}"
    )
});

/// Addresses of customers.
pub(in crate::store) static ADDRESSES_OF: Statement = Statement::built(|_| linked_text(&ADDRESSES));
/// Contacts of customers.
pub(in crate::store) static CONTACTS_OF: Statement = Statement::built(|_| linked_text(&CONTACTS));

fn linked_text(table: &Table) -> String {
    format!(
        "SELECT {{id:t.customer_id}} AS customer_id, {} FROM {{rows:id int}} AS r \
         {{join}} {} AS t ON t.customer_id = r.id ORDER BY t.customer_id, t.erpnext_id",
        table.select(),
        table.name
    )
}

/// A customer's row and the part of its state that identity compared.
#[derive(Debug, Clone)]
pub(super) struct Present {
    /// Its values.
    pub(super) customer: Customer,
    /// Whether it is a tombstone.
    pub(super) deleted: bool,
    /// The row that it was merged into.
    pub(super) merged_into: Option<CustomerId>,
    /// Why it is a tombstone (see [`crate::domain::plan::Gone`]).
    pub(super) gone: Option<String>,
    /// `creation` of its state.
    pub(super) creation: Option<String>,
    /// Content hash of its state.
    pub(super) hash: Option<String>,
}

impl Present {
    /// Whether it still looks as identity saw it.
    pub(super) fn matches(&self, seen: &Seen) -> bool {
        self.customer.erpnext_id == seen.erpnext_id && self.creation == seen.creation && self.hash == seen.hash
    }

    /// Whether it may still be linked to a document: a living row that was never read from ERPNext.
    pub(super) fn is_linkable(&self) -> bool {
        self.creation.is_none() && !self.deleted
    }
}

/// Addresses and contacts of customers, each sorted by `erpnext_id`.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// Addresses by customer.
    pub(super) addresses: HashMap<CustomerId, Vec<Address>>,
    /// Contacts by customer.
    pub(super) contacts: HashMap<CustomerId, Vec<Contact>>,
}

/// Locks and reads every row that the units expect or ask about.
pub(super) async fn lock(tx: &mut Tx, units: &[Unit]) -> Result<BTreeMap<CustomerId, Present>, Fault> {
    let ids: BTreeSet<CustomerId> = units
        .iter()
        .flat_map(|unit| &unit.writes)
        .filter_map(|write| match write {
            Write::Suggest(suggestion) => Some(suggestion.customer),
            write => write.seen().map(|seen| seen.id),
        })
        .collect();
    let rows = batches(&id_rows(ids))?;
    for batch in &rows {
        tx.fetch(&LOCK, &[Arg::Text(batch)]).await?;
    }
    let mut present = BTreeMap::new();
    for batch in &rows {
        for row in tx.fetch(&READ, &[Arg::Text(batch)]).await? {
            let found = Present {
                customer: CUSTOMERS.read(&row)?,
                deleted: row.flag("is_deleted")?,
                merged_into: row.maybe_int("merged_into")?,
                gone: row.maybe_text("gone")?,
                creation: row.maybe_text("creation")?,
                hash: row.maybe_text("hash")?,
            };
            present.insert(row.int("id")?, found);
        }
    }
    Ok(present)
}

/// Who has the names that the units want to give to a row that does not have them.
pub(super) async fn holders(tx: &mut Tx, units: &[Unit]) -> Result<HashMap<String, CustomerId>, Fault> {
    let wanted: BTreeSet<&str> = units.iter().flat_map(|unit| &unit.writes).filter_map(wanted_name).collect();
    let rows: Vec<Only<&str>> = wanted.into_iter().map(|name| Only("name", name)).collect();
    let mut holders = HashMap::new();
    for batch in batches(&rows)? {
        for row in tx.fetch(&HOLDERS, &[Arg::Text(&batch)]).await? {
            holders.insert(row.text("erpnext_id")?, row.int("id")?);
        }
    }
    Ok(holders)
}

/// Units whose document had no row and now has a namesake (the same `creation`) that identity did not see and that is none
/// of `new`: their document was stored under another name meanwhile. Asked once the change counter is locked, which lets one writer of
/// changes pass at a time: whoever came first has committed by then, and its row is seen.
pub(super) async fn raced(
    tx: &mut Tx,
    alive: &[(usize, &Unit)],
    new: &BTreeSet<CustomerId>,
) -> Result<BTreeSet<usize>, Fault> {
    let inserts = || {
        alive.iter().flat_map(|(index, unit)| unit.writes.iter().map(move |write| (*index, write))).filter_map(
            |(index, write)| match write {
                Write::Upsert(upsert) if upsert.places() => Some((index, upsert)),
                _ => None,
            },
        )
    };
    let creations: BTreeSet<&str> = inserts().map(|(_, upsert)| upsert.state.creation.as_str()).collect();
    let rows: Vec<Only<&str>> = creations.into_iter().map(|creation| Only("creation", creation)).collect();
    let mut others: HashMap<String, BTreeSet<CustomerId>> = HashMap::new();
    for batch in batches(&rows)? {
        for row in tx.fetch(&NAMESAKES, &[Arg::Text(&batch)]).await? {
            let id = row.int("id")?;
            if !new.contains(&id) {
                others.entry(row.text("creation")?).or_default().insert(id);
            }
        }
    }
    Ok(inserts()
        .filter(|(_, upsert)| {
            others.get(&upsert.state.creation).is_some_and(|others| !others.is_subset(&upsert.namesakes))
        })
        .map(|(index, _)| index)
        .collect())
}

/// The name that a write gives to a row that identity saw without it.
pub(super) fn wanted_name(write: &Write) -> Option<&str> {
    let (name, before) = match write {
        Write::Upsert(upsert) => {
            let before = upsert.target.as_ref().and_then(|seen| seen.erpnext_id.as_deref());
            (upsert.record.customer.erpnext_id.as_deref(), before)
        }
        Write::Rename { seen, to } => (Some(to.as_str()), seen.erpnext_id.as_deref()),
        Write::LeaveOut(left) => (Some(left.name.as_str()), left.seen.erpnext_id.as_deref()),
        Write::Note { .. }
        | Write::MarkUnknown { .. }
        | Write::Tombstone { .. }
        | Write::Suggest(_)
        | Write::Forget(_) => (None, None),
    };
    name.filter(|name| before != Some(*name))
}

/// Addresses and contacts of the rows that are to be updated.
pub(super) async fn linked(tx: &mut Tx, alive: &[(usize, &Unit)]) -> Result<Linked, Fault> {
    let ids: BTreeSet<CustomerId> = alive
        .iter()
        .flat_map(|(_, unit)| &unit.writes)
        .filter_map(|write| match write {
            Write::Upsert(upsert) => upsert.target.as_ref().map(|seen| seen.id),
            _ => None,
        })
        .collect();
    let mut linked = Linked::default();
    for batch in batches(&id_rows(ids))? {
        for row in tx.fetch(&ADDRESSES_OF, &[Arg::Text(&batch)]).await? {
            linked.addresses.entry(row.int("customer_id")?).or_default().push(ADDRESSES.read(&row)?);
        }
        for row in tx.fetch(&CONTACTS_OF, &[Arg::Text(&batch)]).await? {
            linked.contacts.entry(row.int("customer_id")?).or_default().push(CONTACTS.read(&row)?);
        }
    }
    Ok(linked)
}

/// Rows of a batch of ids, which come sorted.
fn id_rows(ids: BTreeSet<CustomerId>) -> Vec<Only<CustomerId>> {
    ids.into_iter().map(|id| Only("id", id)).collect()
}
