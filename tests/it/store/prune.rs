//! Old history is forgotten, and only that.

use std::time::Duration;

use customer_sync::domain::run::{RunCause, RunKind, RunState};

use super::{Case, on_each_database};

on_each_database! {
    old_changes_go_by_age_and_number
    old_runs_go_by_age_and_number_and_the_last_success_stays
}

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn old_changes_go_by_age_and_number(case: Case) {
    for number in 0..6 {
        case.create(&format!("Customer {number}")).await;
    }
    assert_eq!(case.store.prune_changes(DAY, 100).await.unwrap(), 0);
    let long_ago = match case.database.kind {
        crate::support::databases::Kind::Sqlite => "'2020-01-01T00:00:00.000Z'",
        _ => "'2020-01-01 00:00:00'",
    };
    case.execute(&format!("UPDATE customer_changes SET changed_at = {long_ago} WHERE seq <= 2")).await;
    assert_eq!(case.store.prune_changes(DAY, 100).await.unwrap(), 2);
    assert_eq!(case.store.prune_changes(DAY, 3).await.unwrap(), 1);
    let left = case.select(["MIN(seq)", "MAX(seq)"], "FROM customer_changes").await;
    assert_eq!(left, [[Some("4".to_owned()), Some("6".to_owned())]], "the newest stay");
    assert_eq!(case.count("FROM customers").await, 6);
}

async fn old_runs_go_by_age_and_number_and_the_last_success_stays(case: Case) {
    let store = &case.store;
    for state in [RunState::Succeeded, RunState::Partial, RunState::Failed] {
        let run = store.start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
        assert!(store.end_run(run, &[RunState::Running], state, None).await.unwrap());
    }
    let sweep = store.start_run(RunKind::Sweep, RunCause::Person).await.unwrap().run;
    assert!(store.end_run(sweep, &[RunState::Running], RunState::Held, None).await.unwrap());
    store.start_run(RunKind::Full, RunCause::Person).await.unwrap();
    for put in 0..5 {
        store.note_catch_up(Ok(put), Duration::from_secs(1)).await.unwrap();
    }
    assert_eq!(store.prune_runs(DAY, 100).await.unwrap(), 0);
    assert_eq!(store.prune_runs(DAY, 3).await.unwrap(), 3, "of each kind what is beyond three");
    case.execute("UPDATE sync_runs SET finished_at = finished_at - 172800000").await;
    store.prune_runs(DAY, 100).await.unwrap();
    let left = case.select(["kind", "state"], "FROM sync_runs ORDER BY id").await;
    let left: Vec<String> = left.into_iter().map(|row| row.map(Option::unwrap).join(" ")).collect();
    assert_eq!(left, ["full partial", "sweep held", "full running", "catch_up succeeded"]);
    assert_eq!(store.prune_runs(DAY, 100).await.unwrap(), 0);
}
