//! `sync_candidates`: what a sweep would remove, and what a person decides about the list of a held one.
//!
//! Invariant: only the conductor of a running sweep changes its list, under its lead; the list of a held one is what the
//! person saw who approves it. The state decides: approving and discarding compare it in the statement that changes it.

use serde::Serialize;

use super::db::{Arg, Row, Statement, Tx, batches, delete_rows};
use super::transact::{Caller, End, Fault, transact, transact_or_not};
use super::{Lead, Store, StoreError};
use crate::domain::candidate::{Candidate, Reason};
use crate::domain::customer::CustomerId;
use crate::domain::run::RunId;

pub(super) static ALL: &[&Statement] = &[&PAGE, &REMOVED, &BEYOND, &GROW, &INSERT, &NONE, &ANEW, &DELETE, &APPROVE];

/// Rows of a list that are forgotten in one transaction.
const PORTION: u32 = 1_000;

static PAGE: Statement = Statement::same(
    "SELECT name, customer_id, reason FROM sync_candidates WHERE run_id = ? AND name > ? ORDER BY name LIMIT ?",
);

static REMOVED: Statement = Statement::same(
    "SELECT {count:COUNT(*)} AS removed FROM sync_candidates AS s JOIN customers AS c ON c.id = s.customer_id
     WHERE s.run_id = ? AND c.deleted_at IS NOT NULL",
);

static BEYOND: Statement = Statement::same(
    "SELECT c.name FROM sync_candidates AS c WHERE c.run_id = ? AND NOT EXISTS
        (SELECT 1 FROM sync_candidates AS o
         WHERE o.run_id = ? AND o.name = c.name AND o.customer_id = c.customer_id AND o.reason = c.reason)
     LIMIT 1",
);

static GROW: Statement = Statement::same(
    "UPDATE sync_runs SET candidates = candidates + ?, updated_at = {now} WHERE id = ? AND owner = ? AND state = 'running'",
);

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_candidates (run_id, name, customer_id, reason)
     SELECT r.run_id, r.name, r.customer_id, r.reason
     FROM {rows:run_id int, name key, customer_id int, reason text} AS r {ignore:run_id, name}",
);

static NONE: Statement = Statement::same(
    "UPDATE sync_runs SET candidates = 0, updated_at = {now} WHERE id = ? AND owner = ? AND state = 'running'",
);

static ANEW: Statement = Statement::same(
    "UPDATE sync_runs SET listed = 0, listed_all = FALSE, put = 0, updated_at = {now}
     WHERE id = ? AND owner = ? AND state = 'running'",
);

static DELETE: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_candidates", "run_id int, name key", &["run_id", "name"]));

// A key of its own: the next sweep may be running by now.
static APPROVE: Statement = Statement::same(
    "UPDATE sync_runs SET state = 'running', active_key = ?, position = ?, message = NULL, updated_at = {now}
     WHERE id = ? AND state = 'held'",
);

#[derive(Serialize)]
struct CandidateRow<'a> {
    run_id: RunId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Store {
    /// Candidates of a run in the order of names, after that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn run_candidates(&self, run: RunId, after: &str, limit: u32) -> Result<Vec<Candidate>, StoreError> {
        let what = "list what a sweep would remove";
        let args = [Arg::Int(run), Arg::Text(after), Arg::Int(i64::from(limit))];
        let rows = self.read(what, &PAGE, &args).await?;
        rows.iter().map(|row| decode(what, row)).collect::<Result<_, _>>().map_err(|fault| fault.into_error(what))
    }

    /// How many rows of a run's list are marked deleted by now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn removed_candidates(&self, run: RunId) -> Result<i64, StoreError> {
        let what = "count what a sweep has removed";
        let rows = self.read(what, &REMOVED, &[Arg::Int(run)]).await?;
        rows.first().map_or(Ok(0), |row| row.int("removed")).map_err(|error| StoreError::of(what, error))
    }

    /// Whether the list of a run has a row that the list of the other run lacks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_candidates_beyond(&self, run: RunId, other: RunId) -> Result<bool, StoreError> {
        let what = "compare what sweeps would remove";
        Ok(!self.read(what, &BEYOND, &[Arg::Int(run), Arg::Int(other)]).await?.is_empty())
    }

    /// Adds candidates that the run does not have yet, all or none; false where the lead is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn add_candidates(&self, lead: &Lead, candidates: &[Candidate]) -> Result<bool, StoreError> {
        let what = "note what a sweep would remove";
        let mut rows: Vec<CandidateRow<'_>> = candidates
            .iter()
            .map(|candidate| CandidateRow {
                run_id: lead.run,
                name: &candidate.name,
                customer_id: Some(candidate.customer_id),
                reason: Some(candidate.reason.as_str()),
            })
            .collect();
        rows.sort_unstable_by_key(|row| row.name);
        let more = Arg::Int(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        let lead = [more, Arg::Int(lead.run), Arg::Int(lead.owner)];
        let rows = batches(&rows).map_err(|error| StoreError::bug(what, error))?;
        transact_or_not!(self.attempts(what, Caller::Worker), |tx| add(tx, &lead, &rows).await).await
    }

    /// Forgets the candidates of a run, in portions; false where the lead is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn clear_candidates(&self, lead: &Lead) -> Result<bool, StoreError> {
        let what = "forget what a sweep would remove";
        let held = [Arg::Int(lead.run), Arg::Int(lead.owner)];
        let attempts = self.attempts(what, Caller::Worker).single_statement(true);
        if transact!(attempts, |tx| Ok(tx.execute(&NONE, &held).await?)).await? == 0 {
            return Ok(false);
        }
        loop {
            let portion = self.run_candidates(lead.run, "", PORTION).await?;
            let row = |candidate| CandidateRow { run_id: lead.run, name: candidate, customer_id: None, reason: None };
            let rows: Vec<_> = portion.iter().map(|candidate| row(&candidate.name)).collect();
            for batch in batches(&rows).map_err(|error| StoreError::bug(what, error))? {
                let attempts = self.attempts(what, Caller::Worker).single_statement(true);
                transact!(attempts, |tx| Ok(tx.execute(&DELETE, &[Arg::Text(&batch)]).await?)).await?;
            }
            if rows.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Forgets all that the listing of a sweep has come to, because it begins anew; false where the lead is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn list_anew(&self, lead: &Lead) -> Result<bool, StoreError> {
        let args = [Arg::Int(lead.run), Arg::Int(lead.owner)];
        let attempts = self.attempts("begin a sweep's list anew", Caller::Worker).single_statement(true);
        let held = transact!(attempts, |tx| Ok(tx.execute(&ANEW, &args).await?)).await? > 0;
        Ok(held && self.clear_candidates(lead).await?)
    }

    /// Lets a held run go on from `position`; false where it is not held (any more).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn approve_run(&self, run: RunId, position: &str) -> Result<bool, StoreError> {
        let key = format!("approved {run}");
        let args = [Arg::Text(&key), Arg::Text(position), Arg::Int(run)];
        let attempts = self.attempts("approve a run", Caller::Urgent).single_statement(true);
        Ok(transact!(attempts, |tx| Ok(tx.execute(&APPROVE, &args).await?)).await? > 0)
    }
}

async fn add(tx: &mut Tx, lead: &[Arg<'_>], rows: &[String]) -> Result<End<bool>, Fault> {
    if tx.execute(&GROW, lead).await? == 0 {
        return Ok(End::RollBack(false));
    }
    for batch in rows {
        tx.execute(&INSERT, &[Arg::Text(batch)]).await?;
    }
    Ok(End::Commit(true))
}

fn decode(what: &'static str, row: &Row) -> Result<Candidate, Fault> {
    Ok(Candidate { name: row.text("name")?, customer_id: row.int("customer_id")?, reason: reason(what, row)? })
}

fn reason(what: &'static str, row: &Row) -> Result<Reason, Fault> {
    let word = row.text("reason")?;
    let unknown = || StoreError::bug(what, format!("unknown reason {word} in sync_candidates"));
    Ok(Reason::parse(&word).ok_or_else(unknown)?)
}
