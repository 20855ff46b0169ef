//! Jobs as people look at them: a page that matches a filter, how many do, one with everything that is known of it.
//!
//! Invariant: only reads, page by page in the order of (doctype, name), one doctype after the other: so a page is a range
//! of the key on every database, however long the queue is. What people then do with jobs is in `actions`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::db::{Arg, Row, Statement};
use super::super::{Store, StoreError};
use super::queue::duration;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane};
use crate::domain::run::RunId;
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&PAGE, &COUNT, &LABELS, &ONE];

const COLUMNS: &str = "doctype, name, lane, run_at, run_at - {now} AS due_in, token, generation, attempts, cause, \
    delivery_id, {flag:absent} AS absent, run_id, last_error, error_label, created_at, updated_at";

/// Values: [`JobFilter::args`]. The numbers are those of [`JobState::bit`].
pub(super) const MATCHES: &str = "(? & CASE WHEN run_at IS NULL THEN 1 WHEN run_at <= {now} THEN 4 \
        WHEN token IS NULL THEN 2 ELSE 8 END) <> 0 \
    AND (? = '' OR error_label = ?) AND (? = 0 OR cause = ?) \
    AND (? = '' OR LOWER(name) LIKE LOWER(?) ESCAPE '!' OR LOWER(last_error) LIKE LOWER(?) ESCAPE '!')";

static PAGE: Statement = Statement::built(|_| {
    format!("SELECT {COLUMNS} FROM sync_jobs WHERE doctype = ? AND name > ? AND {MATCHES} ORDER BY name LIMIT ?")
});

static COUNT: Statement = Statement::built(|_| {
    let matching = format!("SELECT 1 AS one FROM sync_jobs WHERE doctype = ? AND {MATCHES} LIMIT ?");
    format!("SELECT {{count:COUNT(*)}} AS n FROM ({matching}) AS m")
});

static LABELS: Statement = Statement::built(|_| {
    format!(
        "SELECT COALESCE(error_label, '') AS label, {{count:COUNT(*)}} AS n FROM sync_jobs WHERE doctype = ? AND {MATCHES} \
         GROUP BY COALESCE(error_label, '')"
    )
});

static ONE: Statement = Statement::built(|_| format!("SELECT {COLUMNS} FROM sync_jobs WHERE doctype = ? AND name = ?"));

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// May be claimed.
    Due,
    /// Held by a worker.
    Leased,
    /// Waits for its time after a failure.
    Waiting,
    /// Given up, until a hint or a person revives it.
    Dead,
}

impl JobState {
    /// Word for the API and the page.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Leased => "leased",
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }

    const fn bit(self) -> i64 {
        match self {
            Self::Dead => 1,
            Self::Waiting => 2,
            Self::Due => 4,
            Self::Leased => 8,
        }
    }
}

/// Which jobs are meant by where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum States {
    /// Dead, or waiting after a failure: what people look for.
    #[default]
    Failed,
    /// [`JobState::Dead`].
    Dead,
    /// [`JobState::Waiting`].
    Waiting,
    /// [`JobState::Due`].
    Due,
    /// [`JobState::Leased`].
    Leased,
    /// Every job.
    All,
}

impl States {
    const fn bits(self) -> i64 {
        match self {
            Self::Failed => JobState::Dead.bit() | JobState::Waiting.bit(),
            Self::Dead => JobState::Dead.bit(),
            Self::Waiting => JobState::Waiting.bit(),
            Self::Due => JobState::Due.bit(),
            Self::Leased => JobState::Leased.bit(),
            Self::All => i64::MAX,
        }
    }
}

/// Which jobs are meant; what is not given does not matter. The default means all failures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobFilter {
    /// Where they stand.
    pub state: States,
    /// Of this kind of document.
    pub doctype: Option<Doctype>,
    /// With this error label.
    pub label: Option<String>,
    /// With this text in their name or error, whatever its case.
    #[serde(rename = "q")]
    pub text: Option<String>,
    /// Asked for by this.
    pub cause: Option<Cause>,
}

impl JobFilter {
    /// The doctypes that may match, in key order, from that one on.
    pub(super) fn doctypes(&self, from: Option<Doctype>) -> impl Iterator<Item = Doctype> + use<> {
        let only = self.doctype;
        Doctype::ALL
            .into_iter()
            .filter(move |doctype| only.is_none_or(|only| only == *doctype) && from <= Some(*doctype))
    }

    /// The text as a pattern of LIKE, `!` being the escape: a backslash means something to MariaDB already.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::from("%");
        for char in self.text.as_deref().unwrap_or_default().chars() {
            if matches!(char, '%' | '_' | '!') {
                pattern.push('!');
            }
            pattern.push(char);
        }
        pattern.push('%');
        pattern
    }

    /// The values of [`MATCHES`].
    pub(super) fn args<'a>(&'a self, pattern: &'a str) -> [Arg<'a>; 8] {
        let label = Arg::Text(self.label.as_deref().unwrap_or_default());
        let cause = Arg::Int(self.cause.map_or(0, Cause::weight));
        let text = Arg::Text(self.text.as_deref().unwrap_or_default());
        let pattern = Arg::Text(pattern);
        [Arg::Int(self.state.bits()), label, label, cause, cause, text, pattern, pattern]
    }
}

/// A row of the queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JobRow {
    /// The document.
    #[serde(flatten)]
    pub key: DocKey,
    /// Where it stands.
    pub state: JobState,
    /// Its lane.
    pub lane: Lane,
    /// Until it may be claimed; `None` for a dead one, zero for a due one.
    #[serde(skip)]
    pub due_in: Option<Duration>,
    /// When it may be claimed (for a leased one: when its lease ends); null for a dead one.
    pub next_at: Option<String>,
    /// Raised by every put.
    #[serde(skip)]
    pub generation: i64,
    /// Attempts burned.
    pub attempts: i64,
    /// Who asked.
    pub cause: Cause,
    /// The delivery that asked.
    pub delivery_id: Option<String>,
    /// Something said that the document is gone.
    pub absent: bool,
    /// The full run that owns it.
    #[schema(value_type = Option<i64>)]
    pub run: Option<RunId>,
    /// What went wrong last, with ERPNext's own words where it said something.
    #[serde(rename = "error")]
    pub last_error: Option<String>,
    /// The same as a short stable word.
    #[serde(rename = "label")]
    pub error_label: Option<String>,
    /// When it was put first.
    pub created_at: String,
    /// When something last happened to it.
    pub updated_at: String,
}

impl Store {
    /// Up to `limit` jobs that match, in the order of keys, after that key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<&DocKey>,
        limit: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let what = "list jobs";
        let pattern = filter.pattern();
        let mut jobs = Vec::new();
        for doctype in filter.doctypes(after.map(|key| key.doctype)) {
            let left = i64::from(limit) - i64::try_from(jobs.len()).unwrap_or(i64::MAX);
            if left <= 0 {
                break;
            }
            let name = after.filter(|key| key.doctype == doctype).map_or("", |key| key.name.as_str());
            let mut args = vec![Arg::Text(doctype.as_str()), Arg::Text(name)];
            args.extend(filter.args(&pattern));
            args.push(Arg::Int(left));
            for row in self.read(what, &PAGE, &args).await? {
                jobs.push(decode(what, &row)?);
            }
        }
        Ok(jobs)
    }

    /// How many jobs match. Looks at every job of the doctype.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn job_count(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        self.job_count_up_to(filter, u64::MAX).await
    }

    /// The same, but does not look for more than `most`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn job_count_up_to(&self, filter: &JobFilter, most: u64) -> Result<u64, StoreError> {
        let what = "count jobs";
        let pattern = filter.pattern();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut count = 0;
        for doctype in filter.doctypes(None) {
            let mut args = vec![Arg::Text(doctype.as_str())];
            args.extend(filter.args(&pattern));
            args.push(Arg::Int(most - count));
            let rows = self.read(what, &COUNT, &args).await?;
            count += rows.first().map_or(Ok(0), |row| row.int("n")).map_err(|error| StoreError::of(what, error))?;
        }
        Ok(count.unsigned_abs())
    }

    /// How many jobs match, by their error label; those of most first. Looks at every job of the doctype. An empty label
    /// stands for jobs without an error.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn job_labels(&self, filter: &JobFilter) -> Result<Vec<(String, u64)>, StoreError> {
        let what = "count jobs by their error";
        let of = |error| StoreError::of(what, error);
        let pattern = filter.pattern();
        let mut labels: BTreeMap<String, u64> = BTreeMap::new();
        for doctype in filter.doctypes(None) {
            let mut args = vec![Arg::Text(doctype.as_str())];
            args.extend(filter.args(&pattern));
            for row in self.read(what, &LABELS, &args).await? {
                *labels.entry(row.text("label").map_err(of)?).or_default() += row.int("n").map_err(of)?.unsigned_abs();
            }
        }
        let mut labels: Vec<(String, u64)> = labels.into_iter().collect();
        labels.sort_by_key(|(_label, number)| Reverse(*number));
        Ok(labels)
    }

    /// The job of a document, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn job(&self, key: &DocKey) -> Result<Option<JobRow>, StoreError> {
        let what = "read a job";
        let rows = self.read(what, &ONE, &[Arg::Text(key.doctype.as_str()), Arg::Text(&key.name)]).await?;
        rows.first().map(|row| decode(what, row)).transpose()
    }
}

fn decode(what: &'static str, row: &Row) -> Result<JobRow, StoreError> {
    let of = |error| StoreError::of(what, error);
    let due_in = row.maybe_int("due_in").map_err(of)?;
    let state = match (due_in, row.maybe_int("token").map_err(of)?) {
        (None, _) => JobState::Dead,
        (Some(due_in), _) if due_in <= 0 => JobState::Due,
        (Some(_), Some(_)) => JobState::Leased,
        (Some(_), None) => JobState::Waiting,
    };
    Ok(JobRow {
        key: key(what, row)?,
        state,
        lane: Lane::from_i64(row.int("lane").map_err(of)?),
        due_in: due_in.map(duration),
        next_at: row.maybe_int("run_at").map_err(of)?.map(iso),
        generation: row.int("generation").map_err(of)?,
        attempts: row.int("attempts").map_err(of)?,
        cause: Cause::from_weight(row.int("cause").map_err(of)?),
        delivery_id: row.maybe_text("delivery_id").map_err(of)?,
        absent: row.flag("absent").map_err(of)?,
        run: row.maybe_int("run_id").map_err(of)?,
        last_error: row.maybe_text("last_error").map_err(of)?,
        error_label: row.maybe_text("error_label").map_err(of)?,
        created_at: iso(row.int("created_at").map_err(of)?),
        updated_at: iso(row.int("updated_at").map_err(of)?),
    })
}

/// The key of a row with the columns `doctype` and `name`.
pub(super) fn key(what: &'static str, row: &Row) -> Result<DocKey, StoreError> {
    let of = |error| StoreError::of(what, error);
    let doctype = row.text("doctype").map_err(of)?;
    let doctype = Doctype::parse(&doctype)
        .ok_or_else(|| StoreError::bug(what, format!("unknown doctype {doctype} in sync_jobs")))?;
    Ok(DocKey { doctype, name: row.text("name").map_err(of)? })
}
