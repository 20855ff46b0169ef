//! One window of ERPNext's rate limit: what is left, what we used, and when it ends.
//!
//! Invariant: the true end always lies between `ends.0` and `ends.1`, because each answer tells the seconds left when
//! ERPNext began it, which was after we sent it and before the answer was here. So an answer can be told to belong to
//! this window, to an earlier or to a later one without knowing how long windows are. What may be used: `pacing`.

use std::time::{Duration, Instant};

/// ERPNext cuts the seconds that have passed, so `reset` may be up to this much too long.
const CUT: Duration = Duration::from_secs(1);

/// Which window an answer belongs to, compared with the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Earlier,
    Same,
    Later,
}

#[derive(Debug)]
pub(super) struct Window {
    limit: Duration,
    remaining: Duration,
    ours: Duration,
    /// It ends after the first and not after the second; `None` until an answer of this window tells.
    ends: Option<(Instant, Instant)>,
}

impl Window {
    /// The window of an answer that was asked for at `sent` and is here `now`.
    pub(super) fn new(limit: Duration, reset: Duration, sent: Instant, now: Instant) -> Self {
        Self { limit, remaining: limit, ours: Duration::ZERO, ends: Some(bounds(reset, sent, now)) }
    }

    /// Whether it has ended for certain.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.ends.is_some_and(|(_, latest)| now >= latest)
    }

    /// The next window begins; its end is not known yet.
    pub(super) fn start_again(&mut self) {
        self.remaining = self.limit;
        self.ours = Duration::ZERO;
        self.ends = None;
    }

    /// Places an answer, and narrows the end of this window where it belongs here.
    pub(super) fn place(&mut self, reset: Duration, sent: Instant, now: Instant) -> Place {
        let (earliest, latest) = bounds(reset, sent, now);
        match self.ends {
            // A straggler of the window before may land here; the first answer of this one then comes out as `Later`.
            None => {
                self.ends = Some((earliest, latest));
                Place::Same
            }
            Some((_, ours)) if earliest >= ours => Place::Later,
            Some((ours, _)) if latest <= ours => Place::Earlier,
            Some((from, to)) => {
                self.ends = Some((from.max(earliest), to.min(latest)));
                Place::Same
            }
        }
    }

    /// Takes what an answer of this window says. Answers overtake each other, so the least remaining one counts.
    pub(super) fn note(&mut self, limit: Duration, remaining: Duration) {
        self.limit = limit;
        self.remaining = self.remaining.min(remaining);
    }

    pub(super) fn charge(&mut self, used: Duration) {
        self.ours += used;
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn remaining(&self) -> Duration {
        self.remaining
    }

    pub(super) fn ours(&self) -> Duration {
        self.ours
    }

    /// Until it has ended for certain; `None` where its end is not known yet.
    pub(super) fn resets_in(&self, now: Instant) -> Option<Duration> {
        self.ends.map(|(_, latest)| latest.saturating_duration_since(now))
    }
}

fn bounds(reset: Duration, sent: Instant, now: Instant) -> (Instant, Instant) {
    (sent + reset.saturating_sub(CUT), now + reset)
}
