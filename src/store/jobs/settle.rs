//! Settling claimed jobs: the last step of the transaction that writes their work.
//!
//! Invariant: a job is settled only while it shows the token of its claim; where its generation has moved on, another
//! hint arrived during the work and the job is due again at once, whatever the outcome. A run's job that has ended for
//! the run ([`ends_for_run`]) is owned by it no more, so that it is counted once.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::super::StoreError;
use super::super::db::{Arg, Statement, Tx, batches, delete_rows, update_rows};
use super::super::transact::Fault;
use crate::domain::hint::Doctype;
use crate::domain::job::{Claim, DocKey, Outcome};
use crate::domain::run::RunId;

pub(super) static ALL: &[&Statement] = &[&LOCK, &DELETE, &UPDATE];

static LOCK: Statement = Statement::same(
    "SELECT t.doctype, t.name, t.token, t.generation, t.attempts, t.run_id FROM {rows:doctype key, name key} AS r
     {join} sync_jobs AS t ON t.doctype = r.doctype AND t.name = r.name
     ORDER BY t.doctype, t.name {lock}",
);

static DELETE: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_jobs", "doctype key, name key", &["doctype", "name"]));

static UPDATE: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "sync_jobs",
        "doctype key, name key, delay int, attempts int, run_id int, last_error text, error_label text",
        "t.doctype = r.doctype AND t.name = r.name",
        &[
            ("token", "NULL".into()),
            ("run_at", "{now} + r.delay".into()),
            ("attempts", "r.attempts".into()),
            ("run_id", "r.run_id".into()),
            ("last_error", "r.last_error".into()),
            ("error_label", "r.error_label".into()),
            ("updated_at", "{now}".into()),
        ],
    )
});

#[derive(Serialize)]
struct KeyRow<'a> {
    doctype: &'static str,
    name: &'a str,
}

impl<'a> KeyRow<'a> {
    fn new(key: &'a DocKey) -> Self {
        Self { doctype: key.doctype.as_str(), name: &key.name }
    }
}

/// A job as it is under lock.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Job {
    /// Null while nobody holds it.
    pub(in crate::store) token: Option<i64>,
    /// Raised by every put.
    pub(in crate::store) generation: i64,
    /// Reset by puts that revive.
    pub(in crate::store) attempts: i64,
    /// The full run that owns it.
    pub(in crate::store) run: Option<RunId>,
}

/// How one claimed job ends.
#[derive(Debug)]
pub(in crate::store) struct Settlement<'a> {
    /// The claim.
    pub(in crate::store) claim: &'a Claim,
    /// The wish of its worker.
    pub(in crate::store) outcome: &'a Outcome,
    /// The job as locked.
    pub(in crate::store) job: Job,
    /// Whether this transaction puts it again.
    pub(in crate::store) put_again: bool,
}

/// Failed attempts after which a run counts a job as failed and waits for it no longer; the queue goes on trying.
const RUN_ATTEMPTS: i64 = 3;

/// Whether a run has seen the end of this job.
pub(in crate::store) fn ends_for_run(claim: &Claim, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done | Outcome::NotPermitted | Outcome::Skipped | Outcome::Dead(_) => true,
        Outcome::Again => false,
        Outcome::Retry { burn, .. } => *burn && claim.attempts + 1 >= RUN_ATTEMPTS,
    }
}

#[derive(Serialize)]
struct UpdateRow<'a> {
    doctype: &'static str,
    name: &'a str,
    /// Milliseconds until it is due; missing for a dead one.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<i64>,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_label: Option<&'a str>,
}

/// Locks the jobs of those keys that exist. `keys` must be sorted.
pub(in crate::store) async fn lock_jobs(tx: &mut Tx, keys: &[&DocKey]) -> Result<HashMap<DocKey, Job>, Fault> {
    let rows: Vec<KeyRow<'_>> = keys.iter().map(|key| KeyRow::new(key)).collect();
    let mut jobs = HashMap::with_capacity(rows.len());
    for batch in batches(&rows)? {
        for row in tx.fetch(&LOCK, &[Arg::Text(&batch)]).await? {
            let doctype = row.text("doctype")?;
            let doctype = Doctype::parse(&doctype)
                .ok_or_else(|| StoreError::bug("lock jobs", format!("unknown doctype {doctype} in sync_jobs")))?;
            jobs.insert(
                DocKey { doctype, name: row.text("name")? },
                Job {
                    token: row.maybe_int("token")?,
                    generation: row.int("generation")?,
                    attempts: row.int("attempts")?,
                    run: row.maybe_int("run_id")?,
                },
            );
        }
    }
    Ok(jobs)
}

/// Settles jobs whose rows are locked and whose tokens were checked.
pub(in crate::store) async fn settle_jobs(tx: &mut Tx, settlements: &[Settlement<'_>]) -> Result<(), Fault> {
    let mut sorted: Vec<&Settlement<'_>> = settlements.iter().collect();
    sorted.sort_unstable_by_key(|settlement| &settlement.claim.key);
    let (mut finished, mut waiting) = (Vec::new(), Vec::new());
    for settlement in sorted {
        match ended(settlement) {
            None => finished.push(KeyRow::new(&settlement.claim.key)),
            Some(row) => waiting.push(row),
        }
    }
    for batch in batches(&finished)? {
        tx.execute(&DELETE, &[Arg::Text(&batch)]).await?;
    }
    for batch in batches(&waiting)? {
        tx.execute(&UPDATE, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}

/// The row that remains of a job; `None` where it is done.
fn ended<'a>(settlement: &Settlement<'a>) -> Option<UpdateRow<'a>> {
    let Settlement { claim, outcome, job, put_again } = *settlement;
    let ends = ends_for_run(claim, outcome) && job.run == claim.run;
    let row = |delay, attempts, error: Option<&'a crate::domain::job::JobError>| UpdateRow {
        doctype: claim.key.doctype.as_str(),
        name: &claim.key.name,
        delay,
        attempts,
        run_id: if ends { None } else { job.run },
        last_error: error.map(|error| error.message.as_str()),
        error_label: error.map(|error| error.label),
    };
    if put_again || job.generation != claim.generation {
        return Some(row(Some(0), job.attempts, None));
    }
    match outcome {
        Outcome::Done | Outcome::NotPermitted | Outcome::Skipped => None,
        Outcome::Again => Some(row(Some(0), claim.attempts, None)),
        Outcome::Retry { after, burn, error } => {
            Some(row(Some(milliseconds(*after)), claim.attempts + i64::from(*burn), Some(error)))
        }
        Outcome::Dead(error) => Some(row(None, claim.attempts + 1, Some(error))),
    }
}

/// As the database counts time.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
