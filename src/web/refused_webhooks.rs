//! Webhooks that this process turned away at the door: the overview tells of them, because nothing of them is stored.
//!
//! Invariant: only the last reason and its time are kept. Anybody can send something without a signature, so it costs
//! nothing, and what is said of it is ours.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Store, StoreError};

/// How long one is told of.
const LATELY: Duration = Duration::from_hours(24);

/// The last one, if there was any.
#[derive(Debug, Default)]
pub(super) struct RefusedWebhooks(Mutex<Option<Refused>>);

#[derive(Debug, Clone, Copy)]
struct Refused {
    at: Instant,
    reason: &'static str,
}

impl RefusedWebhooks {
    /// One was turned away, for that reason.
    pub(super) fn note(&self, reason: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Refused { at: Instant::now(), reason });
    }

    /// Why the last one was, unless nobody needs to know any more.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn told(&self, store: &Store) -> Result<Option<&'static str>, StoreError> {
        let now = store.now().await?;
        let ago = |at: i64| Duration::from_millis(u64::try_from(now.saturating_sub(at)).unwrap_or_default());
        Ok(self.reason(store.last_delivery().await?.map(ago)))
    }

    /// Why the last one was, unless that is long ago or one was accepted since: `accepted` is how long ago that was.
    fn reason(&self, accepted: Option<Duration>) -> Option<&'static str> {
        let refused = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let age = refused.at.elapsed();
        let is_last = accepted.is_none_or(|accepted| accepted > age);
        (is_last && age < LATELY).then_some(refused.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_told_until_another_is_accepted() {
        let refused = RefusedWebhooks::default();
        assert_eq!(refused.reason(None), None);
        refused.note("no signature");
        refused.note("a wrong signature");
        assert_eq!(refused.reason(None), Some("a wrong signature"));
        assert_eq!(refused.reason(Some(LATELY)), Some("a wrong signature"));
        assert_eq!(refused.reason(Some(Duration::ZERO)), None);
    }
}
