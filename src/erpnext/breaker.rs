//! The circuit breaker: after failures in a row nobody asks an ERPNext that is not there, until one probe gets through.
//!
//! Invariant: while it is half open exactly one request is on its way. Pure: the caller says what time it is.
//! Only silence and broken connections count as failures; an error that ERPNext explains is a sign of life.

use std::time::{Duration, Instant};

use super::refusal::Refusal;

/// As shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests go through.
    Closed,
    /// No request goes through for so long.
    Open {
        /// Until a probe may go.
        retry_after: Duration,
    },
    /// The next request, or the one on its way, decides.
    HalfOpen,
}

/// Permission for one request; comes back by [`Breaker::succeed`], [`Breaker::fail`] or [`Breaker::abandon`].
#[derive(Debug)]
pub(super) struct Pass {
    probe: bool,
}

#[derive(Debug)]
pub(super) struct Breaker {
    threshold: u32,
    pause: Duration,
    failures: u32,
    /// Set while open; a probe may go when it has passed.
    open_until: Option<Instant>,
    probing: bool,
}

impl Breaker {
    /// Opens after `threshold` (at least 1) failures in a row, for `pause`.
    pub(super) fn new(threshold: u32, pause: Duration) -> Self {
        Self { threshold: threshold.max(1), pause, failures: 0, open_until: None, probing: false }
    }

    /// Lets a request through, or says why not.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Pass, Refusal> {
        match self.open_until {
            None => Ok(Pass { probe: false }),
            Some(until) if now < until => Err(Refusal::For(until - now)),
            Some(_) if self.probing => Err(Refusal::Undecided),
            Some(_) => {
                self.probing = true;
                Ok(Pass { probe: true })
            }
        }
    }

    /// An answer came: closed, whoever got it. True if it was open before.
    pub(super) fn succeed(&mut self) -> bool {
        let was_open = self.open_until.is_some();
        self.failures = 0;
        self.open_until = None;
        self.probing = false;
        was_open
    }

    /// No answer came. True if this opened it (not if it was a probe, or open already).
    pub(super) fn fail(&mut self, pass: &Pass, now: Instant) -> bool {
        if pass.probe && self.probing {
            self.probing = false;
            self.open_until = Some(now + self.pause);
            return false;
        }
        if self.open_until.is_some() {
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures >= self.threshold;
        if opens {
            self.open_until = Some(now + self.pause);
        }
        opens
    }

    /// The request was given up by its caller and proves nothing.
    pub(super) fn abandon(&mut self, pass: &Pass) {
        if pass.probe {
            self.probing = false;
        }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open { retry_after: until - now },
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(2, PAUSE);
        for _ in 0..2 {
            let pass = breaker.admit(now).unwrap();
            breaker.fail(&pass, now);
        }
        breaker
    }

    #[test]
    fn opens_only_after_failures_in_a_row() {
        let now = Instant::now();
        let mut breaker = Breaker::new(2, PAUSE);
        let pass = breaker.admit(now).unwrap();
        assert!(!breaker.fail(&pass, now));
        assert!(!breaker.succeed());
        assert!(!breaker.fail(&pass, now), "the success between them starts the count again");
        assert!(breaker.fail(&pass, now));
        assert_eq!(breaker.admit(now).unwrap_err(), Refusal::For(PAUSE));
        assert_eq!(breaker.state(now + PAUSE / 2), BreakerState::Open { retry_after: PAUSE / 2 });
    }

    #[test]
    fn one_probe_goes_and_closes_it() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + PAUSE;
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        let probe = breaker.admit(later).unwrap();
        assert!(probe.probe);
        assert_eq!(breaker.admit(later).unwrap_err(), Refusal::Undecided);
        assert!(breaker.succeed());
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn a_failed_probe_opens_it_again() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + PAUSE;
        let probe = breaker.admit(later).unwrap();
        breaker.fail(&probe, later);
        assert_eq!(breaker.admit(later).unwrap_err(), Refusal::For(PAUSE));
        assert!(breaker.admit(later + PAUSE).is_ok());
    }

    #[test]
    fn an_abandoned_probe_makes_room_for_the_next() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let probe = breaker.admit(start + PAUSE).unwrap();
        breaker.abandon(&probe);
        assert!(breaker.admit(start + PAUSE).is_ok());
    }

    #[test]
    fn a_late_failure_from_before_does_not_count_as_the_probe() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let old = Pass { probe: false };
        let _probe = breaker.admit(start + PAUSE).unwrap();
        assert!(!breaker.fail(&old, start + PAUSE));
        assert_eq!(breaker.state(start + PAUSE), BreakerState::HalfOpen, "the probe still decides");
    }
}
