//! `sync_erased`: who was erased, as marks; and the key that they are made with (`sync_meta`).
//!
//! Invariant: without a key nobody was ever erased, so the question costs one short read as long as that is so. The key is
//! made once and never changes: other marks could not be told from then on.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::super::db::{Arg, Statement, Tx, batches};
use super::super::transact::{Caller, Fault, transact};
use super::super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::erasure::MarkKey;

pub(super) static ALL: &[&Statement] = &[&MAKE_KEY, &MARKED, &MARK];

/// Where the key is kept.
const KEY: &str = "erase_key";

static MAKE_KEY: Statement = Statement::same(
    "INSERT INTO sync_meta (name, value) SELECT r.name, r.value FROM {rows:name key, value text} AS r {ignore:name}",
);

static MARKED: Statement = Statement::same(
    "SELECT e.mark, {id:e.customer_id} AS id FROM {rows:mark key} AS r {join} sync_erased AS e ON e.mark = r.mark",
);

static MARK: Statement = Statement::same(
    "INSERT INTO sync_erased (mark, customer_id) SELECT r.mark, r.id FROM {rows:mark key, id int} AS r
     {ignore:mark, customer_id}",
);

/// Writes marks of a customer.
pub(super) async fn mark(tx: &mut Tx, customer: CustomerId, marks: &BTreeSet<String>) -> Result<(), Fault> {
    let rows: Vec<Value> = marks.iter().map(|mark| json!({ "mark": mark, "id": customer })).collect();
    for batch in batches(&rows)? {
        tx.execute(&MARK, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}

impl Store {
    /// The key of the marks; `None` where nobody was ever erased.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn mark_key(&self) -> Result<Option<MarkKey>, StoreError> {
        Ok(self.meta(KEY).await?.as_deref().and_then(MarkKey::new))
    }

    /// Those of the marks that erased customers have.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn erased_by_mark(
        &self,
        marks: &BTreeSet<String>,
    ) -> Result<HashMap<String, BTreeSet<CustomerId>>, StoreError> {
        let what = "look for erased customers";
        let rows: Vec<Value> = marks.iter().map(|mark| json!({ "mark": mark })).collect();
        let mut marked: HashMap<String, BTreeSet<CustomerId>> = HashMap::new();
        for row in self.read_batches(what, &MARKED, &rows).await? {
            let read = || Ok::<_, sqlx::Error>((row.text("mark")?, row.int("id")?));
            let (mark, id) = read().map_err(|error| StoreError::of(what, error))?;
            marked.entry(mark).or_default().insert(id);
        }
        Ok(marked)
    }

    /// The key of the marks, made where there is none.
    pub(super) async fn ensure_mark_key(&self) -> Result<MarkKey, StoreError> {
        let what = "make the key of erased customers";
        let row = json!([{ "name": KEY, "value": MarkKey::random_secret() }]).to_string();
        transact!(self.attempts(what, Caller::Urgent), |tx| Ok(tx.execute(&MAKE_KEY, &[Arg::Text(&row)]).await?))
            .await?;
        self.mark_key().await?.ok_or_else(|| StoreError::bug(what, "it is not there after it was made"))
    }
}
