//! Tombstones that are to be erased because nobody needs them any longer.
//!
//! Invariant: only what ERPNext itself deleted or merged. A customer that `sync.filter` leaves out is still there, and comes
//! back with another filter; erased it never would.

use std::time::Duration;

use super::super::db::{Arg, Statement};
use super::super::{Dialect, Store, StoreError};
use crate::domain::customer::CustomerId;

pub(super) static ALL: &[&Statement] = &[&OLD];

// Values: seconds, customers wanted.
static OLD: Statement = Statement::built(|dialect| {
    let before = match dialect {
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || ? || ' seconds')",
        Dialect::Postgres => "statement_timestamp() - CAST(? AS BIGINT) * INTERVAL '1 second'",
        Dialect::Mariadb => "NOW(3) - INTERVAL ? SECOND",
    };
    format!(
        "SELECT {{id:c.id}} AS id FROM customers AS c JOIN sync_state AS s ON s.customer_id = c.id \
         WHERE c.deleted_at IS NOT NULL AND c.erased_at IS NULL AND s.gone IN ('deleted', 'merged') \
            AND c.deleted_at < {before} ORDER BY c.id LIMIT ?"
    )
});

impl Store {
    /// Customers that ERPNext deleted or merged longer than `age` ago and that are not erased yet, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn old_tombstones(&self, age: Duration, limit: u32) -> Result<Vec<CustomerId>, StoreError> {
        let what = "look for old tombstones";
        let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX / 4);
        let rows = self.read(what, &OLD, &[Arg::Int(seconds), Arg::Int(i64::from(limit))]).await?;
        rows.iter().map(|row| row.int("id")).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }
}
