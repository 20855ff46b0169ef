//! Which of some documents have a job, and how it stands: whoever compares a row with its document wants to know.
//!
//! Invariant: only reads, without locks. A job that has failed before is told apart from one that is simply not done yet.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::super::db::{Row, Statement};
use super::super::{Store, StoreError};
use crate::domain::hint::Doctype;
use crate::domain::job::DocKey;

pub(super) static ALL: &[&Statement] = &[&OF];

static OF: Statement = Statement::same(
    "SELECT t.doctype, t.name, {flag:t.run_at IS NULL} AS is_dead, {count:t.attempts} AS attempts, t.last_error
     FROM {rows:doctype key, name key} AS r {join} sync_jobs AS t ON t.doctype = r.doctype AND t.name = r.name",
);

/// How the job of a document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// It is done soon.
    Soon,
    /// It failed: tried again later, or given up. Why.
    Failing(String),
}

impl Store {
    /// The jobs of those documents; the others have none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn pending(&self, keys: &BTreeSet<DocKey>) -> Result<HashMap<DocKey, Pending>, StoreError> {
        let what = "look for jobs";
        let keys: Vec<_> =
            keys.iter().map(|key| json!({ "doctype": key.doctype.as_str(), "name": key.name })).collect();
        let rows = self.read_batches(what, &OF, &keys).await?;
        let jobs = rows.iter().filter_map(|row| pending(row).transpose());
        jobs.collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }
}

fn pending(row: &Row) -> Result<Option<(DocKey, Pending)>, sqlx::Error> {
    let Some(doctype) = Doctype::parse(&row.text("doctype")?) else { return Ok(None) };
    let failed = row.flag("is_dead")? || row.int("attempts")? > 0;
    let pending =
        if failed { Pending::Failing(row.maybe_text("last_error")?.unwrap_or_default()) } else { Pending::Soon };
    Ok(Some((DocKey { doctype, name: row.text("name")? }, pending)))
}
