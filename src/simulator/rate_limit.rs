//! Frappe's rate limit: a budget of server time for the whole site per window, not a number of requests.
//!
//! Invariant: a request is refused only once the budget is overdrawn; what it costs is added after it was answered,
//! so one heavy list can spend the rest of a window. The headers count in microseconds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// A site's rate limit, as `rate_limit` in its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Server time that all requests of a window may use together.
    pub budget: Duration,
    /// Length of a window.
    pub window: Duration,
}

/// How long ERPNext works on a request. The default is what was measured on a real site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// For any request.
    pub per_call: Duration,
    /// For each row answered.
    pub per_row: Duration,
    /// Requests that are worked on at the same time (gunicorn's processes).
    pub processes: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { per_call: Duration::from_millis(12), per_row: Duration::from_micros(40), processes: 2 }
    }
}

impl Pace {
    /// Server time of a request that answers so many rows.
    #[must_use]
    pub fn cost(&self, rows: usize) -> Duration {
        self.per_call + self.per_row.saturating_mul(u32::try_from(rows).unwrap_or(u32::MAX))
    }
}

/// The state of the present window, as the headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) limit_microseconds: u128,
    pub(super) remaining_microseconds: u128,
    pub(super) reset_seconds: i64,
    pub(super) exceeded: bool,
}

#[derive(Debug, Default)]
struct Window {
    limit: Option<RateLimit>,
    number: i64,
    spent: Duration,
}

/// What was spent in the present window.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Window>);

impl Meter {
    pub(super) fn set(&self, limit: Option<RateLimit>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Window { limit, ..Window::default() };
    }

    /// The budget at an instant; `None` where there is no limit.
    pub(super) fn budget(&self, now: Timestamp) -> Option<Budget> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = window.limit?;
        let length = i64::try_from(limit.window.as_secs()).unwrap_or(i64::MAX).max(1);
        let number = now.as_second().div_euclid(length);
        if number != window.number {
            window.number = number;
            window.spent = Duration::ZERO;
        }
        Some(Budget {
            limit_microseconds: limit.budget.as_micros(),
            remaining_microseconds: limit.budget.saturating_sub(window.spent).as_micros(),
            reset_seconds: length - now.as_second().rem_euclid(length),
            exceeded: window.spent > limit.budget,
        })
    }

    pub(super) fn spend(&self, cost: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spent += cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_server_time_and_comes_back_with_the_next_window() {
        let meter = Meter::default();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(meter.budget(at(0)), None);
        meter.set(Some(RateLimit { budget: Duration::from_millis(30), window: Duration::from_secs(60) }));
        assert_eq!(meter.budget(at(0)).unwrap().remaining_microseconds, 30_000);
        meter.spend(Pace::default().cost(1_000));
        let overdrawn = meter.budget(at(10)).unwrap();
        assert!(overdrawn.exceeded);
        assert_eq!((overdrawn.remaining_microseconds, overdrawn.reset_seconds), (0, 50));
        assert!(!meter.budget(at(60)).unwrap().exceeded);
    }
}
