//! ERPNext's rate limit, and what our polling takes of it.
//!
//! Invariant: the limit is server time of the whole site per window, of which the client takes a fifth at most; it never
//! tells how long a window is, so what is judged is the rest of the present one.

use std::time::Duration;

use super::finding::Finding;
use crate::config::Schedule;
use crate::erpnext::Budget;
use crate::sync::schedule::{Task, Timetable};

/// Server time of an idle catch-up: three small lists (measured on ERPNext 15).
const IDLE_CATCH_UP: Duration = Duration::from_millis(55);
/// The client's share of a window (see `erpnext::pacing`).
const OUR_SHARE: u32 = 5;

/// What a person can do about a limit that is too small.
pub(super) const RAISE: &str = "raise rate_limit in the site's configuration (site_config.json, or the hosting's settings), or ask less often: \
     schedule.catch_up = \"10min\"";

/// What the limit of the last answers allows.
pub(super) fn look(schedule: &Schedule, budget: Option<Budget>) -> Vec<Finding> {
    let Some(Budget { limit, remaining, resets_in, .. }) = budget else {
        return vec![Finding::ok("rate_limit", "it limits no rate")];
    };
    let rest = resets_in.unwrap_or_default();
    let every = Timetable::new(schedule.clone()).next_in(Task::CatchUp, 0, 0, true);
    let polls = every.map_or(0, |every| rest.as_millis() / every.as_millis().max(1));
    let needed = IDLE_CATCH_UP * u32::try_from(polls).unwrap_or(u32::MAX).max(u32::from(every.is_some()));
    let share = limit / OUR_SHARE;
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let facts = format!(
        "it grants {} of server time per window to everybody, {} are left for {} s; catch-up alone needs {} until then, and \
         at most {} are ours",
        seconds(limit),
        seconds(remaining),
        rest.as_secs(),
        seconds(needed),
        seconds(share)
    );
    vec![if needed > share {
        Finding::warning("rate_limit_small", facts, RAISE)
    } else if remaining < limit / 2 {
        let to_do =
            "full runs and sweeps wait for the next window, so that people can work; look who else asks that much";
        Finding::warning("rate_limit_half_used", facts, to_do)
    } else {
        Finding::ok("rate_limit", facts)
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(limit_ms: u64, remaining_ms: u64, rest: u64) -> &'static str {
        let budget = Budget {
            limit: Duration::from_millis(limit_ms),
            remaining: Duration::from_millis(remaining_ms),
            ours: Duration::ZERO,
            resets_in: Some(Duration::from_secs(rest)),
        };
        look(&Schedule::default(), Some(budget))[0].code
    }

    #[test]
    fn a_limit_is_judged_by_what_polling_takes_of_our_share() {
        assert_eq!(look(&Schedule::default(), None)[0].code, "rate_limit");
        // A day with a catch-up every five minutes takes 16 s.
        assert_eq!(code(600_000, 590_000, 86_400), "rate_limit");
        assert_eq!(code(60_000, 59_000, 86_400), "rate_limit_small");
        assert_eq!(code(600_000, 200_000, 3_600), "rate_limit_half_used");
        // Even one catch-up is too much.
        assert_eq!(code(200, 190, 5), "rate_limit_small");
    }
}
