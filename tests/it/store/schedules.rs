//! What runs by itself: exactly one process takes what is due.

use std::time::Duration;

use customer_sync::store::{NewSchedule, ScheduleRow, Store};

use super::{Case, on_each_database};
use crate::support::app::wait_until;

on_each_database! {
    one_of_two_processes_takes_what_is_due
    a_turn_that_gives_no_sign_of_life_is_taken_over
    who_asks_during_a_turn_gets_another_one
    a_paused_schedule_is_not_taken
    a_changed_specification_begins_anew
    a_turn_put_off_by_a_wrong_clock_comes_by_its_schedule
    never_is_never_unless_somebody_asks
    a_turn_kept_by_a_wrong_clock_keeps_nobody_away
    a_turn_is_brought_forward_and_never_put_off
    the_last_success_is_remembered_over_failures
}

const LONG: Duration = Duration::from_secs(300);

async fn ensure(store: &Store, spec: &str, next_at: Option<i64>) {
    store.ensure_schedules(&[NewSchedule { name: "catch_up", spec: spec.to_owned(), next_at }]).await.unwrap();
}

async fn row(store: &Store) -> ScheduleRow {
    store.schedules().await.unwrap().into_iter().find(|row| row.name == "catch_up").unwrap()
}

async fn one_of_two_processes_takes_what_is_due(case: Case) {
    let (store, other) = (&case.store, case.another_store().await);
    ensure(store, "30s", Some(store.now().await.unwrap())).await;
    for round in 0..10 {
        assert_eq!(row(store).await.due_in(), Some(Duration::ZERO));
        let (ours, theirs) = tokio::join!(store.take_schedule("catch_up", LONG), other.take_schedule("catch_up", LONG));
        let turns: Vec<_> = [ours.unwrap(), theirs.unwrap()].into_iter().flatten().collect();
        assert_eq!(turns.len(), 1, "round {round}");
        let busy = row(store).await;
        assert!(busy.busy && busy.due_in().is_none() && busy.last_started_at.is_some());
        assert!(other.finish_schedule(&turns[0], Some(Duration::ZERO), round, Ok("done")).await.unwrap());
        let idle = row(store).await;
        assert_eq!((idle.busy, idle.idle, idle.last_result.as_deref()), (false, round, Some("done")));
    }
    let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
    assert!(store.finish_schedule(&turn, Some(LONG), 0, Ok("done")).await.unwrap());
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_none(), "not due");
    let due_in = row(store).await.due_in().unwrap();
    assert!(due_in <= LONG && due_in > LONG - Duration::from_secs(60), "{due_in:?}");
    assert!(store.take_schedule("unknown", LONG).await.unwrap().is_none());
}

async fn a_turn_put_off_by_a_wrong_clock_comes_by_its_schedule(case: Case) {
    let store = &case.store;
    let now = store.now().await.unwrap();
    ensure(store, "1h", Some(now + 1_000_000_000)).await;
    ensure(store, "1h", Some(now + 3_600_000)).await;
    assert_eq!(row(store).await.next_at, Some(now + 3_600_000));
    ensure(store, "1h", Some(now + 7_200_000)).await;
    assert_eq!(row(store).await.next_at, Some(now + 3_600_000), "a restart puts nothing off");
    ensure(store, "1h", None).await;
    assert_eq!(row(store).await.next_at, Some(now + 3_600_000));
}

async fn a_turn_that_gives_no_sign_of_life_is_taken_over(case: Case) {
    let store = &case.store;
    ensure(store, "30s", Some(store.now().await.unwrap())).await;
    let dead = store.take_schedule("catch_up", Duration::from_millis(300)).await.unwrap().unwrap();
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_none());
    assert!(store.keep_schedule(&dead, Duration::from_millis(1)).await.unwrap());
    wait_until("it is abandoned", async || row(store).await.abandoned).await;
    let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
    assert!(!store.keep_schedule(&dead, LONG).await.unwrap(), "it is somebody else's");
    assert!(!store.finish_schedule(&dead, None, 9, Ok("late")).await.unwrap());
    assert!(row(store).await.busy && store.keep_schedule(&turn, LONG).await.unwrap());
}

async fn who_asks_during_a_turn_gets_another_one(case: Case) {
    let store = &case.store;
    ensure(store, "30s", Some(store.now().await.unwrap())).await;
    let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
    assert!(store.due_now("catch_up").await.unwrap());
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_none(), "never two at once");
    store.finish_schedule(&turn, Some(LONG), 0, Ok("done")).await.unwrap();
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_some());
}

async fn a_paused_schedule_is_not_taken(case: Case) {
    let store = &case.store;
    ensure(store, "30s", Some(store.now().await.unwrap())).await;
    assert!(store.pause_schedule("catch_up").await.unwrap());
    assert!(store.pause_schedule("catch_up").await.unwrap(), "twice is once");
    assert!(!store.due_now("catch_up").await.unwrap());
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_none());
    ensure(store, "1min", Some(0)).await;
    assert!(row(store).await.paused, "a new interval does not end a pause");
    assert!(store.resume_schedule("catch_up").await.unwrap());
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_some());
    assert!(!store.pause_schedule("unknown").await.unwrap() && !store.resume_schedule("unknown").await.unwrap());
}

async fn a_changed_specification_begins_anew(case: Case) {
    let store = &case.store;
    let later = store.now().await.unwrap() + 60_000;
    ensure(store, "30s", Some(later)).await;
    ensure(store, "30s", Some(later + 1)).await;
    assert_eq!(row(store).await.next_at, Some(later), "a restart changes nothing");
    ensure(store, "1h", Some(later + 2)).await;
    assert_eq!((row(store).await.next_at, row(store).await.spec.as_str()), (Some(later + 2), "1h"));
}

async fn never_is_never_unless_somebody_asks(case: Case) {
    let store = &case.store;
    ensure(store, "off", None).await;
    assert_eq!(row(store).await.due_in(), None);
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_none());
    assert!(store.due_now("catch_up").await.unwrap());
    let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
    store.finish_schedule(&turn, None, 0, Ok("done")).await.unwrap();
    assert_eq!(row(store).await.next_at, None);
}

async fn a_turn_kept_by_a_wrong_clock_keeps_nobody_away(case: Case) {
    let store = &case.store;
    ensure(store, "30s", Some(store.now().await.unwrap())).await;
    let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_none());
    assert!(store.keep_schedule(&turn, LONG * 100).await.unwrap());
    assert_eq!(row(store).await.due_in(), Some(Duration::ZERO), "nobody asks for so long");
    assert!(store.take_schedule("catch_up", LONG).await.unwrap().is_some());
    assert!(!store.keep_schedule(&turn, LONG).await.unwrap());
}

async fn a_turn_is_brought_forward_and_never_put_off(case: Case) {
    let store = &case.store;
    let soon = Duration::from_secs(60);
    ensure(store, "1h", Some(store.now().await.unwrap() + 3_600_000)).await;
    assert!(store.bring_forward("catch_up", soon).await.unwrap());
    assert!(row(store).await.due_in().unwrap() <= soon);
    assert!(!store.bring_forward("catch_up", LONG).await.unwrap(), "that would be later");
    assert!(row(store).await.due_in().unwrap() <= soon);

    store.due_now("catch_up").await.unwrap();
    let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
    assert!(store.bring_forward("catch_up", soon).await.unwrap(), "during a turn");
    assert!(store.finish_schedule(&turn, Some(LONG), 0, Ok("done")).await.unwrap());
    assert!(row(store).await.due_in().unwrap() <= soon);

    ensure(store, "off", None).await;
    assert!(!store.bring_forward("catch_up", soon).await.unwrap(), "off is off");
    assert_eq!(row(store).await.next_at, None);
}

async fn the_last_success_is_remembered_over_failures(case: Case) {
    let store = &case.store;
    ensure(store, "30s", Some(store.now().await.unwrap())).await;
    let mut successes = Vec::new();
    for result in [Err("no answer"), Ok("done"), Err("no answer")] {
        let turn = store.take_schedule("catch_up", LONG).await.unwrap().unwrap();
        store.finish_schedule(&turn, Some(Duration::ZERO), 0, result).await.unwrap();
        let row = row(store).await;
        assert_eq!(
            row.last_result.as_deref(),
            Some(match result {
                Ok(text) | Err(text) => text,
            })
        );
        successes.push(row.succeeded_at);
    }
    assert_eq!(successes[0], None);
    assert!(successes[1].is_some() && successes[1] == successes[2], "{successes:?}");
}
