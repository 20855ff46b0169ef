//! What a put of catch-up or sweep may do to a job that is there: raise its generation, and wake a dead one only for
//! something new.

use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Outcome, Put};
use customer_sync::store::JobState;

use super::make::{self, LEASE, ending, put};
use super::{Case, on_each_database};

on_each_database! {
    polling_keeps_attempts_and_back_off
    polling_wakes_a_dead_job_only_for_another_modified
    polling_wakes_a_dead_job_once_to_say_that_it_is_gone
    polling_during_an_attempt_makes_one_more_and_keeps_the_attempts
    a_webhook_is_heavier_than_polling_and_a_full_run_lies_between
}

const FIRST: &str = "2026-02-01 08:00:00";
const SECOND: &str = "2026-02-01 08:00:01.5";

fn polled(modified: Option<&str>) -> Put {
    let put = Put::new(DocKey::customer("Acme"), Lane::Bulk, Cause::CatchUp);
    Put { modified: modified.map(str::to_owned), ..put }
}

async fn job(case: &Case) -> customer_sync::store::JobRow {
    case.store.job(&DocKey::customer("Acme")).await.unwrap().unwrap()
}

async fn polling_keeps_attempts_and_back_off(case: Case) {
    let claim = case.claim("Acme").await;
    let later = Outcome::Retry { after: Duration::from_secs(3600), burn: true, error: make::error("slow") };
    case.apply(ending(claim, later)).await;
    case.store.put(&[polled(Some(FIRST))]).await.unwrap();
    let waiting = job(&case).await;
    assert_eq!((waiting.state, waiting.attempts), (JobState::Waiting, 1));
    assert!(case.claims().await.is_empty());

    let full = Put { cause: Cause::Full, ..polled(None) };
    case.store.put(&[full]).await.unwrap();
    assert_eq!(job(&case).await.attempts, 0, "a full run starts anew");
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn polling_wakes_a_dead_job_only_for_another_modified(case: Case) {
    case.store.put(&[polled(Some(FIRST))]).await.unwrap();
    let claim = case.claims().await.remove(0);
    case.apply(ending(claim, Outcome::Dead(make::error("ERPNext says no")))).await;
    for again in [Some(FIRST), None] {
        case.store.put(&[polled(again)]).await.unwrap();
        assert_eq!(job(&case).await.state, JobState::Dead, "{again:?} is nothing new");
    }
    case.store.put(&[polled(Some(SECOND))]).await.unwrap();
    let woken = job(&case).await;
    assert_eq!((woken.state, woken.attempts), (JobState::Due, 0));
}

async fn polling_wakes_a_dead_job_once_to_say_that_it_is_gone(case: Case) {
    let dead = async || {
        let claim = case.claims().await.remove(0);
        case.apply(ending(claim, Outcome::Dead(make::error("ERPNext says no")))).await;
    };
    case.store.put(&[polled(Some(FIRST))]).await.unwrap();
    dead().await;
    let gone = Put { absent: true, cause: Cause::Sweep, ..polled(None) };
    case.store.put(std::slice::from_ref(&gone)).await.unwrap();
    let woken = job(&case).await;
    assert_eq!((woken.state, woken.attempts, woken.absent), (JobState::Due, 0, true));
    dead().await;
    case.store.put(&[gone]).await.unwrap();
    assert_eq!(job(&case).await.state, JobState::Dead, "that was said before");
}

async fn polling_during_an_attempt_makes_one_more_and_keeps_the_attempts(case: Case) {
    let claim = case.claim("Acme").await;
    let soon = Outcome::Retry { after: Duration::ZERO, burn: true, error: make::error("slow") };
    case.apply(ending(claim, soon)).await;
    let claim = case.claims().await.remove(0);
    assert_eq!(claim.attempts, 1);
    case.store.put(&[polled(Some(SECOND))]).await.unwrap();
    assert!(case.claims().await.is_empty(), "the lease is not touched");
    let later = Outcome::Retry { after: LEASE, burn: false, error: make::error("slow") };
    case.apply(ending(claim, later)).await;
    let claim = case.claims().await.remove(0);
    assert_eq!(claim.attempts, 1);
}

async fn a_webhook_is_heavier_than_polling_and_a_full_run_lies_between(case: Case) {
    case.store.put(&[polled(Some(FIRST))]).await.unwrap();
    for (cause, kept) in [
        (Cause::Sweep, Cause::CatchUp),
        (Cause::Full, Cause::Full),
        (Cause::CatchUp, Cause::Full),
        (Cause::Person, Cause::Person),
        (Cause::Webhook, Cause::Webhook),
        (Cause::Full, Cause::Webhook),
    ] {
        case.store.put(&[Put { cause, ..put("Acme") }]).await.unwrap();
        assert_eq!(job(&case).await.cause, kept, "after {cause:?}");
    }
}
