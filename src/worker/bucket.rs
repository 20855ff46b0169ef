//! A token bucket over reads of less than a full batch.
//!
//! Invariant: after a quiet time `burst` reads go at once, so that a lone webhook is never delayed; under steady load one
//! read goes per refill time, so that what trickles in is read in batches and ERPNext is spared.

use std::time::{Duration, Instant};

/// The bucket; time is given, so that it can be tested.
#[derive(Debug)]
pub(super) struct Bucket {
    burst: f64,
    refill: Duration,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(burst: u32, refill: Duration, now: Instant) -> Self {
        Self { burst: f64::from(burst), refill, tokens: f64::from(burst), at: now }
    }

    /// How long until a token is there; zero if one is.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        self.refill(now);
        if self.tokens >= 1.0 { Duration::ZERO } else { self.refill.mul_f64(1.0 - self.tokens) }
    }

    /// Takes one token, if one is there.
    pub(super) fn take(&mut self, now: Instant) {
        self.refill(now);
        self.tokens = (self.tokens - 1.0).max(0.0);
    }

    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at);
        self.at = now;
        let gained = if self.refill.is_zero() { self.burst } else { since.div_duration_f64(self.refill) };
        self.tokens = (self.tokens + gained).min(self.burst.max(1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_then_one_read_per_refill() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, Duration::from_secs(2), start);
        for _read in 0..3 {
            assert_eq!(bucket.wait(start), Duration::ZERO);
            bucket.take(start);
        }
        assert_eq!(bucket.wait(start), Duration::from_secs(2));
        let later = start + Duration::from_secs(1);
        assert_eq!(bucket.wait(later), Duration::from_secs(1));
        assert_eq!(bucket.wait(start + Duration::from_secs(2)), Duration::ZERO);
    }

    #[test]
    fn a_quiet_time_fills_it_no_further_than_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2, Duration::from_secs(1), start);
        let later = start + Duration::from_secs(3600);
        bucket.take(later);
        bucket.take(later);
        assert!(bucket.wait(later) > Duration::ZERO);
    }
}
