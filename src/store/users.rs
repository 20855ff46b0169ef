//! `sync_users`: people with a password.
//!
//! Invariant: there is always an admin left once there was one, and whoever's role or password changes is signed out, in the
//! same transaction. Passwords arrive hashed; what they are is not known here.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::db::{Arg, Row, Statement, Tx};
use super::sessions::END_ALL;
use super::transact::{Caller, End, Fault, transact, transact_or_not};
use super::{Store, StoreError};
use crate::domain::role::Role;
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] =
    &[&INSERT, &LIST, &ONE, &NAMED, &LOCKED, &SET_ROLE, &SET_PASSWORD, &SIGNED_IN, &DELETE, &USE_LINK];

/// Where the hash of the one-time link for the first admin is.
const FIRST_ADMIN: &str = "first_admin";

static INSERT: Statement = Statement::same(
    "INSERT INTO sync_users (name, role, password, created_at) SELECT r.name, r.role, r.password, {now}
     FROM {rows:name key, role text, password text} AS r",
);

static LIST: Statement =
    Statement::same("SELECT id, name, role, created_at, signed_in_at FROM sync_users ORDER BY name");
static ONE: Statement = Statement::same("SELECT id, name, role, created_at, signed_in_at FROM sync_users WHERE id = ?");
static NAMED: Statement = Statement::same("SELECT id, name, role, password FROM sync_users WHERE name = ?");
static LOCKED: Statement = Statement::same("SELECT id, name, role FROM sync_users ORDER BY id {lock}");
static SET_ROLE: Statement = Statement::same("UPDATE sync_users SET role = ? WHERE id = ?");
static SET_PASSWORD: Statement = Statement::same("UPDATE sync_users SET password = ? WHERE id = ?");
static SIGNED_IN: Statement = Statement::same("UPDATE sync_users SET signed_in_at = {now} WHERE id = ?");
static DELETE: Statement = Statement::same("DELETE FROM sync_users WHERE id = ?");
static USE_LINK: Statement = Statement::same("DELETE FROM sync_meta WHERE name = ? AND value = ?");

/// A user as a list shows them. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserRow {
    /// Their id.
    pub id: i64,
    /// The name to sign in with.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    #[schema(value_type = Role)]
    pub role: String,
    /// When they were added.
    pub created_at: String,
    /// When they last signed in.
    pub signed_in_at: Option<String>,
}

/// What signing in needs to know of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Their id.
    pub id: i64,
    /// Their name.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// The hash of their password, as a PHC text.
    pub password: String,
}

/// What becomes of a user.
#[derive(Clone, Copy)]
pub enum UserChange<'a> {
    /// Another role.
    Role(Role),
    /// Another password, hashed.
    Password(&'a str),
    /// None any more.
    Removed,
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChanged {
    /// It is so now, and the user is signed out everywhere.
    Done,
    /// There is no such user.
    Unknown,
    /// Nobody could administer any more, so nothing was changed.
    LastAdmin,
}

impl Store {
    /// Adds a user; `None` where the name is taken.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn add_user(&self, name: &str, role: Role, password: &str) -> Result<Option<i64>, StoreError> {
        transact_or_not!(self.attempts("add a user", Caller::Urgent), |tx| {
            if !tx.fetch(&NAMED, &[Arg::Text(name)]).await?.is_empty() {
                return Ok(End::RollBack(None));
            }
            insert(tx, name, role, password).await.map(|id| End::Commit(Some(id)))
        })
        .await
    }

    /// Adds the first admin, using up the one-time link whose stored form this is; `None` where it was used already or there
    /// are users by now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn add_first_admin(&self, link: &str, name: &str, password: &str) -> Result<Option<i64>, StoreError> {
        transact_or_not!(self.attempts("add the first admin", Caller::Urgent), |tx| {
            let used = tx.execute(&USE_LINK, &[Arg::Text(FIRST_ADMIN), Arg::Text(link)]).await?;
            if used == 0 || !tx.fetch(&LOCKED, &[]).await?.is_empty() {
                return Ok(End::RollBack(None));
            }
            insert(tx, name, Role::Admin, password).await.map(|id| End::Commit(Some(id)))
        })
        .await
    }

    /// The stored form of the one-time link for the first admin, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn first_admin_link(&self) -> Result<Option<String>, StoreError> {
        self.meta(FIRST_ADMIN).await
    }

    /// Stores the one-time link for the first admin; one that was made before is void.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn set_first_admin_link(&self, link: &str) -> Result<(), StoreError> {
        self.set_meta(FIRST_ADMIN, link).await
    }

    /// All users, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        let what = "list the users";
        let rows = self.read(what, &LIST, &[]).await?;
        rows.iter().map(user).collect::<Result<_, _>>().map_err(|error| StoreError::of(what, error))
    }

    /// One user.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn user(&self, id: i64) -> Result<Option<UserRow>, StoreError> {
        let what = "look up a user";
        let rows = self.read(what, &ONE, &[Arg::Int(id)]).await?;
        rows.first().map(user).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// What signing in as that name needs to know.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let what = "look up a user";
        let rows = self.read(what, &NAMED, &[Arg::Text(name)]).await?;
        let credentials = |row: &Row| -> Result<Credentials, sqlx::Error> {
            Ok(Credentials {
                id: row.int("id")?,
                name: row.text("name")?,
                role: row.text("role")?,
                password: row.text("password")?,
            })
        };
        rows.first().map(credentials).transpose().map_err(|error| StoreError::of(what, error))
    }

    /// Changes or removes a user, all that is given or nothing, and ends their sessions.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn change_user(&self, id: i64, changes: &[UserChange<'_>]) -> Result<UserChanged, StoreError> {
        transact_or_not!(self.attempts("change a user", Caller::Urgent), |tx| {
            let others = match role_and_other_admins(tx, id).await? {
                None => return Ok(End::RollBack(UserChanged::Unknown)),
                Some((role, others)) if role == Role::Admin.as_str() => others,
                Some(_) => 1,
            };
            let leaves =
                |change: &UserChange<'_>| !matches!(change, UserChange::Role(Role::Admin) | UserChange::Password(_));
            if others == 0 && changes.iter().any(leaves) {
                return Ok(End::RollBack(UserChanged::LastAdmin));
            }
            tx.execute(&END_ALL, &[Arg::Int(id)]).await?;
            for change in changes {
                match change {
                    UserChange::Role(role) => tx.execute(&SET_ROLE, &[Arg::Text(role.as_str()), Arg::Int(id)]).await?,
                    UserChange::Password(hash) => tx.execute(&SET_PASSWORD, &[Arg::Text(hash), Arg::Int(id)]).await?,
                    UserChange::Removed => tx.execute(&DELETE, &[Arg::Int(id)]).await?,
                };
            }
            Ok(End::Commit(UserChanged::Done))
        })
        .await
    }

    /// Notes that a user signed in now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn signed_in(&self, id: i64) -> Result<(), StoreError> {
        let attempts = self.attempts("note that somebody signed in", Caller::Urgent).single_statement(true);
        transact!(attempts, |tx| Ok(tx.execute(&SIGNED_IN, &[Arg::Int(id)]).await?)).await?;
        Ok(())
    }
}

async fn insert(tx: &mut Tx, name: &str, role: Role, password: &str) -> Result<i64, Fault> {
    let rows = json!([{ "name": name, "role": role.as_str(), "password": password }]).to_string();
    tx.execute(&INSERT, &[Arg::Text(&rows)]).await?;
    let rows = tx.fetch(&NAMED, &[Arg::Text(name)]).await?;
    let row = rows.first().ok_or_else(|| Fault::from(StoreError::bug("add a user", "it is not there")))?;
    Ok(row.int("id")?)
}

/// The role of a user, and how many others are admins; all users stay locked.
async fn role_and_other_admins(tx: &mut Tx, id: i64) -> Result<Option<(String, usize)>, Fault> {
    let mut own = None;
    let mut others = 0;
    for row in tx.fetch(&LOCKED, &[]).await? {
        let role = row.text("role")?;
        if row.int("id")? == id {
            own = Some(role);
        } else if role == Role::Admin.as_str() {
            others += 1;
        }
    }
    Ok(own.map(|role| (role, others)))
}

fn user(row: &Row) -> Result<UserRow, sqlx::Error> {
    Ok(UserRow {
        id: row.int("id")?,
        name: row.text("name")?,
        role: row.text("role")?,
        created_at: iso(row.int("created_at")?),
        signed_in_at: row.maybe_int("signed_in_at")?.map(iso),
    })
}
