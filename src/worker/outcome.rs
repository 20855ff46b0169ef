//! How a failed job goes on: exponential back-off with full jitter, then dead, visible and revivable.
//!
//! Invariant: a wait that ERPNext asked for burns no attempt once it is long, so that a rate-limited day kills no job.

use std::time::Duration;

use crate::domain::job::{Claim, JobError, Outcome};
use crate::sync::SyncError;
use crate::sync::error::{Disposition, SplitEnd};

/// A wait asked for by ERPNext from which on no attempt is burned.
const LONG_WAIT: Duration = Duration::from_secs(60);

/// When to try again and when to give up.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts until a job is dead.
    pub attempts: u32,
    /// Upper bound of the first wait; doubles with every attempt.
    pub base: Duration,
    /// Upper bound of every wait.
    pub max: Duration,
}

impl RetryPolicy {
    /// What becomes of a job that failed like this. While ERPNext is down (the breaker is open) its silence burns no
    /// attempt: an outage of a night must not kill every job that waits for its end.
    #[must_use]
    pub fn outcome(&self, claim: &Claim, error: &SyncError, down: bool) -> Outcome {
        let job_error = JobError::new(error.label(), error.to_string());
        match error.disposition() {
            Disposition::Snooze(after) => Outcome::Retry { after, burn: false, error: job_error },
            Disposition::Retry(Some(after)) if after >= LONG_WAIT => {
                Outcome::Retry { after, burn: false, error: job_error }
            }
            Disposition::Permanent | Disposition::Split(SplitEnd::Dead) => Outcome::Dead(job_error),
            Disposition::Retry(asked) => self.again(claim, asked, down, job_error),
            Disposition::Split(SplitEnd::Attempt) => self.again(claim, None, down, job_error),
        }
    }

    /// Upper bound of the wait after so many failures before this one.
    #[must_use]
    pub fn longest_wait(&self, before: u32) -> Duration {
        let wait = 2_u32.checked_pow(before).and_then(|factor| self.base.checked_mul(factor));
        wait.map_or(self.max, |wait| wait.min(self.max))
    }

    fn again(&self, claim: &Claim, asked: Option<Duration>, down: bool, error: JobError) -> Outcome {
        if !down && claim.attempts + 1 >= i64::from(self.attempts) {
            return Outcome::Dead(error);
        }
        let bound = self.longest_wait(u32::try_from(claim.attempts).unwrap_or(u32::MAX));
        let after = bound.mul_f64(rand::random::<f64>()).max(asked.unwrap_or_default());
        Outcome::Retry { after, burn: !down, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::job::{Cause, DocKey, Lane};

    const POLICY: RetryPolicy = RetryPolicy { attempts: 3, base: Duration::from_secs(2), max: Duration::from_secs(10) };

    fn claim(attempts: i64) -> Claim {
        Claim {
            key: DocKey::customer("A"),
            lane: Lane::Fast,
            token: 1,
            generation: 1,
            attempts,
            cause: Cause::Webhook,
            delivery_id: None,
            absent: false,
            run: None,
            modified: None,
        }
    }

    #[test]
    fn waits_double_up_to_the_bound_and_end_dead() {
        for (attempts, bound) in [(0, 2), (1, 4)] {
            match POLICY.outcome(&claim(attempts), &SyncError::ListedDifferently, false) {
                Outcome::Retry { after, burn, .. } => {
                    assert!(burn && after <= Duration::from_secs(bound), "{attempts}: {after:?}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(POLICY.outcome(&claim(2), &SyncError::ListedDifferently, false), Outcome::Dead(_)));
    }

    #[test]
    fn while_erpnext_is_down_no_job_dies_of_it() {
        let waiting = POLICY.outcome(&claim(2), &SyncError::ListedDifferently, true);
        assert!(matches!(waiting, Outcome::Retry { burn: false, .. }), "{waiting:?}");
        let unmappable = POLICY.outcome(&claim(0), &SyncError::Unmappable("no name".into()), true);
        assert!(matches!(unmappable, Outcome::Dead(_)), "that has nothing to do with it");
    }

    #[test]
    fn a_pause_burns_nothing_and_an_unmappable_document_is_dead_at_once() {
        let paused = POLICY.outcome(&claim(2), &SyncError::Paused("key".into()), false);
        assert!(matches!(paused, Outcome::Retry { burn: false, .. }));
        let unmappable = POLICY.outcome(&claim(0), &SyncError::Unmappable("no name".into()), false);
        assert!(matches!(unmappable, Outcome::Dead(error) if error.label == "unmappable"));
    }
}
