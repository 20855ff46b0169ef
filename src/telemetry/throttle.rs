//! Keeps a flood of equal events from flooding the log.
//!
//! Invariant: of any number of events at most one per period passes, and the next one that passes tells how many did
//! not, so that none is lost from the count. Metrics are never throttled.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one event per period pass. Made to stand in a `static` beside the log line that it guards.
///
/// ```
/// # use customer_sync::telemetry::Throttle; use std::time::Duration;
/// static UNSIGNED: Throttle = Throttle::new(Duration::from_secs(10));
/// if let Some(suppressed) = UNSIGNED.pass() {
///     tracing::warn!(suppressed, "webhook without a valid signature refused");
/// }
/// ```
#[derive(Debug)]
pub struct Throttle {
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    passed: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// One event per `period`.
    #[must_use]
    pub const fn new(period: Duration) -> Self {
        Self { period, state: Mutex::new(State { passed: None, suppressed: 0 }) }
    }

    /// `Some` if this event may be logged, with the number of events that were suppressed since the last one.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.passed.is_some_and(|passed| now.saturating_duration_since(passed) < self.period) {
            state.suppressed += 1;
            return None;
        }
        state.passed = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_period_passes_and_tells_of_the_others() {
        let throttle = Throttle::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| throttle.pass_at(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(0));
        assert_eq!((at(1), at(9)), (None, None));
        assert_eq!(at(10), Some(2));
        assert_eq!(at(19), None);
        assert_eq!(at(25), Some(1));
    }
}
