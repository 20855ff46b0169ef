//! `sync_tokens`: access tokens of the API.
//!
//! Invariant: only hashes are stored and looked up; the token itself is shown once by whoever made it and is not
//! known here. An expired token is as good as none. What a role may do is `web`'s business.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::db::{Arg, Row, Statement};
use super::transact::{Caller, Fault, transact};
use super::{Store, StoreError};
use crate::domain::role::Role;
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&INSERT, &ID, &FIND, &USED, &LIST, &DELETE];

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_tokens (name, role, hash, created_at, expires_at)
     SELECT r.name, r.role, r.hash, {now}, {now} + r.lifetime
     FROM {rows:name text, role text, hash key, lifetime int} AS r",
);

static ID: Statement = Statement::same("SELECT id FROM sync_tokens WHERE hash = ?");

// Whether it was used is noted once a minute at most, so that a busy token costs a read per call and no write.
static FIND: Statement = Statement::same(
    "SELECT id, name, role, {flag:last_used_at IS NULL OR last_used_at <= {now} - 60000} AS unnoticed
     FROM sync_tokens WHERE hash = ? AND (expires_at IS NULL OR expires_at > {now})",
);

static USED: Statement = Statement::same("UPDATE sync_tokens SET last_used_at = {now} WHERE id = ?");

static LIST: Statement = Statement::same(
    "SELECT id, name, role, created_at, expires_at, last_used_at,
            {flag:expires_at IS NOT NULL AND expires_at <= {now}} AS expired
     FROM sync_tokens ORDER BY id",
);

static DELETE: Statement = Statement::same("DELETE FROM sync_tokens WHERE id = ?");

/// A token that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id, for the audit.
    pub id: i64,
    /// What it is for, in the words of the person who made it.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// Its last use was not noted within the last minute.
    pub unnoticed: bool,
}

/// A token as a list shows it. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedToken {
    /// Its id.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    #[schema(value_type = Role)]
    pub role: String,
    /// When it was made.
    pub created_at: String,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// It is refused by now.
    pub expired: bool,
}

impl Store {
    /// Stores a token's hash; the token is refused after that time. Gives its id.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where that hash is there already, and the usual ones.
    pub async fn create_token(
        &self,
        name: &str,
        role: &str,
        hash: &str,
        lifetime: Option<Duration>,
    ) -> Result<i64, StoreError> {
        let lifetime = lifetime.map(|lifetime| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 4));
        let rows = json!([{ "name": name, "role": role, "hash": hash, "lifetime": lifetime }]).to_string();
        let what = "store a token";
        transact!(self.attempts(what, Caller::Urgent), |tx| {
            tx.execute(&INSERT, &[Arg::Text(&rows)]).await?;
            let rows = tx.fetch(&ID, &[Arg::Text(hash)]).await?;
            let row = rows.first().ok_or_else(|| Fault::from(StoreError::bug(what, "it is not there")))?;
            Ok(row.int("id")?)
        })
        .await
    }

    /// The token with that hash, unless it has expired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn token(&self, hash: &str) -> Result<Option<TokenRow>, StoreError> {
        let what = "look up a token";
        let rows = self.read(what, &FIND, &[Arg::Text(hash)]).await?;
        let token = |row: &Row| -> Result<TokenRow, sqlx::Error> {
            Ok(TokenRow {
                id: row.int("id")?,
                name: row.text("name")?,
                role: row.text("role")?,
                unnoticed: row.flag("unnoticed")?,
            })
        };
        rows.first().map(token).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// Notes that a token was used now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn token_used(&self, id: i64) -> Result<(), StoreError> {
        let attempts = self.attempts("note the use of a token", Caller::Urgent).single_statement(true);
        transact!(attempts, |tx| Ok(tx.execute(&USED, &[Arg::Int(id)]).await?)).await?;
        Ok(())
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn tokens(&self) -> Result<Vec<ListedToken>, StoreError> {
        let what = "list the tokens";
        let rows = self.read(what, &LIST, &[]).await?;
        let token = |row: &Row| -> Result<ListedToken, sqlx::Error> {
            Ok(ListedToken {
                id: row.int("id")?,
                name: row.text("name")?,
                role: row.text("role")?,
                created_at: iso(row.int("created_at")?),
                expires_at: row.maybe_int("expires_at")?.map(iso),
                last_used_at: row.maybe_int("last_used_at")?.map(iso),
                expired: row.flag("expired")?,
            })
        };
        rows.iter().map(token).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// Forgets a token, which is refused from now on; false where there is none of that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn delete_token(&self, id: i64) -> Result<bool, StoreError> {
        let attempts = self.attempts("revoke a token", Caller::Urgent).single_statement(true);
        transact!(attempts, |tx| Ok(tx.execute(&DELETE, &[Arg::Int(id)]).await? > 0)).await
    }
}
