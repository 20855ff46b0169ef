//! A word by which a database of this service is known: whoever is reached under an address can so be told from another
//! installation (a staging system, say, that answers where production should).
//!
//! Invariant: it is made from the time at which the tables were made, so nothing is stored, all processes of one database
//! say the same, and it gives nothing away. A copy of a database has the word of the original.

use sha2::{Digest, Sha256};

use crate::store::{Store, StoreError};

/// Letters of the word; more than enough to tell a handful of installations apart.
const LENGTH: usize = 12;

/// The word of a database whose tables are up to date; empty before that.
///
/// # Errors
/// The database's.
pub async fn of(store: &Store) -> Result<String, StoreError> {
    let Some(at) = store.installed_at().await? else { return Ok(String::new()) };
    let digest = Sha256::digest(format!("customer-sync {at}"));
    let mut word: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    word.truncate(LENGTH);
    Ok(word)
}
