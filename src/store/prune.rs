//! Forgetting old history: changes of customers, and runs. Old deliveries are `deliveries`' own business.
//!
//! Invariant: works in small transactions, each harmless by itself, so it may be stopped at any point. A run that is not
//! over stays, and so does the last one of each kind that came to its end: whether there ever was one matters.

use std::time::Duration;

use serde_json::{Value, json};

use super::db::{Arg, Statement, batches, delete_rows};
use super::transact::{Caller, transact};
use super::{Dialect, Store, StoreError};
use crate::domain::run::RunKind;

pub(super) static ALL: &[&Statement] = &[&OLD_CHANGES, &BEYOND, &FORGET_CHANGES, &RUN_BEYOND, &OLD_RUNS, &FORGET_RUNS];

/// Rows deleted in one transaction.
const PORTION: i64 = 1_000;

// `seq` is in the order of time, so the oldest rows are the first of the key. The last one of a portion is looked up
// first, because MariaDB would walk the whole table for a DELETE with a subquery. Values: portion, seconds.
static OLD_CHANGES: Statement = Statement::built(|dialect| {
    let before = match dialect {
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || ? || ' seconds')",
        Dialect::Postgres => "statement_timestamp() - CAST(? AS BIGINT) * INTERVAL '1 second'",
        Dialect::Mariadb => "NOW(3) - INTERVAL ? SECOND",
    };
    format!(
        "SELECT MAX(o.seq) AS seq FROM (SELECT seq, changed_at FROM customer_changes ORDER BY seq LIMIT ?) AS o \
         WHERE o.changed_at < {before}"
    )
});

// There is one number for each change that ever was, so nothing has to be counted. Values: rows to keep, portion.
static BEYOND: Statement = Statement::same(
    "SELECT MAX(o.seq) AS seq FROM (SELECT seq FROM customer_changes
        WHERE seq <= (SELECT MAX(seq) FROM customer_changes) - ? ORDER BY seq LIMIT ?) AS o",
);

static FORGET_CHANGES: Statement = Statement::same("DELETE FROM customer_changes WHERE seq <= ?");

static RUN_BEYOND: Statement =
    Statement::same("SELECT id FROM sync_runs WHERE kind = ? ORDER BY id DESC LIMIT 1 OFFSET ?");

// Values: kind, age, the newest one beyond those to keep, kind, portion.
static OLD_RUNS: Statement = Statement::same(
    "SELECT id FROM sync_runs WHERE kind = ? AND finished_at IS NOT NULL AND (finished_at < {now} - ? OR id <= ?)
        AND id <> COALESCE((SELECT MAX(l.id) FROM sync_runs AS l
            WHERE l.kind = ? AND l.state IN ('succeeded', 'partial')), 0)
     ORDER BY id LIMIT ?",
);

static FORGET_RUNS: Statement = Statement::built(|dialect| delete_rows(dialect, "sync_runs", "id int", &["id"]));

impl Store {
    /// Deletes changes older than `max_age`, and the oldest beyond about `max_rows`; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn prune_changes(&self, max_age: Duration, max_rows: u64) -> Result<u64, StoreError> {
        let what = "delete old changes";
        let age = Arg::Int(i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX / 4));
        let rows = Arg::Int(i64::try_from(max_rows).unwrap_or(i64::MAX));
        let mut deleted = 0;
        for (statement, args) in [(&OLD_CHANGES, [Arg::Int(PORTION), age]), (&BEYOND, [rows, Arg::Int(PORTION)])] {
            loop {
                let found = self.read(what, statement, &args).await?;
                let last = found.first().map(|row| row.maybe_int("seq")).transpose();
                let Some(last) = last.map_err(|error| StoreError::of(what, error))?.flatten() else { break };
                deleted += transact!(self.attempts(what, Caller::Worker), |tx| Ok(tx
                    .execute(&FORGET_CHANGES, &[Arg::Int(last)])
                    .await?))
                .await?;
            }
        }
        Ok(deleted)
    }

    /// Deletes runs that ended longer than `max_age` ago, and of each kind the oldest beyond `max_rows`; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn prune_runs(&self, max_age: Duration, max_rows: u64) -> Result<u64, StoreError> {
        let what = "delete old runs";
        let of = |error| StoreError::of(what, error);
        let age = Arg::Int(i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX / 4));
        let rows = Arg::Int(i64::try_from(max_rows).unwrap_or(i64::MAX));
        let mut deleted = 0;
        for kind in RunKind::ALL.map(|kind| Arg::Text(kind.as_str())) {
            let beyond = self.read(what, &RUN_BEYOND, &[kind, rows]).await?;
            let beyond = beyond.first().map(|row| row.int("id")).transpose().map_err(of)?.unwrap_or_default();
            loop {
                let args = [kind, age, Arg::Int(beyond), kind, Arg::Int(PORTION)];
                let found = self.read(what, &OLD_RUNS, &args).await?;
                let ids: Vec<i64> = found.iter().map(|row| row.int("id")).collect::<Result<_, _>>().map_err(of)?;
                if ids.is_empty() {
                    break;
                }
                let ids: Vec<Value> = ids.into_iter().map(|id| json!({ "id": id })).collect();
                for batch in batches(&ids).map_err(|error| StoreError::bug(what, error))? {
                    deleted += transact!(self.attempts(what, Caller::Worker), |tx| Ok(tx
                        .execute(&FORGET_RUNS, &[Arg::Text(&batch)])
                        .await?))
                    .await?;
                }
            }
        }
        Ok(deleted)
    }
}
