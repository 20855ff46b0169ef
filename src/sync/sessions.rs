//! Signing in and out, and who is signed in.
//!
//! Invariant: a session id has 256 random bits and is new at every sign-in; only its hash is stored. A wrong password and an
//! unknown name cost the same time and give the same answer.

use super::passwords::{PasswordError, Passwords};
use super::tokens::{hash, random_text};
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::store::{ListedSession, SessionLife, Store, StoreError};

/// Sessions that a list shows.
const SHOWN: u32 = 100;

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The user's id.
    pub user: i64,
    /// The user's name.
    pub name: String,
    /// What the user may do.
    pub role: Role,
}

/// What asking for somebody's session means to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// It is in use, so it is not over for being idle.
    AsUse,
    /// It lives no longer for that.
    NotAsUse,
}

/// Why somebody could not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be found out.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The name, the password, or both.
    #[error("name and password do not belong together")]
    Wrong {
        /// The user whose password it was not, if there is one of that name; for the audit, never for the answer.
        user: Option<(i64, String)>,
    },
}

/// Signs in and gives the id of a new session. Sessions that are over, of whomever, are forgotten.
///
/// # Errors
/// [`SignInError`].
pub async fn sign_in(
    store: &Store,
    passwords: &Passwords,
    name: &str,
    password: &str,
    life: SessionLife,
) -> Result<(String, SignedIn), SignInError> {
    let found = match UserName::parse(name) {
        Ok(name) => store.credentials(name.as_str()).await?,
        Err(_) => None,
    };
    let right = passwords.check(password, found.as_ref().map(|user| user.password.as_str())).await?;
    let wrong = |user| Err(SignInError::Wrong { user });
    let Some(user) = found else { return wrong(None) };
    let id = random_text();
    let Some(role) = Role::parse(&user.role).filter(|_role| right) else { return wrong(Some((user.id, user.name))) };
    if !store.begin_session(&hash(&id), &user).await? {
        return wrong(Some((user.id, user.name)));
    }
    store.signed_in(user.id).await?;
    // Whoever comes clears away what others left behind.
    store.prune_sessions(life).await?;
    Ok((id, SignedIn { user: user.id, name: user.name, role }))
}

/// Who has that session; `None` where it is unknown or over.
///
/// # Errors
/// The database's.
pub async fn who(store: &Store, id: &str, life: SessionLife, counts: Counts) -> Result<Option<SignedIn>, StoreError> {
    let hash = hash(id);
    let Some(session) = store.session(&hash, life).await? else { return Ok(None) };
    let Some(role) = Role::parse(&session.role) else { return Ok(None) };
    if counts == Counts::AsUse
        && session.unnoticed
        && let Err(error) = store.session_seen(&hash).await
    {
        // Whoever may read must be able to while nothing can be written.
        tracing::debug!(%error, user = session.user, "the use of a session could not be noted");
    }
    Ok(Some(SignedIn { user: session.user, name: session.name, role }))
}

/// Ends a session.
///
/// # Errors
/// The database's.
pub async fn sign_out(store: &Store, id: &str) -> Result<(), StoreError> {
    store.end_session(&hash(id)).await
}

/// The living sessions of a user, or of everybody: those in use last, a hundred at most.
///
/// # Errors
/// The database's.
pub async fn open(store: &Store, user: Option<i64>, life: SessionLife) -> Result<Vec<ListedSession>, StoreError> {
    store.sessions(user, life, SHOWN).await
}

/// Ends the session of that hash if it is the user's; false where it is not, or there is none.
///
/// # Errors
/// The database's.
pub async fn end(store: &Store, user: i64, hash: &str) -> Result<bool, StoreError> {
    store.end_session_of(user, hash).await
}

/// Whether that session has that id.
#[must_use]
pub fn is_own(session: &ListedSession, id: &str) -> bool {
    session.hash == hash(id)
}

/// What a page must send with every change, to show that it could read an answer to this session. Nothing is stored for it,
/// and it does not give the session away.
#[must_use]
pub fn csrf_token(id: &str) -> String {
    hash(&format!("csrf {id}"))
}
