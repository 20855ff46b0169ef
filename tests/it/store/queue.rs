//! The queue: put, claim, settle, lanes, leases, dead jobs.
//!
//! Invariant: one row per document, one holder at a time, and no hint is lost between a read and its settlement.

use std::time::Duration;

use customer_sync::domain::hint::Doctype;
use customer_sync::domain::job::{Cause, DocKey, Lane, Outcome, Put};
use customer_sync::domain::plan::Applied;
use customer_sync::store::Depth;

use super::make::{LEASE, ending, error, put, unit, upsert};
use super::{Case, make, on_each_database};

on_each_database! {
    a_put_is_claimed_once_and_settled
    many_hints_make_one_job
    a_hint_during_the_work_makes_one_more
    the_fast_lane_goes_first
    a_lane_is_lowered_and_never_raised
    the_heavier_cause_wins
    absent_stays_until_the_job_is_done
    a_retry_waits_and_burns_an_attempt_if_asked
    a_hint_brings_a_waiting_job_forward
    a_dead_job_is_visible_and_revived_by_a_hint
    an_expired_lease_is_claimed_again_and_the_old_one_cannot_write
    a_released_claim_is_due_at_once
    a_unit_can_put_further_jobs
    names_are_compared_by_their_bytes
    the_oldest_due_comes_first
    the_state_of_the_queue_is_told
}

async fn a_put_is_claimed_once_and_settled(case: Case) {
    case.store.put(&[put("Acme")]).await.unwrap();
    let claims = case.claims().await;
    assert_eq!(claims.len(), 1);
    let claim = &claims[0];
    assert_eq!((&claim.key, claim.lane, claim.cause), (&DocKey::customer("Acme"), Lane::Fast, Cause::Webhook));
    assert_eq!((claim.attempts, claim.absent), (0, false));
    assert_eq!(claim.delivery_id.as_deref(), Some("delivery of Acme"));
    assert_ne!(claim.token, 0);
    assert!(case.claims().await.is_empty(), "it is held");

    assert!(
        matches!(case.apply(ending(claim.clone(), Outcome::Done)).await, Applied::Written(effects) if effects.is_empty())
    );
    assert!(case.store.job(&DocKey::customer("Acme")).await.unwrap().is_none());
    assert!(matches!(case.apply(ending(claim.clone(), Outcome::Done)).await, Applied::LeaseLost), "it is gone");
}

async fn many_hints_make_one_job(case: Case) {
    let twice = [put("Acme"), put("Other"), put("Acme")];
    case.store.put(&twice).await.unwrap();
    case.store.put(&twice).await.unwrap();
    assert_eq!(case.claimed_names().await, ["Acme", "Other"]);
}

async fn a_hint_during_the_work_makes_one_more(case: Case) {
    let claim = case.claim("Acme").await;
    for _ in 0..3 {
        case.store.put(&[put("Acme")]).await.unwrap();
    }
    assert!(case.claims().await.is_empty(), "it is not worked on twice at once");
    assert!(matches!(case.apply(ending(claim.clone(), Outcome::Done)).await, Applied::Written(_)));

    let again = case.claims().await;
    assert_eq!(again.len(), 1);
    assert!(again[0].generation > claim.generation);
    assert_ne!(again[0].token, claim.token);
    case.apply(ending(again[0].clone(), Outcome::Done)).await;
    assert!(case.claims().await.is_empty(), "exactly one more");
}

async fn the_fast_lane_goes_first(case: Case) {
    let bulk = |name: &str| Put { lane: Lane::Bulk, ..put(name) };
    case.store.put(&[bulk("b1"), bulk("b2"), bulk("b3")]).await.unwrap();
    case.store.put(&[put("f1"), put("f2")]).await.unwrap();

    let first = case.store.claim(1, 10, LEASE).await.unwrap();
    assert_eq!(first.iter().map(|claim| claim.lane).collect::<Vec<_>>(), [Lane::Fast]);
    let second = case.store.claim(3, 1, LEASE).await.unwrap();
    assert_eq!(second.iter().filter(|claim| claim.lane == Lane::Fast).count(), 1);
    assert_eq!(second.iter().filter(|claim| claim.lane == Lane::Bulk).count(), 1, "no more bulk than permitted");
    assert!(case.store.claim(10, 0, LEASE).await.unwrap().is_empty(), "bulk may be closed altogether");
    assert_eq!(case.store.claim(10, 10, LEASE).await.unwrap().len(), 2);
}

async fn a_lane_is_lowered_and_never_raised(case: Case) {
    let bulk = Put { lane: Lane::Bulk, ..put("Acme") };
    case.store.put(std::slice::from_ref(&bulk)).await.unwrap();
    case.store.put(&[put("Acme")]).await.unwrap();
    case.store.put(&[bulk]).await.unwrap();
    let claims = case.store.claim(10, 0, LEASE).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].lane, Lane::Fast);
}

async fn the_heavier_cause_wins(case: Case) {
    let person = Put { cause: Cause::Person, delivery_id: None, ..put("Acme") };
    let second = Put { delivery_id: Some("second".to_owned()), ..put("Acme") };
    case.store.put(std::slice::from_ref(&person)).await.unwrap();
    case.store.put(&[put("Acme")]).await.unwrap();
    case.store.put(std::slice::from_ref(&second)).await.unwrap();
    case.store.put(std::slice::from_ref(&person)).await.unwrap();
    let claim = case.claims().await.remove(0);
    assert_eq!((claim.cause, claim.delivery_id.as_deref()), (Cause::Webhook, Some("second")));

    // The same where all of them arrive in one transaction.
    case.store
        .put(&[Put { key: DocKey::customer("B"), ..second }, Put { key: DocKey::customer("B"), ..person }])
        .await
        .unwrap();
    let claim = case.claims().await.remove(0);
    assert_eq!((claim.cause, claim.delivery_id.as_deref()), (Cause::Webhook, Some("second")));
}

async fn absent_stays_until_the_job_is_done(case: Case) {
    case.store.put(&[Put { absent: true, ..put("Acme") }]).await.unwrap();
    let claim = case.claim("Acme").await;
    assert!(claim.absent, "a later hint without it does not take it away");
    case.store.put(&[put("Acme")]).await.unwrap();
    case.apply(ending(claim, Outcome::Done)).await;
    let claim = case.claims().await.remove(0);
    assert!(claim.absent);
    case.apply(ending(claim, Outcome::Done)).await;
    assert!(!case.claim("Acme").await.absent, "a new job knows nothing of it");
}

async fn a_retry_waits_and_burns_an_attempt_if_asked(case: Case) {
    let claim = case.claim("Acme").await;
    let retry = |after, burn| Outcome::Retry { after, burn, error: error("slow") };
    case.apply(ending(claim, retry(Duration::ZERO, true))).await;
    let claim = case.claims().await.remove(0);
    assert_eq!(claim.attempts, 1);
    case.apply(ending(claim, retry(Duration::ZERO, false))).await;
    let claim = case.claims().await.remove(0);
    assert_eq!(claim.attempts, 1, "no attempt was burned");

    case.apply(ending(claim, retry(LEASE, true))).await;
    assert!(case.claims().await.is_empty(), "it waits");
    let job = case.store.job(&DocKey::customer("Acme")).await.unwrap().unwrap();
    assert_eq!(job.attempts, 2);
    assert_eq!(job.last_error.as_deref(), Some("slow"));
}

async fn a_hint_brings_a_waiting_job_forward(case: Case) {
    let claim = case.claim("Acme").await;
    case.apply(ending(claim, Outcome::Retry { after: LEASE, burn: true, error: error("slow") })).await;
    assert!(case.claims().await.is_empty());
    case.claim("Acme").await;

    let claim = case.claim("Other").await;
    case.store.put(&[put("Other")]).await.unwrap();
    case.apply(ending(claim, Outcome::Retry { after: LEASE, burn: true, error: error("slow") })).await;
    assert_eq!(case.claimed_names().await, ["Other"], "a hint during the attempt counts as well");
}

async fn a_dead_job_is_visible_and_revived_by_a_hint(case: Case) {
    for cause in [Cause::Webhook, Cause::Person] {
        let claim = case.claim("Acme").await;
        case.apply(ending(claim, Outcome::Retry { after: Duration::ZERO, burn: true, error: error("slow") })).await;
        let claim = case.claims().await.remove(0);
        case.apply(ending(claim, Outcome::Dead(error("ERPNext says no")))).await;
        assert!(case.claims().await.is_empty());
        let job = case.store.job(&DocKey::customer("Acme")).await.unwrap().unwrap();
        assert_eq!(job.last_error.as_deref(), Some("ERPNext says no"));
        assert_eq!(case.store.queue().await.unwrap().dead, 1);

        case.store.put(&[Put { cause, ..put("Acme") }]).await.unwrap();
        assert_eq!(case.store.queue().await.unwrap().dead, 0);
        let claim = case.claims().await.remove(0);
        assert_eq!(claim.attempts, 0, "{cause:?}");
        case.apply(ending(claim, Outcome::Done)).await;
    }
    // A hint that arrives during the last attempt keeps it from dying.
    let claim = case.claim("Acme").await;
    case.store.put(&[put("Acme")]).await.unwrap();
    case.apply(ending(claim, Outcome::Dead(error("ERPNext says no")))).await;
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn an_expired_lease_is_claimed_again_and_the_old_one_cannot_write(case: Case) {
    case.store.put(&[put("Acme")]).await.unwrap();
    let old = case.store.claim(1, 1, Duration::from_millis(1)).await.unwrap().remove(0);
    let new = loop {
        if let Some(claim) = case.claims().await.pop() {
            break claim;
        }
        tokio::task::yield_now().await;
    };
    assert_ne!(old.token, new.token);
    assert_eq!(old.key, new.key);

    let write = upsert(None, make::record("Acme"), make::CREATION);
    assert!(matches!(case.apply(unit(old, vec![write.clone()])).await, Applied::LeaseLost));
    assert_eq!(case.count("FROM customers").await, 0, "nothing was written");
    assert_eq!(case.count("FROM customer_changes").await, 0);
    assert!(matches!(case.apply(unit(new, vec![write])).await, Applied::Written(_)));
    assert_eq!(case.count("FROM customers").await, 1);
}

async fn a_released_claim_is_due_at_once(case: Case) {
    case.store.put(&[put("Acme"), put("Other")]).await.unwrap();
    let claims = case.claims().await;
    case.store.release(&claims).await.unwrap();
    let again = case.claims().await;
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|claim| claim.attempts == 0));
    case.store.release(&claims).await.unwrap();
    assert!(case.claims().await.is_empty(), "who lost the lease cannot hand it back");
}

async fn a_unit_can_put_further_jobs(case: Case) {
    let claim = case.claim("acme").await;
    let puts = vec![
        claim.inherit(DocKey::customer("Acme")),
        claim.inherit(DocKey { doctype: Doctype::Address, name: "Acme-Billing".to_owned() }),
    ];
    let mut unit = ending(claim, Outcome::Done);
    unit.puts = puts;
    case.apply(unit).await;
    let mut claims = case.claims().await;
    claims.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[0].key.doctype, Doctype::Address);
    assert_eq!(claims[1].key, DocKey::customer("Acme"));
    assert!(claims.iter().all(|claim| claim.delivery_id.as_deref() == Some("delivery of acme")));

    // A put on the job's own key is a hint like any other: one more round.
    let claim = claims.remove(1);
    let mut unit = ending(claim.clone(), Outcome::Done);
    unit.puts = vec![claim.inherit(claim.key.clone())];
    case.apply(unit).await;
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn names_are_compared_by_their_bytes(case: Case) {
    let long = "😀".repeat(140);
    let names = ["Acme", "acme", "Acme ", " Acme", "Ácme", "A\u{301}cme", "Acme'; --", "a/b\\c%_?$1", &long];
    for name in names {
        case.store.put(&[put(name)]).await.unwrap();
    }
    let mut expected: Vec<String> = names.map(str::to_owned).into();
    expected.sort();
    assert_eq!(case.claimed_names().await, expected);
}

async fn the_oldest_due_comes_first(case: Case) {
    for name in ["c", "a", "b"] {
        case.store.put(&[put(name)]).await.unwrap();
        // Jobs of one millisecond have no order among themselves.
        case.execute(&format!("UPDATE sync_jobs SET run_at = run_at - 1000 WHERE name <> '{name}'")).await;
    }
    for expected in ["c", "a", "b"] {
        let claims = case.store.claim(1, 1, LEASE).await.unwrap();
        assert_eq!(claims[0].key.name, expected);
    }
}

async fn the_state_of_the_queue_is_told(case: Case) {
    let empty = case.store.queue().await.unwrap();
    assert_eq!((empty.due_fast, empty.due_bulk, empty.leased, empty.waiting, empty.dead), (0, 0, 0, 0, 0));
    assert_eq!((empty.oldest_due_age, empty.next_due_in), (None, None));
    assert_eq!(case.store.depth().await.unwrap(), Depth::default());

    case.claim("leased").await;
    let claim = case.claim("waiting").await;
    case.apply(ending(claim, Outcome::Retry { after: LEASE * 2, burn: true, error: error("slow") })).await;
    let claim = case.claim("dead").await;
    case.apply(ending(claim, Outcome::Dead(error("no")))).await;
    case.store.put(&[put("due"), put("also due"), Put { lane: Lane::Bulk, ..put("bulk") }]).await.unwrap();
    case.execute("UPDATE sync_jobs SET run_at = run_at - 5000 WHERE name = 'due'").await;

    let state = case.store.queue().await.unwrap();
    assert_eq!((state.due_fast, state.due_bulk, state.leased, state.waiting, state.dead), (2, 1, 1, 1, 1));
    let age = state.oldest_due_age.expect("something is due");
    assert!((Duration::from_secs(5)..Duration::from_secs(60)).contains(&age), "{age:?}");
    assert_eq!(state.next_due_in, Some(Duration::ZERO));
    let depth = case.store.depth().await.unwrap();
    assert_eq!((depth.fast, depth.bulk, depth.later, depth.dead), (2, 1, 2, 1));
    assert!(depth.oldest_fast >= age && depth.oldest_fast < age + Duration::from_secs(60), "{depth:?}");
    assert!(depth.oldest_bulk < Duration::from_secs(5), "{depth:?}");

    case.claims().await;
    let state = case.store.queue().await.unwrap();
    assert_eq!((state.leased, state.oldest_due_age), (4, None));
    let next = state.next_due_in.expect("the leases end, the back-off ends");
    assert!(next <= LEASE && next > LEASE / 2, "{next:?}");
}
