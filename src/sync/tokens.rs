//! API tokens: made here, shown once, kept only as a hash; looked up, listed, revoked.
//!
//! Invariant: the plain token is never stored or logged. A token has 256 random bits, so an unsalted SHA-256 is enough
//! (there is nothing to guess) and lets the database find it by its hash.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::role::Role;
use crate::domain::visible::is_visible;
use crate::store::{Store, StoreError};

/// Makes tokens recognisable, for people and for secret scanners.
const PREFIX: &str = "csync_";

/// Characters of the longest name.
pub const LONGEST_NAME: usize = 100;

/// A token that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its id.
    pub id: i64,
    /// Its plain form, which nobody can read again.
    pub plain: String,
}

/// Who brought a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The token's id.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Creates a token that never expires and returns its plain form.
///
/// # Errors
/// The database's.
pub async fn create(store: &Store, name: &str, role: Role) -> Result<String, StoreError> {
    issue(store, name, role, None).await.map(|issued| issued.plain)
}

/// Creates a token that is refused after `lifetime`.
///
/// # Errors
/// The database's.
pub async fn issue(store: &Store, name: &str, role: Role, lifetime: Option<Duration>) -> Result<Issued, StoreError> {
    let plain = format!("{PREFIX}{}", random_text());
    let id = store.create_token(name, role.as_str(), &hash(&plain), lifetime).await?;
    Ok(Issued { id, plain })
}

/// Who holds that plain token; `None` for one that is unknown, expired or revoked. Notes the use, once a minute at most.
///
/// # Errors
/// The database's.
pub async fn holder(store: &Store, plain: &str) -> Result<Option<Holder>, StoreError> {
    if !plain.starts_with(PREFIX) {
        return Ok(None);
    }
    let Some(token) = store.token(&hash(plain)).await? else { return Ok(None) };
    let Some(role) = Role::parse(&token.role) else { return Ok(None) };
    if token.unnoticed
        && let Err(error) = store.token_used(token.id).await
    {
        // Whoever may read must be able to while nothing can be written.
        tracing::debug!(%error, token = token.id, "the use of a token could not be noted");
    }
    Ok(Some(Holder { id: token.id, name: token.name, role }))
}

/// Whether a token may have that name: something to read, on one line. It stands in histories as who changed a customer.
#[must_use]
pub fn is_name(name: &str) -> bool {
    is_visible(name) && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

/// 256 random bits as text.
pub(super) fn random_text() -> String {
    let secret: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(secret)
}

/// What is stored of a text of [`random_text`].
pub(super) fn hash(plain: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(plain.as_bytes()))
}
