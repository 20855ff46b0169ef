//! `sync_sessions`: who is signed in; all processes on one database share them.
//!
//! Invariant: only hashes of session ids are stored; a session that was idle or lived for too long is as good as none,
//! by the database's clock. The role is always the user's present one.

use std::time::Duration;

use serde_json::json;

use super::db::{Arg, Row, Statement};
use super::transact::{Caller, transact};
use super::{Credentials, Store, StoreError};
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&INSERT, &FIND, &SEEN, &END, &END_OF, &END_ALL, &LIST, &PRUNE];

// Where the password was changed since it was looked at, nobody is signed in with the old one.
static INSERT: Statement = Statement::same(
    "INSERT INTO sync_sessions (hash, user_id, created_at, seen_at) SELECT r.hash, u.id, {now}, {now}
     FROM {rows:hash key, owner int, password text} AS r {join} sync_users AS u ON u.id = r.owner
     WHERE u.password = r.password",
);

// Values: how recently seen need not be noted, hash, idle, longest life.
static FIND: Statement = Statement::same(
    "SELECT u.id, u.name, u.role, {flag:s.seen_at <= {now} - ?} AS unnoticed
     FROM sync_sessions AS s JOIN sync_users AS u ON u.id = s.user_id
     WHERE s.hash = ? AND s.seen_at > {now} - ? AND s.created_at > {now} - ?",
);

static SEEN: Statement = Statement::same("UPDATE sync_sessions SET seen_at = {now} WHERE hash = ?");
static END: Statement = Statement::same("DELETE FROM sync_sessions WHERE hash = ?");
static END_OF: Statement = Statement::same("DELETE FROM sync_sessions WHERE hash = ? AND user_id = ?");
pub(super) static END_ALL: Statement = Statement::same("DELETE FROM sync_sessions WHERE user_id = ?");
static PRUNE: Statement =
    Statement::same("DELETE FROM sync_sessions WHERE seen_at <= {now} - ? OR created_at <= {now} - ?");

// Values: idle, longest life, whether anybody's, whose else, most rows.
static LIST: Statement = Statement::same(
    "SELECT s.hash, u.id, u.name, s.created_at, s.seen_at
     FROM sync_sessions AS s JOIN sync_users AS u ON u.id = s.user_id
     WHERE s.seen_at > {now} - ? AND s.created_at > {now} - ? AND (? = 1 OR u.id = ?)
     ORDER BY s.seen_at DESC, s.hash LIMIT ?",
);

/// How long a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLife {
    /// Without a request.
    pub idle: Duration,
    /// At all.
    pub longest: Duration,
}

/// Who has a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The user's id.
    pub user: i64,
    /// The user's name.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// That it is in use was not noted of late.
    pub unnoticed: bool,
}

/// A session as a list shows it. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The hash of its id: it names the session and does not give it away.
    pub hash: String,
    /// The user's id.
    pub user: i64,
    /// The user's name.
    pub name: String,
    /// When it was begun.
    pub created_at: String,
    /// When it was in use last, to some minutes.
    pub seen_at: String,
}

impl Store {
    /// Begins a session of that user; false where the user was removed or has another password (hashed) by now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn begin_session(&self, hash: &str, user: &Credentials) -> Result<bool, StoreError> {
        let rows = json!([{ "hash": hash, "owner": user.id, "password": user.password }]).to_string();
        let what = "begin a session";
        transact!(self.attempts(what, Caller::Urgent), |tx| Ok(tx.execute(&INSERT, &[Arg::Text(&rows)]).await? > 0))
            .await
    }

    /// The living session with that hash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn session(&self, hash: &str, life: SessionLife) -> Result<Option<SessionRow>, StoreError> {
        let what = "look up a session";
        let idle = milliseconds(life.idle);
        // Noted now and then only, so that a request costs a read and no write.
        let recent = idle.min(240_000) / 4;
        let args = [Arg::Int(recent), Arg::Text(hash), Arg::Int(idle), Arg::Int(milliseconds(life.longest))];
        let rows = self.read(what, &FIND, &args).await?;
        let session = |row: &Row| -> Result<SessionRow, sqlx::Error> {
            Ok(SessionRow {
                user: row.int("id")?,
                name: row.text("name")?,
                role: row.text("role")?,
                unnoticed: row.flag("unnoticed")?,
            })
        };
        rows.first().map(session).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// The living sessions of a user, or of everybody, the one in use last first; `limit` at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sessions(
        &self,
        user: Option<i64>,
        life: SessionLife,
        limit: u32,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let what = "list sessions";
        let (idle, longest) = (milliseconds(life.idle), milliseconds(life.longest));
        let (anybody, one) = (i64::from(user.is_none()), user.unwrap_or_default());
        let args = [idle, longest, anybody, one, i64::from(limit)].map(Arg::Int);
        let rows = self.read(what, &LIST, &args).await?;
        let session = |row: &Row| -> Result<ListedSession, sqlx::Error> {
            Ok(ListedSession {
                hash: row.text("hash")?,
                user: row.int("id")?,
                name: row.text("name")?,
                created_at: iso(row.int("created_at")?),
                seen_at: iso(row.int("seen_at")?),
            })
        };
        rows.iter().map(session).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// Notes that a session is in use.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn session_seen(&self, hash: &str) -> Result<(), StoreError> {
        self.change_sessions(&SEEN, &[Arg::Text(hash)]).await.map(drop)
    }

    /// Ends one session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn end_session(&self, hash: &str) -> Result<(), StoreError> {
        self.change_sessions(&END, &[Arg::Text(hash)]).await.map(drop)
    }

    /// Ends one session if it is that user's; false where it is not, or is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn end_session_of(&self, user: i64, hash: &str) -> Result<bool, StoreError> {
        Ok(self.change_sessions(&END_OF, &[Arg::Text(hash), Arg::Int(user)]).await? > 0)
    }

    /// Ends all sessions of a user; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn end_sessions(&self, user: i64) -> Result<u64, StoreError> {
        self.change_sessions(&END_ALL, &[Arg::Int(user)]).await
    }

    /// Forgets sessions that are over; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn prune_sessions(&self, life: SessionLife) -> Result<u64, StoreError> {
        let args = [Arg::Int(milliseconds(life.idle)), Arg::Int(milliseconds(life.longest))];
        self.change_sessions(&PRUNE, &args).await
    }

    async fn change_sessions(&self, statement: &'static Statement, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let attempts = self.attempts("change the sessions", Caller::Urgent).single_statement(true);
        transact!(attempts, |tx| Ok(tx.execute(statement, args).await?)).await
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
