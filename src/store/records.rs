//! Whole records as our tables have them: what a batch that is about to be written is compared with.
//!
//! Invariant: records are read without locks; `apply` looks again under lock at what it changes. The one write in here
//! makes the next read of a document compare the row itself, because its content hash is forgotten.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::apply::{ADDRESSES_OF, CONTACTS_OF};
use super::db::{Arg, Statement, batches, update_rows};
use super::tables::{ADDRESSES, CONTACTS, CUSTOMERS};
use super::transact::{Caller, Fault, transact};
use super::{Store, StoreError};
use crate::domain::customer::{CustomerId, Record};

pub(super) static ALL: &[&Statement] = &[&LIVING, &DISTRUST];

static LIVING: Statement = Statement::built(|_| {
    format!(
        "SELECT {{id:t.id}} AS id, {} FROM {{rows:id int}} AS r {{join}} customers AS t ON t.id = r.id \
         WHERE t.deleted_at IS NULL",
        CUSTOMERS.select()
    )
});

static DISTRUST: Statement = Statement::built(|dialect| {
    update_rows(dialect, "sync_state", "id int", "t.customer_id = r.id", &[("hash", "''".into())])
});

impl Store {
    /// The records of those customers; tombstones are left out. Adopted rows that were never read are there too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn records(&self, ids: &[CustomerId]) -> Result<HashMap<CustomerId, Record>, StoreError> {
        let what = "read customers to compare them";
        let ids: BTreeSet<&CustomerId> = ids.iter().collect();
        let ids: Vec<Value> = ids.into_iter().map(|id| json!({ "id": id })).collect();
        let customers = self.read_batches(what, &LIVING, &ids).await?;
        let addresses = self.read_batches(what, &ADDRESSES_OF, &ids).await?;
        let contacts = self.read_batches(what, &CONTACTS_OF, &ids).await?;
        let gather = || -> Result<HashMap<CustomerId, Record>, Fault> {
            let mut records = HashMap::with_capacity(customers.len());
            for row in &customers {
                let record = Record { customer: CUSTOMERS.read(row)?, ..Record::default() };
                records.insert(row.int("id")?, record);
            }
            for row in &addresses {
                if let Some(record) = records.get_mut(&row.int("customer_id")?) {
                    record.addresses.push(ADDRESSES.read(row)?);
                }
            }
            for row in &contacts {
                if let Some(record) = records.get_mut(&row.int("customer_id")?) {
                    record.contacts.push(CONTACTS.read(row)?);
                }
            }
            Ok(records)
        };
        gather().map_err(|fault| fault.into_error(what))
    }

    /// Makes the next read of these customers write whatever differs in their rows, also where their documents are as they
    /// were: another program may have changed the rows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn distrust(&self, ids: &[CustomerId]) -> Result<(), StoreError> {
        let what = "forget what was written of customers";
        let ids: BTreeSet<&CustomerId> = ids.iter().collect();
        let ids: Vec<Value> = ids.into_iter().map(|id| json!({ "id": id })).collect();
        let rows = batches(&ids).map_err(|error| StoreError::bug(what, error))?;
        transact!(self.attempts(what, Caller::Worker), |tx| {
            for batch in &rows {
                tx.execute(&DISTRUST, &[Arg::Text(batch)]).await?;
            }
            Ok(())
        })
        .await
    }
}
