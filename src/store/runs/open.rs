//! What the metrics tell about runs: those that are not over, and when the last one succeeded.
//!
//! Invariant: only reads, by the index on kind and state, however long the history is. How many jobs a run has left is
//! not counted here: that would read the queue.

use super::super::db::{Arg, Row, Statement};
use super::super::{Store, StoreError};
use crate::domain::run::{RunId, RunKind, RunState};

pub(super) static ALL: &[&Statement] = &[&OPEN, &LAST_SUCCESS];

/// Asked every few seconds.
pub(in crate::store) static MEASURED: &[&Statement] = &[&OPEN, &LAST_SUCCESS];

// One part for each kind and state: for a list of them SQLite reads the whole table.
static OPEN: Statement = Statement::built(|_| {
    let part = |kind: RunKind, state: RunState| {
        format!(
            "SELECT id, kind, state, total, listed, candidates, failed, \
                created + updated + unchanged + linked + tombstoned + not_permitted + skipped AS done \
             FROM sync_runs WHERE kind = '{}' AND state = '{}'",
            kind.as_str(),
            state.as_str()
        )
    };
    let parts = RunKind::ALL.map(|kind| [part(kind, RunState::Running), part(kind, RunState::Held)]);
    parts.concat().join(" UNION ALL ")
});

static LAST_SUCCESS: Statement = Statement::same(
    "SELECT finished_at FROM sync_runs WHERE kind = ? AND state = 'succeeded'
     ORDER BY kind DESC, state DESC, id DESC LIMIT 1",
);

/// A run that is running or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRun {
    /// Its id.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// Running or held.
    pub state: RunState,
    /// How many customers ERPNext said there are, once it has.
    pub total: Option<u64>,
    /// How many were listed so far.
    pub listed: u64,
    /// How many of its jobs are settled.
    pub done: u64,
    /// How many of its jobs failed.
    pub failed: u64,
    /// How many customers it would remove.
    pub candidates: u64,
}

impl Store {
    /// The runs that are not over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open_runs(&self) -> Result<Vec<OpenRun>, StoreError> {
        let what = "look which runs go on";
        let rows = self.read(what, &OPEN, &[]).await?;
        let runs = rows.iter().map(open).collect::<Result<Vec<_>, _>>();
        Ok(runs.map_err(|error| StoreError::of(what, error))?.into_iter().flatten().collect())
    }

    /// When a run of that kind last succeeded: milliseconds since 1970 UTC by the database's clock.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last_success(&self, kind: RunKind) -> Result<Option<i64>, StoreError> {
        let what = "look when a run last succeeded";
        let rows = self.read(what, &LAST_SUCCESS, &[Arg::Text(kind.as_str())]).await?;
        let at = rows.first().map(|row| row.maybe_int("finished_at")).transpose();
        Ok(at.map_err(|error| StoreError::of(what, error))?.flatten())
    }
}

/// `None` for words that a later version wrote.
fn open(row: &Row) -> Result<Option<OpenRun>, sqlx::Error> {
    let known = RunKind::parse(&row.text("kind")?).zip(RunState::parse(&row.text("state")?));
    let Some((kind, state)) = known else { return Ok(None) };
    Ok(Some(OpenRun {
        id: row.int("id")?,
        kind,
        state,
        total: row.maybe_int("total")?.map(i64::unsigned_abs),
        listed: row.int("listed")?.unsigned_abs(),
        done: row.int("done")?.unsigned_abs(),
        failed: row.int("failed")?.unsigned_abs(),
        candidates: row.int("candidates")?.unsigned_abs(),
    }))
}
