//! `sync_meta`: single facts about the installation, such as the site's URL and the mapping's fingerprint.
//!
//! Invariant: a value is read and written whole. Who may change which one is decided by the callers.

use super::db::{Arg, Statement};
use super::transact::{Caller, transact};
use super::{Store, StoreError};

pub(super) static ALL: &[&Statement] = &[&GET, &SET];

static GET: Statement = Statement::same("SELECT value FROM sync_meta WHERE name = ?");
static SET: Statement = Statement::same(
    "INSERT INTO sync_meta (name, value) SELECT r.name, r.value FROM {rows:name key, value text} AS r \
     {conflict:name} value = {new:value}",
);

impl Store {
    /// The stored value of that key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let what = "read a setting of the installation";
        let rows = self.read(what, &GET, &[Arg::Text(key)]).await?;
        rows.first().map(|row| row.text("value")).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// Stores a value under that key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let rows = serde_json::json!([{ "name": key, "value": value }]).to_string();
        let what = "store a setting of the installation";
        transact!(self.attempts(what, Caller::Urgent), |tx| Ok(tx.execute(&SET, &[Arg::Text(&rows)]).await?)).await?;
        Ok(())
    }
}
