//! Asks ERPNext again where it does not answer, or says that it was asked too much.
//!
//! Invariant: what may pass is waited for, told, and given up after a few minutes without any answer; what cannot pass (a
//! refused key, a request that is wrong) is an error at once.

use std::time::{Duration, Instant};

use super::Event;
use crate::erpnext::Error;
use crate::sync::SyncError;
use crate::sync::error::{Disposition, SplitEnd};

/// The first and the longest wait before ERPNext is asked again, unless it says when.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How long no answer is borne.
const GIVE_UP: Duration = Duration::from_secs(5 * 60);

/// The patience of one comparison.
#[derive(Debug, Default)]
pub(super) struct Patience {
    troubled: Option<Instant>,
}

impl Patience {
    /// Asks until there is an answer.
    ///
    /// # Errors
    /// What cannot pass, or has not passed for too long.
    pub(super) async fn ask<T, A>(
        &mut self,
        question: impl Fn() -> A,
        tell: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<T, SyncError>
    where
        A: Future<Output = Result<T, SyncError>>,
    {
        let mut wait = BACK_OFF.0;
        loop {
            let error = match question().await {
                Ok(answer) => {
                    self.troubled = None;
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let pause = match error.disposition() {
                _ if is_refusal(&error) => return Err(error),
                Disposition::Permanent | Disposition::Split(SplitEnd::Dead) => return Err(error),
                Disposition::Snooze(after) => after,
                Disposition::Retry(asked) => asked.unwrap_or_default().max(wait),
                Disposition::Split(SplitEnd::Attempt) => wait,
            };
            if self.troubled.get_or_insert_with(Instant::now).elapsed() + pause > GIVE_UP {
                return Err(error);
            }
            tell(Event::Trouble(&error.to_string()));
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(BACK_OFF.1);
        }
    }
}

/// Whether the key, or its user's permission, is what stands in the way.
const fn is_refusal(error: &SyncError) -> bool {
    matches!(error, SyncError::Paused(_) | SyncError::Erpnext(Error::Forbidden { .. } | Error::Unauthorized { .. }))
}
