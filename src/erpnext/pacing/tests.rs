//! The pacing against a model of Frappe's rate limiter, and its rules one by one.
//!
//! Invariant of the model: it counts as Frappe does (per window by the server's clock, a request belongs to the window in
//! which the server began it), while the pacing only sees headers that arrive late and in any order.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn told(limit: Duration, remaining: Duration, reset_s: u64, used: Duration) -> Told {
    Told::Limited { limit, remaining, reset: Duration::from_secs(reset_s), used: Some(used) }
}

/// Sends one request at `now` that costs `used` and is answered at once.
fn ask(pacing: &mut Pacing, work: Work, now: Instant, answer: Told) -> Result<(), Refusal> {
    let reservation = pacing.admit(work, now)?;
    pacing.settle(reservation, answer, now, now);
    Ok(())
}

#[test]
fn without_a_limit_everything_goes() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    for _ in 0..1000 {
        ask(&mut pacing, Work::Bulk, now, Told::Unlimited).unwrap();
    }
    assert_eq!(pacing.budget(now), None);
}

#[test]
fn a_fifth_is_ours_and_the_next_window_is_a_new_one() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let (limit, used) = (Duration::from_secs(1), 50 * MS);
    let mut sent = 0_u32;
    let wait = loop {
        match ask(&mut pacing, Work::Interactive, now, told(limit, limit - used * sent, 60, used)) {
            Ok(()) => sent += 1,
            Err(Refusal::For(wait)) => break wait,
            Err(Refusal::Undecided) => panic!("nothing is on its way"),
        }
    };
    assert_eq!(sent, 4, "four times 50 ms are a fifth of a second");
    assert_eq!(wait, Duration::from_secs(60));
    assert_eq!(pacing.budget(now).unwrap().ours, 200 * MS);
    assert!(pacing.admit(Work::Interactive, now + wait).is_ok());
    assert_eq!(pacing.budget(now + wait).unwrap().ours, Duration::ZERO);
}

#[test]
fn requests_on_their_way_count_too() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let limit = Duration::from_secs(1);
    ask(&mut pacing, Work::Interactive, now, told(limit, limit, 60, 50 * MS)).unwrap();
    let on_their_way: Vec<Reservation> = (0..3).map(|_| pacing.admit(Work::Interactive, now).unwrap()).collect();
    assert!(pacing.admit(Work::Interactive, now).is_err());
    for reservation in on_their_way {
        pacing.settle(reservation, told(limit, limit, 60, MS), now, now);
    }
    assert!(pacing.admit(Work::Interactive, now).is_ok(), "they were cheaper than expected");
}

#[test]
fn the_first_request_of_a_window_goes_alone() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let limit = Duration::from_secs(100);
    ask(&mut pacing, Work::Interactive, now, told(limit, limit, 60, MS)).unwrap();
    let next = now + Duration::from_secs(60);
    let first = pacing.admit(Work::Interactive, next).unwrap();
    assert_eq!(pacing.admit(Work::Interactive, next).unwrap_err(), Refusal::Undecided);
    pacing.settle(first, told(limit, limit, 60, MS), next, next);
    assert!((0..5).all(|_| pacing.admit(Work::Interactive, next).is_ok()));
}

#[test]
fn bulk_work_leaves_half_of_the_budget_alone() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let limit = Duration::from_secs(100);
    ask(&mut pacing, Work::Bulk, now, told(limit, Duration::from_secs(49), 600, MS)).unwrap();
    assert_eq!(pacing.admit(Work::Bulk, now).unwrap_err(), Refusal::For(Duration::from_secs(600)));
    assert!(pacing.admit(Work::Interactive, now).is_ok());
}

#[test]
fn nothing_goes_when_nothing_remains() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let limit = Duration::from_secs(100);
    ask(&mut pacing, Work::Interactive, now, told(limit, Duration::ZERO, 600, Duration::ZERO)).unwrap();
    assert_eq!(pacing.admit(Work::Interactive, now).unwrap_err(), Refusal::For(Duration::from_secs(600)));
}

#[test]
fn a_budget_smaller_than_one_request_still_lets_one_go_per_window() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let (limit, used) = (Duration::from_secs(1), 900 * MS);
    for window in 0..5 {
        let start = now + Duration::from_secs(10) * window;
        ask(&mut pacing, Work::Interactive, start, told(limit, limit, 10, used)).unwrap();
        assert_eq!(pacing.admit(Work::Interactive, start).unwrap_err(), Refusal::For(Duration::from_secs(10)));
    }
}

#[test]
fn a_429_stops_everybody_until_its_time() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    pacing.hold(now + Duration::from_secs(7));
    pacing.hold(now + Duration::from_secs(3));
    assert_eq!(pacing.admit(Work::Interactive, now).unwrap_err(), Refusal::For(Duration::from_secs(7)));
    assert!(pacing.admit(Work::Interactive, now + Duration::from_secs(7)).is_ok());
}

#[test]
fn a_limit_that_is_switched_off_no_longer_binds() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    ask(&mut pacing, Work::Interactive, now, told(MS, MS, 600, Duration::ZERO)).unwrap();
    ask(&mut pacing, Work::Interactive, now, Told::Unlimited).unwrap();
    assert!(pacing.admit(Work::Bulk, now).is_ok());
}

#[test]
fn what_never_reached_erpnext_costs_nothing() {
    let now = Instant::now();
    let mut pacing = Pacing::default();
    let limit = Duration::from_secs(1);
    ask(&mut pacing, Work::Interactive, now, told(limit, limit, 600, MS)).unwrap();
    let later = now + Duration::from_secs(5);
    let reservation = pacing.admit(Work::Interactive, now).unwrap();
    pacing.settle(reservation, Told::Unreached, now, later);
    assert_eq!(pacing.budget(later).unwrap().ours, MS);
    let reservation = pacing.admit(Work::Interactive, later).unwrap();
    pacing.settle(reservation, Told::Nothing, later, later + 100 * MS);
    assert_eq!(pacing.budget(later).unwrap().ours, 101 * MS, "an answer without figures costs the time it took");
}

/// A request on its way in the model; ordered by the time its answer arrives. All times in microseconds.
type OnItsWay = Reverse<(u64, u64, u64, u64)>;

/// Runs attempts against the model and gives what we used of each of the server's windows.
fn simulate(limit: u64, window_s: u64, cost: u64, attempts: &[(u64, u64, u64)]) -> HashMap<u64, u64> {
    let zero = Instant::now();
    let at = |micros: u64| zero + Duration::from_micros(micros);
    let mut pacing = Pacing::default();
    let mut used: HashMap<u64, u64> = HashMap::new();
    let mut answers: BinaryHeap<OnItsWay> = BinaryHeap::new();
    let mut reservations: HashMap<u64, Reservation> = HashMap::new();
    // ERPNext always says that all of it remains, so that only our own bookkeeping can stop us.
    let answer = |begins: u64| {
        let limit = Duration::from_micros(limit);
        told(limit, limit, window_s - (begins / 1_000_000) % window_s, Duration::from_micros(cost))
    };
    let mut now = 0;
    for (number, (gap, there, back)) in attempts.iter().enumerate() {
        now += gap;
        while let Some(Reverse((arrives, id, sent, begins))) = answers.peek().copied() {
            if arrives > now && number > 1 {
                break;
            }
            // The very first answer is waited for: before it nobody can know that there is a limit.
            now = now.max(arrives);
            answers.pop();
            pacing.settle(reservations.remove(&id).unwrap(), answer(begins), at(sent), at(arrives));
        }
        if let Ok(reservation) = pacing.admit(Work::Interactive, at(now)) {
            let begins = now + there;
            *used.entry(begins / 1_000_000 / window_s).or_default() += cost;
            let id = number as u64;
            reservations.insert(id, reservation);
            answers.push(Reverse((begins + cost + back, id, now, begins)));
        }
    }
    used
}

proptest! {
    #[test]
    fn never_more_than_a_fifth_of_a_window(
        limit_ms in 100_u64..20_000,
        window_s in 3_u64..120,
        cost_ms in 1_u64..400,
        attempts in prop::collection::vec((0_u64..1_500_000, 0_u64..300_000, 0_u64..300_000), 1..400),
    ) {
        let (limit, cost) = (limit_ms * 1000, cost_ms * 1000);
        for (window, used) in simulate(limit, window_s, cost, &attempts) {
            prop_assert!(used <= (limit / 5).max(cost), "window {window}: {used} of {limit}");
        }
    }

    #[test]
    fn there_is_always_progress(limit_ms in 1_u64..20_000, window_s in 3_u64..60, cost_ms in 1_u64..900) {
        // One attempt each half second for ten windows.
        let attempts = vec![(500_000, 1_000, 1_000); usize::try_from(window_s).unwrap() * 20];
        let used = simulate(limit_ms * 1000, window_s, cost_ms * 1000, &attempts);
        prop_assert!(used.len() >= 9, "asked in {} of ten windows", used.len());
    }
}
