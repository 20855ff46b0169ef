//! The list of a sweep: only its conductor changes it, and only one decision about it counts.

use customer_sync::domain::candidate::{Candidate, Reason};
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::store::Lead;

use super::make::LEASE;
use super::{Case, on_each_database};

on_each_database! {
    a_list_grows_once_is_read_in_pages_and_forgotten
    who_has_lost_the_lead_changes_no_list
    a_held_run_is_approved_once_beside_a_running_sweep
    lists_are_compared
    a_list_that_begins_anew_counts_nothing_twice
    rows_that_follow_a_document_come_in_pages_and_tombstones_do_not
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<Candidate> {
    names.into_iter().map(|name| Candidate { name, customer_id: 7, reason: Reason::Missing }).collect()
}

impl Case {
    async fn sweep(&self) -> Lead {
        self.store.start_run(RunKind::Sweep, RunCause::Person).await.unwrap();
        self.store.take_run(LEASE).await.unwrap().unwrap().1
    }
}

async fn a_list_grows_once_is_read_in_pages_and_forgotten(case: Case) {
    let lead = case.sweep().await;
    let names: Vec<String> = (0..1_200).map(|number| format!("C {number:05}")).collect();
    let mut list = candidates(names.iter().rev().cloned());
    list[0].reason = Reason::Filtered;
    assert!(case.store.add_candidates(&lead, &list).await.unwrap());
    assert!(case.store.add_candidates(&lead, &[]).await.unwrap());
    assert_eq!(case.store.run(lead.run).await.unwrap().unwrap().candidates, 1_200);

    let first = case.store.run_candidates(lead.run, "", 1_000).await.unwrap();
    let rest = case.store.run_candidates(lead.run, &first[999].name, 1_000).await.unwrap();
    let read: Vec<String> = first.iter().chain(&rest).map(|candidate| candidate.name.clone()).collect();
    assert_eq!(read, names);
    assert_eq!((rest[199].reason, rest[198].reason, rest[0].customer_id), (Reason::Filtered, Reason::Missing, 7));

    assert!(case.store.clear_candidates(&lead).await.unwrap());
    assert!(case.store.run_candidates(lead.run, "", 10).await.unwrap().is_empty());
    assert_eq!(case.store.run(lead.run).await.unwrap().unwrap().candidates, 0);
}

async fn who_has_lost_the_lead_changes_no_list(case: Case) {
    let lead = case.sweep().await;
    let lost = Lead { owner: lead.owner.wrapping_add(1), ..lead };
    let list = candidates(["A".to_owned()]);
    assert!(!case.store.add_candidates(&lost, &list).await.unwrap());
    assert!(case.store.run_candidates(lead.run, "", 10).await.unwrap().is_empty());
    assert!(case.store.add_candidates(&lead, &list).await.unwrap());
    assert!(!case.store.clear_candidates(&lost).await.unwrap());
    assert!(!case.store.finish_run(&lost, RunState::Held, None).await.unwrap());
    assert_eq!(case.store.run_candidates(lead.run, "", 10).await.unwrap(), list);
    case.store.cancel_run(lead.run).await.unwrap();
    assert!(!case.store.add_candidates(&lead, &candidates(["B".to_owned()])).await.unwrap(), "it is over");
}

async fn a_held_run_is_approved_once_beside_a_running_sweep(case: Case) {
    let lead = case.sweep().await;
    assert!(!case.store.approve_run(lead.run, "x").await.unwrap(), "it is not held");
    assert!(case.store.end_run(lead.run, &[RunState::Running], RunState::Held, Some("too many")).await.unwrap());
    let next = case.sweep().await;
    assert_ne!(next.run, lead.run);
    assert!(case.store.approve_run(lead.run, "x").await.unwrap());
    assert!(!case.store.approve_run(lead.run, "x").await.unwrap());
    let (row, taken) = case.store.take_run(LEASE).await.unwrap().unwrap();
    assert_eq!((row.id, row.position.as_deref(), row.message), (lead.run, Some("x"), None));
    assert!(case.store.take_run(LEASE).await.unwrap().is_none(), "both have a conductor");
    assert!(case.store.end_run(taken.run, &[RunState::Running], RunState::Succeeded, None).await.unwrap());
}

async fn rows_that_follow_a_document_come_in_pages_and_tombstones_do_not(case: Case) {
    use customer_sync::domain::plan::{Effect, Gone, LeaveOut, Write};
    let mut ids = Vec::new();
    for name in ["A", "B", "C", "D"] {
        ids.push(case.create(name).await);
    }
    let deleted = Write::Tombstone { seen: case.seen("B").await, gone: Gone::Deleted, release_name: false };
    case.write("B", deleted).await;
    let left_out = |seen, name: &str| {
        let (name, modified) = (name.to_owned(), "2026-03-01 00:00:00".to_owned());
        Write::LeaveOut(Box::new(LeaveOut { seen, name, creation: super::make::CREATION.to_owned(), modified }))
    };
    assert_eq!(case.write("C", left_out(case.seen("C").await, "C")).await, (ids[2], Effect::Tombstoned));
    assert_eq!(case.write("C", left_out(case.seen("C").await, "C")).await, (ids[2], Effect::Unchanged));
    assert_eq!(case.write("C", left_out(case.seen("C").await, "E")).await, (ids[2], Effect::Updated), "renamed");
    let held = case.store.held(&["E".to_owned()], &[]).await.unwrap().remove(0);
    assert!(held.deleted && held.filtered);
    assert_eq!(held.modified.as_deref(), Some("2026-03-01 00:00:00"));
    assert_eq!(case.store.alias("C").await.unwrap(), Some(ids[2]));

    let first = case.store.followed(0, 2).await.unwrap();
    let rest = case.store.followed(first[1].id, 2).await.unwrap();
    let followed: Vec<(i64, &str, bool)> =
        first.iter().chain(&rest).map(|row| (row.id, row.name.as_str(), row.filtered)).collect();
    assert_eq!(followed, [(ids[0], "A", false), (ids[2], "E", true), (ids[3], "D", false)]);
}

async fn lists_are_compared(case: Case) {
    let names = |names: &[&str]| candidates(names.iter().map(|name| (*name).to_owned()));
    let first = case.sweep().await;
    assert!(case.store.add_candidates(&first, &names(&["A", "B"])).await.unwrap());
    assert!(case.store.finish_run(&first, RunState::Discarded, None).await.unwrap());
    let second = case.sweep().await;
    let beyond = async || case.store.has_candidates_beyond(second.run, first.run).await.unwrap();
    assert!(!beyond().await, "an empty one has nothing");
    assert!(case.store.add_candidates(&second, &names(&["B"])).await.unwrap());
    assert!(!beyond().await);
    let filtered = Candidate { reason: Reason::Filtered, ..names(&["A"]).remove(0) };
    assert!(case.store.add_candidates(&second, &[filtered]).await.unwrap());
    assert!(beyond().await, "another reason is another question");
}

async fn a_list_that_begins_anew_counts_nothing_twice(case: Case) {
    let lead = case.sweep().await;
    let put = super::make::put("X");
    assert!(case.store.put_for_run(&lead, LEASE, &[put], "", 5, true).await.unwrap());
    assert!(case.store.add_candidates(&lead, &candidates(["A".to_owned()])).await.unwrap());
    assert!(case.store.list_anew(&lead).await.unwrap());
    let row = case.store.run(lead.run).await.unwrap().unwrap();
    assert_eq!((row.listed, row.put, row.candidates, row.listed_all), (0, 0, 0, false));
    let lost = Lead { owner: lead.owner.wrapping_add(1), ..lead };
    assert!(!case.store.list_anew(&lost).await.unwrap());
}
