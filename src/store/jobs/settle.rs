//! Settling claimed jobs: the last step of the transaction that writes their work.
//!
//! Invariant: a job is settled only while it shows the token of its claim; where its generation has moved on, another
//! hint arrived during the work and the job is due again at once, whatever the outcome.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::super::StoreError;
use super::super::db::{Arg, Statement, Tx, batches, delete_rows, update_rows};
use super::super::transact::Fault;
use crate::domain::hint::Doctype;
use crate::domain::job::{Claim, DocKey, Outcome};

pub(super) static ALL: &[&Statement] = &[&LOCK, &DELETE, &UPDATE];

static LOCK: Statement = Statement::same(
    "SELECT t.doctype, t.name, t.token, t.generation FROM {rows:doctype key, name key} AS r
     {join} sync_jobs AS t ON t.doctype = r.doctype AND t.name = r.name
     ORDER BY t.doctype, t.name {lock}",
);

static DELETE: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_jobs", "doctype key, name key", &["doctype", "name"]));

static UPDATE: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "sync_jobs",
        "doctype key, name key, delay int, attempts int, last_error text, error_label text",
        "t.doctype = r.doctype AND t.name = r.name",
        &[
            ("token", "NULL".into()),
            ("run_at", "{now} + r.delay".into()),
            ("attempts", "r.attempts".into()),
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
}

/// How one claimed job ends.
#[derive(Debug)]
pub(in crate::store) struct Settlement<'a> {
    /// The claim.
    pub(in crate::store) claim: &'a Claim,
    /// The wish of its worker.
    pub(in crate::store) outcome: &'a Outcome,
    /// The job's generation now, with the puts of this transaction.
    pub(in crate::store) generation: i64,
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
                Job { token: row.maybe_int("token")?, generation: row.int("generation")? },
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
    let Settlement { claim, outcome, generation } = *settlement;
    let row = |delay, attempts, error: Option<&'a crate::domain::job::JobError>| UpdateRow {
        doctype: claim.key.doctype.as_str(),
        name: &claim.key.name,
        delay,
        attempts,
        last_error: error.map(|error| error.message.as_str()),
        error_label: error.map(|error| error.label),
    };
    if generation != claim.generation {
        return Some(row(Some(0), 0, None));
    }
    match outcome {
        Outcome::Done => None,
        Outcome::Again => Some(row(Some(0), claim.attempts, None)),
        Outcome::Retry { after, burn, error } => {
            Some(row(Some(milliseconds(*after)), claim.attempts + i64::from(*burn), Some(error)))
        }
        Outcome::Dead(error) => Some(row(None, claim.attempts, Some(error))),
    }
}

/// As the database counts time.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
