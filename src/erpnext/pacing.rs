//! Politeness: how much of ERPNext's rate limit the service may use. The limit is a budget of server seconds that the
//! whole site shares per window (up to a day on hosted sites): spending it locks the staff out.
//!
//! Invariant: what we used in a window, plus what is reserved for requests on their way, plus the next one, stays within a
//! fifth of the budget, and bulk work stops when under half of it remains. Only while nothing of ours is used or on its
//! way does one request go regardless, so that a tiny budget cannot stop us for good. Pure: the caller says what time it is.
//! Frappe sends `X-RateLimit-Limit`, `-Remaining` and `-Used` in microseconds, `-Reset` in whole seconds; none if unlimited.

use std::time::{Duration, Instant};

use super::refusal::Refusal;
use super::window::{Place, Window};

/// We may use one part in so many of a window.
const OUR_SHARE: u32 = 5;
/// What a request is expected to cost before any has been measured.
const FIRST_GUESS: Duration = Duration::from_millis(50);

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A hint or a person waits for it.
    Interactive,
    /// Nobody waits: stops while under half of ERPNext's budget remains, so that the rest is for people.
    Bulk,
}

/// ERPNext's rate limit as last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Server time per window, for the whole site.
    pub limit: Duration,
    /// What is left of it for everybody.
    pub remaining: Duration,
    /// What this process used of it.
    pub ours: Duration,
    /// Until the next window; `None` where its end is not known yet.
    pub resets_in: Option<Duration>,
}

impl Budget {
    /// What is left for everybody, from 0 to 1.
    #[must_use]
    pub fn left(&self) -> f64 {
        ratio(self.remaining, self.limit)
    }

    /// What is left of the share of it that we may use, from 0 to 1.
    #[must_use]
    pub fn share_left(&self) -> f64 {
        let share = self.limit / OUR_SHARE;
        ratio(share.saturating_sub(self.ours), share)
    }
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.div_duration_f64(whole).min(1.0) }
}

/// What one answer says about the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The headers were there.
    Limited {
        limit: Duration,
        /// Before this request.
        remaining: Duration,
        reset: Duration,
        /// By this request.
        used: Option<Duration>,
    },
    /// ERPNext answered and has no limit.
    Unlimited,
    /// It cannot be told: no answer, or not ERPNext's.
    Nothing,
    /// The request never got there, so it cost nothing.
    Unreached,
}

/// Share of the budget set aside for one request; comes back by [`Pacing::settle`].
#[derive(Debug)]
#[must_use]
pub(super) struct Reservation(Duration);

#[derive(Debug, Default)]
pub(super) struct Pacing {
    window: Option<Window>,
    reserved: Duration,
    on_their_way: u32,
    /// The dearest request of the last window and of this one.
    dearest: [Duration; 2],
    hold_until: Option<Instant>,
}

impl Pacing {
    /// Sets a share aside for one request, or says why not.
    pub(super) fn admit(&mut self, work: Work, now: Instant) -> Result<Reservation, Refusal> {
        if let Some(until) = self.hold_until {
            if now < until {
                return Err(Refusal::For(until - now));
            }
            self.hold_until = None;
        }
        let expected = self.expected();
        if let Some(window) = &mut self.window {
            if window.is_over(now) {
                window.start_again();
                self.dearest = [self.dearest[1], Duration::ZERO];
            }
            let alone = self.on_their_way == 0;
            match window.resets_in(now) {
                // The first request of a window goes alone and tells when it ends.
                None if !alone => return Err(Refusal::Undecided),
                Some(reset) if !fits(window, self.reserved, expected, work, alone) => return Err(Refusal::For(reset)),
                _ => {}
            }
        }
        self.reserved += expected;
        self.on_their_way += 1;
        Ok(Reservation(expected))
    }

    /// Takes the reservation back and charges what the request really used: ERPNext's figure, else the time it took.
    #[expect(clippy::needless_pass_by_value, reason = "moved in, so that it cannot be settled twice")]
    pub(super) fn settle(&mut self, reservation: Reservation, told: Told, sent: Instant, now: Instant) {
        self.reserved = self.reserved.saturating_sub(reservation.0);
        self.on_their_way = self.on_their_way.saturating_sub(1);
        let took = now.saturating_duration_since(sent);
        match told {
            Told::Unlimited => self.window = None,
            Told::Nothing => self.charge(took),
            Told::Unreached => {}
            Told::Limited { limit, remaining, reset, used } => {
                let used = used.unwrap_or(took);
                let place = self.window.as_mut().map_or(Place::Later, |window| window.place(reset, sent, now));
                if place == Place::Later {
                    self.dearest = [self.dearest[1], Duration::ZERO];
                    self.window = Some(Window::new(limit, reset, sent, now));
                }
                if let Some(window) = self.window.as_mut().filter(|_| place != Place::Earlier) {
                    window.note(limit, remaining.saturating_sub(used));
                }
                // Also where it belongs to an earlier window: rather too much than too little.
                self.charge(used);
            }
        }
    }

    /// No request at all until then: ERPNext said so (429).
    pub(super) fn hold(&mut self, until: Instant) {
        self.hold_until = Some(self.hold_until.map_or(until, |held| held.max(until)));
    }

    /// The limit as last seen; `None` where ERPNext has none, or has not answered yet.
    pub(super) fn budget(&self, now: Instant) -> Option<Budget> {
        self.window.as_ref().map(|window| Budget {
            limit: window.limit(),
            remaining: window.remaining(),
            ours: window.ours(),
            resets_in: window.resets_in(now),
        })
    }

    fn expected(&self) -> Duration {
        match self.dearest[0].max(self.dearest[1]) {
            Duration::ZERO => FIRST_GUESS,
            dearest => dearest,
        }
    }

    fn charge(&mut self, used: Duration) {
        self.dearest[1] = self.dearest[1].max(used);
        if let Some(window) = &mut self.window {
            window.charge(used);
        }
    }
}

fn fits(window: &Window, reserved: Duration, expected: Duration, work: Work, alone: bool) -> bool {
    if window.remaining() <= reserved || (work == Work::Bulk && window.remaining() - reserved < window.limit() / 2) {
        return false;
    }
    (alone && window.ours().is_zero()) || window.ours() + reserved + expected <= window.limit() / OUR_SHARE
}

#[cfg(test)]
mod tests;
