//! What people do with jobs that failed: retry or discard some, or all that match a filter.
//!
//! Invariant: a job that a worker holds is left to it. "All" means what matched when it was asked for: a job to which
//! anything happened since is left as it is, however long the queue and however many chunks it takes. A discarded job
//! of a running full run is counted there as failed, so that the run ends and does not call itself a success.

use serde::Serialize;

use super::super::db::{Arg, Statement, Tx, batches, delete_rows, update_rows};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Store, StoreError};
use super::list::{JobFilter, MATCHES, key};
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane};
use crate::domain::run::RunId;

pub(super) static ALL: &[&Statement] = &[&KEYS, &LOCK, &RETRY, &DELETE, &LOCK_RUN, &COUNT_FAILED];

/// Jobs per transaction, so that nobody waits long for their locks.
const CHUNK: usize = 500;
/// So many at most are retried before everything else; more would hold up webhooks.
const FEW: u64 = 50;

static KEYS: Statement = Statement::built(|_| {
    format!(
        "SELECT doctype, name FROM sync_jobs WHERE doctype = ? AND name > ? AND updated_at <= ? AND {MATCHES} \
         ORDER BY name LIMIT ?"
    )
});

static LOCK: Statement = Statement::same(
    "SELECT t.doctype, t.name, t.run_id, t.updated_at, {flag:t.token IS NOT NULL AND t.run_at > {now}} AS leased
     FROM {rows:doctype key, name key} AS r {join} sync_jobs AS t ON t.doctype = r.doctype AND t.name = r.name
     ORDER BY t.doctype, t.name {lock}",
);

static RETRY: Statement = Statement::built(|dialect| {
    update_rows(
        dialect,
        "sync_jobs",
        "doctype key, name key, lane int",
        "t.doctype = r.doctype AND t.name = r.name",
        &[
            ("lane", "r.lane".into()),
            ("run_at", "{now}".into()),
            ("generation", "t.generation + 1".into()),
            ("attempts", "0".into()),
            ("cause", Cause::Person.weight().to_string()),
            ("delivery_id", "NULL".into()),
            ("updated_at", "{now}".into()),
        ],
    )
});

static DELETE: Statement =
    Statement::built(|dialect| delete_rows(dialect, "sync_jobs", "doctype key, name key", &["doctype", "name"]));

static LOCK_RUN: Statement = Statement::same("SELECT id FROM sync_runs WHERE active_key = 'full' {lock}");

static COUNT_FAILED: Statement =
    Statement::same("UPDATE sync_runs SET failed = failed + ?, updated_at = {now} WHERE id = ?");

/// The jobs that an action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These; those that do not exist are left out of account.
    Keys(Vec<DocKey>),
    /// All that match.
    All(JobFilter),
}

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Retry(Lane),
    Discard,
}

#[derive(Serialize)]
struct ActionRow<'a> {
    doctype: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<i64>,
}

impl Store {
    /// Makes jobs due at once with all their attempts, asked for by a person; how many. Up to 50 go first, more go as
    /// bulk work. Those that a worker holds are left to it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`]; some of them may have been done then.
    pub async fn retry_jobs(&self, jobs: &Selection) -> Result<u64, StoreError> {
        let count = match jobs {
            Selection::Keys(keys) => u64::try_from(keys.len()).unwrap_or(u64::MAX),
            Selection::All(filter) => self.job_count_up_to(filter, FEW + 1).await?,
        };
        self.act("retry jobs", jobs, Action::Retry(if count <= FEW { Lane::Fast } else { Lane::Bulk })).await
    }

    /// Deletes jobs that no worker holds; how many. Their documents are read again when something next asks for them.
    ///
    /// # Errors
    /// As [`Store::retry_jobs`].
    pub async fn discard_jobs(&self, jobs: &Selection) -> Result<u64, StoreError> {
        self.act("discard jobs", jobs, Action::Discard).await
    }

    async fn act(&self, what: &'static str, jobs: &Selection, action: Action) -> Result<u64, StoreError> {
        match jobs {
            Selection::Keys(keys) => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                keys.dedup();
                let mut done = 0;
                for chunk in keys.chunks(CHUNK) {
                    done += self.act_on(what, chunk, i64::MAX, action).await?;
                }
                Ok(done)
            }
            Selection::All(filter) => {
                let asked_at = self.now().await?;
                let mut done = 0;
                for doctype in filter.doctypes(None) {
                    done += self.act_on_all(what, doctype, filter, asked_at, action).await?;
                }
                Ok(done)
            }
        }
    }

    async fn act_on_all(
        &self,
        what: &'static str,
        doctype: Doctype,
        filter: &JobFilter,
        asked_at: i64,
        action: Action,
    ) -> Result<u64, StoreError> {
        let pattern = filter.pattern();
        let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
        let mut after = String::new();
        let mut done = 0;
        loop {
            let mut args = vec![Arg::Text(doctype.as_str()), Arg::Text(&after), Arg::Int(asked_at)];
            args.extend(filter.args(&pattern));
            args.push(Arg::Int(limit));
            let rows = self.read(what, &KEYS, &args).await?;
            let keys = rows.iter().map(|row| key(what, row)).collect::<Result<Vec<DocKey>, _>>()?;
            let Some(last) = keys.last() else { return Ok(done) };
            after.clone_from(&last.name);
            done += self.act_on(what, &keys, asked_at, action).await?;
        }
    }

    /// One transaction. `keys` must be sorted; what was touched after `untouched_since` is left alone.
    async fn act_on(
        &self,
        what: &'static str,
        keys: &[DocKey],
        untouched_since: i64,
        action: Action,
    ) -> Result<u64, StoreError> {
        transact!(self.attempts(what, Caller::Urgent), |tx| act(tx, what, keys, untouched_since, action).await).await
    }
}

async fn act(
    tx: &mut Tx,
    what: &'static str,
    keys: &[DocKey],
    untouched_since: i64,
    action: Action,
) -> Result<u64, Fault> {
    // Only a running full run owns jobs that count, and runs are locked before jobs.
    let run = match action {
        Action::Retry(_) => None,
        Action::Discard => tx.fetch(&LOCK_RUN, &[]).await?.first().map(|row| row.int("id")).transpose()?,
    };
    let mut free: Vec<(DocKey, Option<RunId>)> = Vec::with_capacity(keys.len());
    for batch in batches(&rows(keys.iter(), None))? {
        for row in tx.fetch(&LOCK, &[Arg::Text(&batch)]).await? {
            if !row.flag("leased")? && row.int("updated_at")? <= untouched_since {
                free.push((key(what, &row)?, row.maybe_int("run_id")?));
            }
        }
    }
    let (statement, lane) = match action {
        Action::Retry(lane) => (&RETRY, Some(lane.as_i64())),
        Action::Discard => (&DELETE, None),
    };
    for batch in batches(&rows(free.iter().map(|(key, _run)| key), lane))? {
        tx.execute(statement, &[Arg::Text(&batch)]).await?;
    }
    if let Some(run) = run {
        let owned = free.iter().filter(|(_key, owner)| *owner == Some(run)).count();
        if owned > 0 {
            let owned = i64::try_from(owned).unwrap_or(i64::MAX);
            tx.execute(&COUNT_FAILED, &[Arg::Int(owned), Arg::Int(run)]).await?;
        }
    }
    Ok(u64::try_from(free.len()).unwrap_or(u64::MAX))
}

fn rows<'a>(keys: impl Iterator<Item = &'a DocKey>, lane: Option<i64>) -> Vec<ActionRow<'a>> {
    keys.map(|key| ActionRow { doctype: key.doctype.as_str(), name: &key.name, lane }).collect()
}
