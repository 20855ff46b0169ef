//! Whether there are rows that were adopted with a name in ERPNext and never read from there.
//!
//! Invariant: rarely asked, because telling that there is none means passing over the whole table: the answer is trusted
//! for a minute. What it can miss, a row that an application adds in this minute, identity still finds by its exact name.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Store, StoreError};

/// How long an answer is trusted.
const FRESH: Duration = Duration::from_secs(60);

/// The last answer.
#[derive(Debug, Default)]
pub struct Unread(Mutex<Option<(Instant, bool)>>);

impl Unread {
    /// Whether there are any.
    ///
    /// # Errors
    /// The database's.
    pub async fn any(&self, store: &Store) -> Result<bool, StoreError> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, any)) = known
            && at.elapsed() < FRESH
        {
            return Ok(any);
        }
        let any = store.has_unread().await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), any));
        Ok(any)
    }
}
