//! `sync_tokens`: access tokens of the API.
//!
//! Invariant: only hashes are stored and looked up; the token itself is shown once by whoever made it and is not
//! known here. What a role may do is `web`'s business.

use serde_json::json;

use super::db::{Arg, Statement};
use super::transact::{Caller, transact};
use super::{Store, StoreError};

pub(super) static ALL: &[&Statement] = &[&INSERT, &FIND];

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_tokens (name, role, hash, created_at) SELECT r.name, r.role, r.hash, {now} \
     FROM {rows:name text, role text, hash key} AS r",
);

static FIND: Statement = Statement::same("SELECT id, name, role FROM sync_tokens WHERE hash = ?");

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id, for the audit.
    pub id: i64,
    /// What it is for, in the words of the person who made it.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
}

impl Store {
    /// Stores a token's hash.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where that hash is there already, and the usual ones.
    pub async fn create_token(&self, name: &str, role: &str, hash: &str) -> Result<(), StoreError> {
        let rows = json!([{ "name": name, "role": role, "hash": hash }]).to_string();
        let what = "store a token";
        transact!(self.attempts(what, Caller::Urgent), |tx| Ok(tx.execute(&INSERT, &[Arg::Text(&rows)]).await?))
            .await?;
        Ok(())
    }

    /// The token with that hash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn token(&self, hash: &str) -> Result<Option<TokenRow>, StoreError> {
        let what = "look up a token";
        let rows = self.read(what, &FIND, &[Arg::Text(hash)]).await?;
        let token = |row: &super::db::Row| -> Result<TokenRow, sqlx::Error> {
            Ok(TokenRow { id: row.int("id")?, name: row.text("name")?, role: row.text("role")? })
        };
        rows.first().map(token).transpose().map_err(|error| StoreError::of(what, error))
    }
}
