//! What is left of rows that were deleted without their bookkeeping.
//!
//! SQLite looks after foreign keys only on connections that ask for it, and most programs do not: a customer that another
//! application deletes leaves its state, names and linked documents behind. Invariant: ids are never used again, so nothing
//! that belongs to a row is found here. Nobody takes an orphan for a customer meanwhile: whoever reads the state joins the
//! customer.

use serde_json::{Value, json};

use super::db::{Arg, Statement, batches, delete_rows};
use super::transact::{Caller, transact};
use super::{Dialect, Store, StoreError};
use crate::domain::customer::CustomerId;

pub(super) static ALL: &[&Statement] = &[&ORPHANS, &STATE, &ALIASES, &SUGGESTIONS, &ADDRESSES, &CONTACTS];

/// Customers that are cleared up after in one transaction.
const PORTION: i64 = 500;

static ORPHANS: Statement = Statement::same(
    "SELECT {id:s.customer_id} AS id FROM sync_state AS s LEFT JOIN customers AS c ON c.id = s.customer_id
     WHERE c.id IS NULL LIMIT ?",
);

static STATE: Statement = Statement::built(|dialect| of(dialect, "sync_state"));
static ALIASES: Statement = Statement::built(|dialect| of(dialect, "sync_aliases"));
static SUGGESTIONS: Statement = Statement::built(|dialect| of(dialect, "sync_suggestions"));
static ADDRESSES: Statement = Statement::built(|dialect| of(dialect, "customer_addresses"));
static CONTACTS: Statement = Statement::built(|dialect| of(dialect, "customer_contacts"));

fn of(dialect: Dialect, table: &str) -> String {
    delete_rows(dialect, table, "customer_id int", &["customer_id"])
}

impl Store {
    /// Deletes what belongs to customers that are no more; how many customers these were. One pass over the states.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn clear_orphans(&self) -> Result<u64, StoreError> {
        let what = "clear up after deleted customers";
        let mut cleared = 0;
        loop {
            let rows = self.read(what, &ORPHANS, &[Arg::Int(PORTION)]).await?;
            let ids: Vec<CustomerId> =
                rows.iter().map(|row| row.int("id")).collect::<Result<_, _>>().map_err(|e| StoreError::of(what, e))?;
            if ids.is_empty() {
                return Ok(cleared);
            }
            let rows: Vec<Value> = ids.iter().map(|id| json!({ "customer_id": id })).collect();
            let rows = batches(&rows).map_err(|error| StoreError::bug(what, error))?;
            transact!(self.attempts(what, Caller::Worker), |tx| {
                for statement in [&ADDRESSES, &CONTACTS, &STATE, &ALIASES, &SUGGESTIONS] {
                    for batch in &rows {
                        tx.execute(statement, &[Arg::Text(batch)]).await?;
                    }
                }
                Ok(())
            })
            .await?;
            cleared += u64::try_from(ids.len()).unwrap_or(u64::MAX);
        }
    }
}
