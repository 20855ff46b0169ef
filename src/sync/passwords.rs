//! Hashing and checking passwords: Argon2id with the parameters that OWASP recommends.
//!
//! Invariant: a check costs the same whether the user exists or not; never more than a few run at once (each takes 19 MiB
//! and about 20 ms of a processor), and none on a thread that serves requests. A waiting one gives up after a while.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::user::password_bytes;

/// Hashes that run at once.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is checked where there is no such user: made like every other hash, of a password that nobody knows.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y3VzdG9tZXItc3luYyEh$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many others wait.
    #[error("too many people sign in at once; try again in a moment")]
    Crowded,
    /// Longer than any password.
    #[error("the password is too long")]
    TooLong,
    /// A defect.
    #[error("passwords cannot be hashed: {0}")]
    Broken(String),
}

/// The turns of all hashes of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// The hash of a password as a PHC text, with a salt of its own.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let bytes = password_bytes(password).ok_or(PasswordError::TooLong)?;
        self.in_turn(move || {
            let hash: Result<PasswordHash, _> = hasher().hash_password(&bytes);
            hash.map(|hash| hash.to_string()).map_err(broken)
        })
        .await?
    }

    /// Whether that is the password whose hash was stored; `None` stands for a user that is not there.
    ///
    /// # Errors
    /// [`PasswordError`]; a stored hash that cannot be read is [`PasswordError::Broken`].
    pub async fn check(&self, password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
        // What is too long is nobody's; it takes the time of the others all the same.
        let bytes = password_bytes(password);
        let exists = stored.is_some() && bytes.is_some();
        let stored = stored.unwrap_or(NOBODY).to_owned();
        let bytes = bytes.unwrap_or_default();
        let matches = self
            .in_turn(move || {
                let stored = PasswordHash::new(&stored).map_err(broken)?;
                Ok(hasher().verify_password(&bytes, &stored).is_ok())
            })
            .await??;
        Ok(matches && exists)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn: OwnedSemaphorePermit = turn.map_err(|_elapsed| PasswordError::Crowded)?.map_err(broken)?;
        // The turn goes with the work: whoever stops waiting for it does not make room for more.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(broken)
    }
}

/// Argon2id, 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn broken(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_passes_and_each_hash_is_its_own() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse").await.expect("a hash"), "each has its own salt");
        assert!(passwords.check("correct horse", Some(&hash)).await.expect("a check"));
        assert!(!passwords.check("correct hors", Some(&hash)).await.expect("a check"));
        assert!(!passwords.check("", Some(&hash)).await.expect("a check"));
        assert!(passwords.check("correct horse", Some("nonsense")).await.is_err());
    }

    #[tokio::test]
    async fn nobody_costs_what_everybody_costs() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().map(str::to_owned);
        let passwords = Passwords::default();
        assert_eq!(parameters(NOBODY), parameters(&passwords.hash("correct horse").await.expect("a hash")));
        assert!(!passwords.check("correct horse", None).await.expect("it is read like every other one"));
        assert!(!passwords.check(&"x".repeat(2_000), Some(NOBODY)).await.expect("a check"));
    }
}
