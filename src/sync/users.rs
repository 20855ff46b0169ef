//! People who may sign in: adding, changing, removing them, and the first admin.
//!
//! Invariant: a password is checked for strength and hashed before the store sees it. The one-time link works once, for an
//! hour, and only while there is no user; only its hash is stored.

use std::time::Duration;

use super::passwords::{PasswordError, Passwords};
use super::tokens::{hash, random_text};
use crate::domain::role::Role;
use crate::domain::user::{UserName, WrongName, WrongPassword, check_password};
use crate::store::{Store, StoreError, UserChange, UserChanged};

/// How long the link for the first admin is good.
pub const LINK_LIFE: Duration = Duration::from_secs(3600);

/// Why a user is not as somebody wanted.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No name.
    #[error(transparent)]
    Name(#[from] WrongName),
    /// No good password.
    #[error(transparent)]
    Password(#[from] WrongPassword),
    /// It could not be hashed.
    #[error(transparent)]
    Hash(#[from] PasswordError),
    /// Somebody has that name.
    #[error("there is a user {0} already")]
    Taken(UserName),
    /// Nobody has that name or id.
    #[error("there is no such user")]
    Unknown,
    /// Nobody could administer any more.
    #[error("this is the last admin: make another one first")]
    LastAdmin,
    /// The link was used, is too old or was never made.
    #[error(
        "this link cannot be used (any more): it works once, for an hour, and only while nobody can sign in; as long as \
         that is so, each start of the service writes a new one to its log"
    )]
    NoLink,
}

/// Adds a user and gives the id.
///
/// # Errors
/// [`UserError`].
pub async fn add(
    store: &Store,
    passwords: &Passwords,
    name: &UserName,
    role: Role,
    password: &str,
) -> Result<i64, UserError> {
    check_password(name, password)?;
    let hash = passwords.hash(password).await?;
    store.add_user(name.as_str(), role, &hash).await?.ok_or_else(|| UserError::Taken(name.clone()))
}

/// Gives a user another role; they are signed out.
///
/// # Errors
/// [`UserError`].
pub async fn set_role(store: &Store, id: i64, role: Role) -> Result<(), UserError> {
    done(store.change_user(id, &[UserChange::Role(role)]).await?)
}

/// Gives a user another password; they are signed out.
///
/// # Errors
/// [`UserError`].
pub async fn set_password(store: &Store, passwords: &Passwords, id: i64, password: &str) -> Result<(), UserError> {
    change(store, passwords, id, None, Some(password)).await
}

/// Gives a user another role, another password or both, all of it or nothing; where anything is given, they are signed out.
///
/// # Errors
/// [`UserError`].
pub async fn change(
    store: &Store,
    passwords: &Passwords,
    id: i64,
    role: Option<Role>,
    password: Option<&str>,
) -> Result<(), UserError> {
    let user = store.user(id).await?.ok_or(UserError::Unknown)?;
    let mut changes: Vec<UserChange<'_>> = role.map(UserChange::Role).into_iter().collect();
    let hash;
    if let Some(password) = password {
        check_password(&UserName::parse(&user.name)?, password)?;
        hash = passwords.hash(password).await?;
        changes.push(UserChange::Password(&hash));
    }
    if changes.is_empty() { Ok(()) } else { done(store.change_user(id, &changes).await?) }
}

/// Removes a user; they are signed out.
///
/// # Errors
/// [`UserError`].
pub async fn remove(store: &Store, id: i64) -> Result<(), UserError> {
    done(store.change_user(id, &[UserChange::Removed]).await?)
}

/// Whether there is no user yet.
///
/// # Errors
/// The database's.
pub async fn nobody_can_sign_in(store: &Store) -> Result<bool, StoreError> {
    Ok(store.users().await?.is_empty())
}

/// Makes the one-time secret with which the first admin can be added, where there is no user yet.
///
/// # Errors
/// The database's.
pub async fn first_admin_link(store: &Store) -> Result<Option<String>, StoreError> {
    if !nobody_can_sign_in(store).await? {
        return Ok(None);
    }
    let secret = random_text();
    let life = i64::try_from(LINK_LIFE.as_millis()).unwrap_or(i64::MAX);
    store.set_first_admin_link(&format!("{} {}", hash(&secret), store.now().await?.saturating_add(life))).await?;
    Ok(Some(secret))
}

/// Whether the link with that secret can still be used.
///
/// # Errors
/// The database's.
pub async fn is_open_link(store: &Store, secret: &str) -> Result<bool, StoreError> {
    Ok(open_link(store, secret).await?.is_some())
}

/// As it is stored.
async fn open_link(store: &Store, secret: &str) -> Result<Option<String>, StoreError> {
    let Some(stored) = store.first_admin_link().await? else { return Ok(None) };
    let until = stored.strip_prefix(&format!("{} ", hash(secret))).and_then(|until| until.parse::<i64>().ok());
    let now = store.now().await?;
    Ok(until.is_some_and(|until| now < until).then_some(stored))
}

/// Adds the first admin and gives the id; uses up the secret of the link.
///
/// # Errors
/// [`UserError`].
pub async fn add_first_admin(
    store: &Store,
    passwords: &Passwords,
    secret: &str,
    name: &UserName,
    password: &str,
) -> Result<i64, UserError> {
    let stored = open_link(store, secret).await?.ok_or(UserError::NoLink)?;
    check_password(name, password)?;
    let password = passwords.hash(password).await?;
    store.add_first_admin(&stored, name.as_str(), &password).await?.ok_or(UserError::NoLink)
}

fn done(changed: UserChanged) -> Result<(), UserError> {
    match changed {
        UserChanged::Done => Ok(()),
        UserChanged::Unknown => Err(UserError::Unknown),
        UserChanged::LastAdmin => Err(UserError::LastAdmin),
    }
}
