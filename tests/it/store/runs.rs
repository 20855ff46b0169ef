//! Runs: start, lead, progress, counting, end, cancel.
//!
//! Invariant: at most one of each kind runs; what a lost lead writes, counts or puts is nothing at all.

use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Outcome, Put};
use customer_sync::domain::plan::Applied;
use customer_sync::domain::run::{Counts, RunCause, RunId, RunKind, RunState};
use customer_sync::store::{Lead, RunFilter, RunRow};

use super::make::{CREATION, LEASE, ending, error, put, record, unit, upsert};
use super::{Case, on_each_database};

on_each_database! {
    a_second_start_joins_the_running_one
    two_who_start_at_once_get_the_same_run
    a_run_is_conducted_by_one_until_its_lease_ends
    a_page_is_put_and_counted_together_or_not_at_all
    each_job_is_counted_once_however_it_ends
    a_run_ends_once
    cancelling_takes_back_only_what_nobody_else_wants
    a_cancel_that_was_cut_off_is_finished_later
    a_run_that_is_over_counts_no_job_that_it_left_behind
    a_lease_from_a_wrong_clock_keeps_nobody_away
    a_name_that_cannot_be_stored_leaves_the_run_where_it_was
    runs_are_listed_the_newest_first
}

impl Case {
    /// A running full run with a lead.
    pub(super) async fn full_run(&self) -> Lead {
        let started = self.store.start_run(RunKind::Full, RunCause::Person).await.unwrap();
        assert!(!started.joined);
        let (row, lead) = self.store.take_run(LEASE).await.unwrap().expect("nobody conducts it");
        assert_eq!((row.id, lead.run), (started.run, started.run));
        lead
    }

    pub(super) async fn run(&self, run: RunId) -> RunRow {
        self.store.run(run).await.unwrap().expect("it is there")
    }

    pub(super) async fn put_page(&self, lead: &Lead, names: &[&str], listed_all: bool) -> bool {
        let puts: Vec<Put> = names.iter().map(|name| of_run(lead.run, name)).collect();
        let last = names.last().copied().unwrap_or_default();
        let listed = i64::try_from(names.len()).unwrap();
        self.store.put_for_run(lead, LEASE, &puts, last, listed, listed_all).await.unwrap()
    }
}

fn of_run(run: RunId, name: &str) -> Put {
    Put { run: Some(run), ..Put::new(DocKey::customer(name), Lane::Bulk, Cause::Full) }
}

async fn a_second_start_joins_the_running_one(case: Case) {
    let first = case.store.start_run(RunKind::Full, RunCause::First).await.unwrap();
    let second = case.store.start_run(RunKind::Full, RunCause::Person).await.unwrap();
    assert_eq!((second.run, second.joined), (first.run, true));
    let sweep = case.store.start_run(RunKind::Sweep, RunCause::Schedule).await.unwrap();
    assert!(!sweep.joined && sweep.run != first.run, "another kind runs beside it");
    let row = case.run(first.run).await;
    assert_eq!((row.kind, row.state, row.cause), (RunKind::Full, RunState::Running, RunCause::First));
    assert_eq!((row.counts, row.total, row.left, row.finished_at), (Counts::default(), None, 0, None));
    assert!(case.store.end_run(first.run, &[RunState::Running], RunState::Succeeded, None).await.unwrap());
    assert!(!case.store.start_run(RunKind::Full, RunCause::Person).await.unwrap().joined);
}

async fn two_who_start_at_once_get_the_same_run(case: Case) {
    let other = case.another_store().await;
    for _ in 0..10 {
        let (mine, theirs) = tokio::join!(
            case.store.start_run(RunKind::Full, RunCause::First),
            other.start_run(RunKind::Full, RunCause::First)
        );
        let (mine, theirs) = (mine.unwrap(), theirs.unwrap());
        assert_eq!(mine.run, theirs.run);
        assert!(mine.joined != theirs.joined);
        assert!(case.store.end_run(mine.run, &[RunState::Running], RunState::Failed, Some("x")).await.unwrap());
    }
}

async fn a_run_is_conducted_by_one_until_its_lease_ends(case: Case) {
    assert!(case.store.take_run(LEASE).await.unwrap().is_none(), "there is none");
    let run = case.store.start_run(RunKind::Sweep, RunCause::Person).await.unwrap().run;
    let (_, lost) = case.store.take_run(Duration::ZERO).await.unwrap().unwrap();
    let (_, lead) = case.store.take_run(LEASE).await.unwrap().expect("the first lease has ended");
    assert!(case.store.take_run(LEASE).await.unwrap().is_none(), "it is conducted");
    assert!(!case.store.keep_run(&lost, LEASE).await.unwrap());
    assert!(!case.store.set_total(&lost, 7).await.unwrap());
    assert!(!case.store.note_pause(&lost, Some("x")).await.unwrap());
    case.store.release_run(&lost).await.unwrap();
    assert!(case.store.keep_run(&lead, LEASE).await.unwrap());
    assert!(case.store.keep_run(&lead, LEASE).await.unwrap(), "also where nothing changes");
    assert!(case.store.set_total(&lead, 7).await.unwrap());
    assert!(case.store.note_pause(&lead, Some("ERPNext is away")).await.unwrap());
    let row = case.run(run).await;
    assert_eq!((row.total, row.paused.as_deref()), (Some(7), Some("ERPNext is away")));
    assert!(case.store.note_pause(&lead, None).await.unwrap());
    assert_eq!(case.run(run).await.paused, None);
    case.store.release_run(&lead).await.unwrap();
    assert!(!case.store.keep_run(&lead, LEASE).await.unwrap());
    assert!(case.store.take_run(LEASE).await.unwrap().is_some());
}

async fn a_page_is_put_and_counted_together_or_not_at_all(case: Case) {
    let lost = case.full_run().await;
    case.store.release_run(&lost).await.unwrap();
    let (_, lead) = case.store.take_run(LEASE).await.unwrap().unwrap();
    assert!(!case.put_page(&lost, &["A", "B"], false).await);
    assert_eq!(case.run(lead.run).await.put, 0);
    assert_eq!(case.store.queue().await.unwrap().due_bulk, 0);

    assert!(case.put_page(&lead, &["A", "B"], false).await);
    let row = case.run(lead.run).await;
    assert_eq!((row.put, row.listed, row.left, row.listed_all), (2, 2, 2, false));
    assert_eq!(row.position.as_deref(), Some("B"));
    assert!(case.put_page(&lead, &["C"], true).await);
    let row = case.run(lead.run).await;
    assert_eq!((row.put, row.listed, row.left, row.listed_all), (3, 3, 3, true));

    assert!(case.store.end_run(lead.run, &[RunState::Running], RunState::Failed, None).await.unwrap());
    assert!(!case.put_page(&lead, &["D"], false).await, "the run is over");
    assert!(case.store.job(&DocKey::customer("D")).await.unwrap().is_none());
}

async fn each_job_is_counted_once_however_it_ends(case: Case) {
    let lead = case.full_run().await;
    let names = ["again", "dead", "done", "forbidden", "new", "retry", "skipped"];
    assert!(case.put_page(&lead, &names, true).await);
    for claim in case.claims().await {
        let name = claim.key.name.clone();
        let retry = |burn| Outcome::Retry { after: Duration::ZERO, burn, error: error("x") };
        let unit = match name.as_str() {
            "again" => ending(claim, Outcome::Again),
            "dead" => ending(claim, Outcome::Dead(error("x"))),
            "forbidden" => ending(claim, Outcome::NotPermitted),
            "new" => unit(claim, vec![upsert(None, record("new"), CREATION)]),
            "retry" => ending(claim, retry(true)),
            "skipped" => ending(claim, Outcome::Skipped),
            _ => ending(claim, Outcome::Done),
        };
        assert!(matches!(case.apply(unit).await, Applied::Written(_)), "{name}");
    }
    let row = case.run(lead.run).await;
    let expected = Counts { created: 1, unchanged: 1, not_permitted: 1, skipped: 1, failed: 1, ..Counts::default() };
    assert_eq!((row.counts, row.left), (expected, 2), "again and retry are still waited for");
    // A webhook revives the dead one: it is the run's no more.
    case.store.put(&[put("dead")]).await.unwrap();
    for claim in case.claims().await {
        case.apply(ending(claim, Outcome::Done)).await;
    }
    let row = case.run(lead.run).await;
    assert_eq!((row.counts, row.left), (Counts { unchanged: 3, ..expected }, 0));
    assert_eq!(row.counts.processed(), row.put);
}

async fn a_run_ends_once(case: Case) {
    let lead = case.full_run().await;
    assert!(!case.store.end_run(lead.run, &[RunState::Held], RunState::Discarded, None).await.unwrap());
    let from = [RunState::Held, RunState::Running];
    assert!(case.store.end_run(lead.run, &from, RunState::Held, Some("asks")).await.unwrap());
    let row = case.run(lead.run).await;
    assert_eq!((row.state, row.message.as_deref(), row.finished_at), (RunState::Held, Some("asks"), None));
    assert!(!case.store.keep_run(&lead, LEASE).await.unwrap(), "its conductor has nothing to do any more");
    assert!(case.store.end_run(lead.run, &from, RunState::Discarded, None).await.unwrap());
    assert!(!case.store.end_run(lead.run, &from, RunState::Succeeded, None).await.unwrap());
    let row = case.run(lead.run).await;
    assert_eq!((row.state, row.message), (RunState::Discarded, None));
    let finished = row.finished_at.expect("it is over");
    assert!(finished >= row.started_at && finished.ends_with('Z') && finished.len() == 24, "{finished}");
    assert!(!case.store.cancel_run(lead.run).await.unwrap());
    assert!(!case.store.cancel_run(999_999).await.unwrap());
}

async fn cancelling_takes_back_only_what_nobody_else_wants(case: Case) {
    let lead = case.full_run().await;
    let many: Vec<String> = (0..2_300).map(|number| format!("N{number:04}")).collect();
    let names: Vec<&str> = ["held", "polled", "webhook"].into_iter().chain(many.iter().map(String::as_str)).collect();
    assert!(case.put_page(&lead, &["held"], false).await);
    let held = case.store.claim(10, 10, LEASE).await.unwrap();
    let held = held.into_iter().find(|claim| claim.key.name == "held").expect("it is due");
    let polled =
        Put { modified: Some("2026-01-01".into()), ..Put::new(DocKey::customer("polled"), Lane::Bulk, Cause::CatchUp) };
    case.store.put(&[polled]).await.unwrap();
    assert!(case.put_page(&lead, &names[1..], true).await);
    case.store.put(&[put("webhook")]).await.unwrap();

    assert!(case.store.cancel_run(lead.run).await.unwrap());
    let row = case.run(lead.run).await;
    assert_eq!((row.state, row.left), (RunState::Cancelled, 0));
    assert!(!case.put_page(&lead, &["late"], true).await);
    for (name, stays) in [("held", true), ("polled", true), ("webhook", true), ("N0000", false), ("N2299", false)] {
        assert_eq!(case.store.job(&DocKey::customer(name)).await.unwrap().is_some(), stays, "{name}");
    }
    assert_eq!(case.count("FROM sync_jobs").await, 3);
    assert!(matches!(case.apply(ending(held, Outcome::Done)).await, Applied::Written(_)), "its worker goes on");
}

async fn a_cancel_that_was_cut_off_is_finished_later(case: Case) {
    let lead = case.full_run().await;
    assert!(case.put_page(&lead, &["A", "B"], false).await);
    assert!(case.store.end_run(lead.run, &[RunState::Running], RunState::Cancelled, None).await.unwrap());
    assert_eq!(case.run(lead.run).await.left, 2);
    case.store.clear_ended().await.unwrap();
    assert_eq!(case.run(lead.run).await.left, 0);
    assert_eq!(case.count("FROM sync_jobs").await, 0);
    case.store.clear_ended().await.unwrap();
}

async fn a_run_that_is_over_counts_no_job_that_it_left_behind(case: Case) {
    let lead = case.full_run().await;
    assert!(case.put_page(&lead, &["A", "B"], false).await);
    let mut claims = case.claims().await;
    assert!(case.store.finish_run(&lead, RunState::Failed, Some("x")).await.unwrap());
    case.apply(ending(claims.remove(0), Outcome::Done)).await;
    assert_eq!(case.run(lead.run).await.counts, Counts::default(), "it is over");
    case.store.free_jobs(lead.run).await.unwrap();
    assert_eq!(case.run(lead.run).await.left, 0);
    assert_eq!(case.count("FROM sync_jobs").await, 1, "somebody works on it");
    case.apply(ending(claims.remove(0), Outcome::Done)).await;
    assert_eq!(case.run(lead.run).await.counts, Counts::default());

    let lead = case.full_run().await;
    assert!(case.put_page(&lead, &["C"], false).await);
    assert!(case.store.end_run(lead.run, &[RunState::Running], RunState::Superseded, None).await.unwrap());
    case.store.clear_ended().await.unwrap();
    assert_eq!(case.run(lead.run).await.left, 0);
    assert_eq!(case.claimed_names().await, ["C"], "it is worked on without the run");
}

async fn a_lease_from_a_wrong_clock_keeps_nobody_away(case: Case) {
    let lead = case.full_run().await;
    assert!(case.store.take_run(LEASE).await.unwrap().is_none());
    assert!(case.store.keep_run(&lead, Duration::from_secs(86_400)).await.unwrap());
    let (_row, taken) = case.store.take_run(LEASE).await.unwrap().expect("nobody asks for a day");
    assert!(taken.run == lead.run && !case.store.keep_run(&lead, LEASE).await.unwrap());
}

async fn a_name_that_cannot_be_stored_leaves_the_run_where_it_was(case: Case) {
    let lead = case.full_run().await;
    assert!(case.put_page(&lead, &["A"], false).await);
    if case.database.kind != crate::support::databases::Kind::Sqlite {
        let puts = [of_run(lead.run, "B"), of_run(lead.run, &"x".repeat(10_000))];
        let error = case.store.put_for_run(&lead, LEASE, &puts, "B", 2, true).await.unwrap_err();
        assert_eq!(error.label(), "refused");
    }
    let row = case.run(lead.run).await;
    assert_eq!((row.put, row.listed, row.position.as_deref()), (1, 1, Some("A")));
}

async fn runs_are_listed_the_newest_first(case: Case) {
    let mut ids = Vec::new();
    for (kind, state) in [
        (RunKind::Full, RunState::Succeeded),
        (RunKind::Sweep, RunState::Succeeded),
        (RunKind::Full, RunState::Partial),
        (RunKind::Full, RunState::Succeeded),
    ] {
        let run = case.store.start_run(kind, RunCause::Schedule).await.unwrap().run;
        assert!(case.store.end_run(run, &[RunState::Running], state, None).await.unwrap());
        ids.push(run);
    }
    let list =
        async |filter: RunFilter| case.store.runs(&filter).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(list(RunFilter::default()).await, [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(RunFilter { kind: Some(RunKind::Sweep), ..RunFilter::default() }).await, [ids[1]]);
    assert_eq!(list(RunFilter { state: Some(RunState::Partial), ..RunFilter::default() }).await, [ids[2]]);
    assert_eq!(list(RunFilter { before: Some(ids[3]), limit: 2, ..RunFilter::default() }).await, [ids[2], ids[1]]);
    let last = case.store.last_run(RunKind::Full, RunState::Succeeded).await.unwrap().unwrap();
    assert_eq!(last.id, ids[3]);
    assert!(case.store.last_run(RunKind::CatchUp, RunState::Succeeded).await.unwrap().is_none());
}
