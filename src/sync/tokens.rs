//! API tokens: made here, shown once, kept only as a hash.
//!
//! Invariant: the plain token is never stored or logged. A token has 256 random bits, so an unsalted SHA-256 is enough
//! (there is nothing to guess) and lets the database find it by its hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::role::Role;
use crate::store::{Store, StoreError};

/// Makes tokens recognisable, for people and for secret scanners.
const PREFIX: &str = "csync_";

/// Creates a token and returns its plain form, which nobody can read again.
///
/// # Errors
/// The database's.
pub async fn create(store: &Store, name: &str, role: Role) -> Result<String, StoreError> {
    let secret: [u8; 32] = rand::random();
    let plain = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    store.create_token(name, role.as_str(), &hash(&plain)).await?;
    Ok(plain)
}

/// The role of a plain token; `None` for an unknown one.
///
/// # Errors
/// The database's.
pub async fn role_of(store: &Store, plain: &str) -> Result<Option<Role>, StoreError> {
    if !plain.starts_with(PREFIX) {
        return Ok(None);
    }
    Ok(store.token(&hash(plain)).await?.and_then(|token| Role::parse(&token.role)))
}

fn hash(plain: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(plain.as_bytes()))
}
