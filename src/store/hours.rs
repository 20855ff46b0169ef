//! What happened in a stretch of time, for the charts of the overview.
//!
//! Invariant: only reads, and each bounded: a count of at most [`MOST`] index entries, one row, or a sample. Deliveries are
//! found by their ids (UUID v7: in the order of time), changes by `seq` (in the order of commits, without gaps), so neither
//! needs an index on its time.

use super::db::{Arg, Row, Statement};
use super::{Store, StoreError};

pub(super) static ALL: &[&Statement] = &[&DELIVERED, &CHANGED_AT, &SAMPLE];

/// Deliveries are counted no further.
const MOST: i64 = 200_000;

const WHAT: &str = "look at the last day";

static DELIVERED: Statement = Statement::same(
    "SELECT {count:COUNT(*)} AS n FROM (SELECT id FROM sync_deliveries WHERE id >= ? AND id < ? ORDER BY id LIMIT ?) AS d",
);

static CHANGED_AT: Statement = Statement::same(
    "SELECT t.seq, {iso:t.changed_at} AS changed_at FROM customer_changes AS t WHERE t.seq >= ? ORDER BY t.seq LIMIT 1",
);

static SAMPLE: Statement = Statement::same(
    "SELECT c.cause, {iso:c.changed_at} AS changed_at, d.received_at FROM
        (SELECT seq, cause, changed_at, delivery_id FROM customer_changes WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?) AS c
     LEFT JOIN sync_deliveries AS d ON d.id = c.delivery_id",
);

/// A change as the charts want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledChange {
    /// See [`crate::domain::job::Cause`].
    pub cause: String,
    /// When it was written, as RFC 3339.
    pub changed_at: String,
    /// When the webhook came that caused it, in milliseconds since 1970 UTC; `None` where none did, or it is forgotten.
    pub received_at: Option<i64>,
}

impl Store {
    /// How many webhooks came from one time to another (milliseconds since 1970 UTC), counted up to 200,000.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn deliveries_between(&self, from: i64, to: i64) -> Result<u64, StoreError> {
        let (from, to) = (first_id(from), first_id(to));
        let rows = self.read(WHAT, &DELIVERED, &[Arg::Text(&from), Arg::Text(&to), Arg::Int(MOST)]).await?;
        let count = rows.first().map_or(Ok(0), |row| row.int("n")).map_err(|error| StoreError::of(WHAT, error))?;
        Ok(count.unsigned_abs())
    }

    /// The first change that is kept at or behind a `seq`, and when it was written (RFC 3339). Reads one row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn change_at(&self, seq: i64) -> Result<Option<(i64, String)>, StoreError> {
        let rows = self.read(WHAT, &CHANGED_AT, &[Arg::Int(seq)]).await?;
        let found = |row: &Row| -> Result<_, sqlx::Error> { Ok((row.int("seq")?, row.text("changed_at")?)) };
        rows.first().map(found).transpose().map_err(|error| StoreError::of(WHAT, error))
    }

    /// The newest of the changes from one `seq` to before another, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sampled_changes(&self, from: i64, to: i64, limit: u32) -> Result<Vec<SampledChange>, StoreError> {
        let args = [Arg::Int(from), Arg::Int(to), Arg::Int(i64::from(limit))];
        let sampled = |row: &Row| -> Result<_, sqlx::Error> {
            Ok(SampledChange {
                cause: row.text("cause")?,
                changed_at: row.text("changed_at")?,
                received_at: row.maybe_int("received_at")?,
            })
        };
        let rows = self.read(WHAT, &SAMPLE, &args).await?;
        rows.iter().map(sampled).collect::<Result<_, _>>().map_err(|error| StoreError::of(WHAT, error))
    }
}

/// Before every UUID v7 of that millisecond, and behind those of all earlier ones (RFC 9562, section 5.7).
fn first_id(milliseconds: i64) -> String {
    let hex = format!("{:012x}", milliseconds.max(0));
    format!("{}-{}", &hex[..8], &hex[8..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time() {
        let at = |seconds| uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0)).to_string();
        assert!(first_id(1_769_860_800_000) <= at(1_769_860_800) && at(1_769_860_799) < first_id(1_769_860_800_000));
    }
}
