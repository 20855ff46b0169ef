//! What the conductor of a run writes: its lease, its progress, why it pauses.
//!
//! Invariant: every statement names the owner and `running`, so a conductor that was thought dead, or whose run was
//! cancelled, changes nothing any more. Progress and the jobs it stands for are one transaction: a crash neither loses a
//! page nor counts it twice.

use std::time::Duration;

use rand::RngExt;

use super::super::db::{Arg, Statement, Tx, batches};
use super::super::jobs;
use super::super::transact::{Caller, End, Fault, transact, transact_or_not};
use super::super::{Store, StoreError};
use super::{Lead, RunRow};
use crate::domain::job::Put;

pub(super) static ALL: &[&Statement] = &[&FREE, &CHOOSE, &TAKE, &KEEP, &RELEASE, &PROGRESS, &TOTAL, &PAUSE];

// The unique index on `active_key` holds only what is running: a handful of rows. No conductor asks for more than ten
// minutes without a sign of life: a later `owner_until` was written by a clock that was wrong.
const FREE_TEXT: &str = "SELECT id FROM sync_runs WHERE active_key IS NOT NULL
     AND (owner_until IS NULL OR owner_until <= {now} OR owner_until > {now} + 600000) ORDER BY active_key LIMIT 1";

static FREE: Statement = Statement::same(FREE_TEXT);
static CHOOSE: Statement = Statement::built(|_| format!("{FREE_TEXT} {{skip}}"));

static TAKE: Statement =
    Statement::same("UPDATE sync_runs SET owner = ?, owner_until = {now} + ? WHERE id = ? AND state = 'running'");

static KEEP: Statement =
    Statement::same("UPDATE sync_runs SET owner_until = {now} + ? WHERE id = ? AND owner = ? AND state = 'running'");

static RELEASE: Statement = Statement::same(
    "UPDATE sync_runs SET owner = NULL, owner_until = NULL WHERE id = ? AND owner = ? AND state = 'running'",
);

static PROGRESS: Statement = Statement::same(
    "UPDATE sync_runs SET position = ?, listed = listed + ?, listed_all = (? = 1), put = put + ?,
        owner_until = {now} + ?, updated_at = {now}
     WHERE id = ? AND owner = ? AND state = 'running'",
);

static TOTAL: Statement = Statement::same(
    "UPDATE sync_runs SET total = ?, updated_at = {now} WHERE id = ? AND owner = ? AND state = 'running'",
);

static PAUSE: Statement = Statement::same(
    "UPDATE sync_runs SET paused = NULLIF(?, ''), updated_at = {now} WHERE id = ? AND owner = ? AND state = 'running'",
);

impl Store {
    /// A running run that nobody conducts, for `lease` from now on; `None` where there is none. Cheap.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn take_run(&self, lease: Duration) -> Result<Option<(RunRow, Lead)>, StoreError> {
        let what = "take a run";
        if self.read(what, &FREE, &[]).await?.is_empty() {
            return Ok(None);
        }
        let owner: i64 = rand::rng().random();
        let lease = milliseconds(lease);
        let lead = transact!(self.attempts(what, Caller::Worker), |tx| take(tx, owner, lease).await).await?;
        let Some(lead) = lead else { return Ok(None) };
        Ok(self.run(lead.run).await?.map(|row| (row, lead)))
    }

    /// Makes the lease last for `lease` from now on; false where the lead is lost: the run is over, or another's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn keep_run(&self, lead: &Lead, lease: Duration) -> Result<bool, StoreError> {
        self.by_lead("keep a run", &KEEP, &[milliseconds(lease), Arg::Int(lead.run), Arg::Int(lead.owner)]).await
    }

    /// Gives the lead back, so that another may take the run at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; the lease then ends by itself.
    pub async fn release_run(&self, lead: &Lead) -> Result<(), StoreError> {
        self.by_lead("release a run", &RELEASE, &[Arg::Int(lead.run), Arg::Int(lead.owner)]).await.map(drop)
    }

    /// Puts the jobs of one listed page and notes the progress, all or none: `listed` names more, the listing now stands at
    /// `position`, and is over with `listed_all`. False where the lead is lost; nothing was written then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]: where the connection broke during the commit nobody knows whether
    /// it was written, so the caller reads the run again. [`StoreError::Refused`] for a name that cannot be stored.
    pub async fn put_for_run(
        &self,
        lead: &Lead,
        lease: Duration,
        puts: &[Put],
        position: &str,
        listed: i64,
        listed_all: bool,
    ) -> Result<bool, StoreError> {
        let what = "put the jobs of a run";
        let merged = jobs::merge(puts);
        let rows = batches(&merged).map_err(|error| StoreError::bug(what, error))?;
        let progress = [
            Arg::Text(position),
            Arg::Int(listed),
            Arg::Int(listed_all.into()),
            Arg::Int(i64::try_from(merged.len()).unwrap_or(i64::MAX)),
            milliseconds(lease),
            Arg::Int(lead.run),
            Arg::Int(lead.owner),
        ];
        transact_or_not!(self.attempts(what, Caller::Worker), |tx| proceed(tx, &progress, &rows).await).await
    }

    /// Notes how many documents there are to go through; false where the lead is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn set_total(&self, lead: &Lead, total: i64) -> Result<bool, StoreError> {
        self.by_lead("note a run's total", &TOTAL, &[Arg::Int(total), Arg::Int(lead.run), Arg::Int(lead.owner)]).await
    }

    /// Notes why the run does not go on, or that it does; false where the lead is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn note_pause(&self, lead: &Lead, reason: Option<&str>) -> Result<bool, StoreError> {
        let args = [Arg::Text(reason.unwrap_or_default()), Arg::Int(lead.run), Arg::Int(lead.owner)];
        self.by_lead("note a run's pause", &PAUSE, &args).await
    }

    /// One statement that changes a row only while it shows the lead.
    async fn by_lead(
        &self,
        what: &'static str,
        statement: &'static Statement,
        args: &[Arg<'_>],
    ) -> Result<bool, StoreError> {
        let attempts = self.attempts(what, Caller::Urgent).single_statement(true);
        Ok(transact!(attempts, |tx| Ok(tx.execute(statement, args).await?)).await? > 0)
    }
}

async fn take(tx: &mut Tx, owner: i64, lease: Arg<'_>) -> Result<Option<Lead>, Fault> {
    let Some(run) = tx.fetch(&CHOOSE, &[]).await?.first().map(|row| row.int("id")).transpose()? else {
        return Ok(None);
    };
    let taken = tx.execute(&TAKE, &[Arg::Int(owner), lease, Arg::Int(run)]).await?;
    Ok((taken > 0).then_some(Lead { run, owner }))
}

async fn proceed(tx: &mut Tx, progress: &[Arg<'_>], puts: &[String]) -> Result<End<bool>, Fault> {
    if tx.execute(&PROGRESS, progress).await? == 0 {
        return Ok(End::RollBack(false));
    }
    jobs::put_batches(tx, puts).await?;
    Ok(End::Commit(true))
}

fn milliseconds(duration: Duration) -> Arg<'static> {
    Arg::Int(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4))
}
