//! Accepting verified webhooks: the deliveries and their jobs, durable together.
//!
//! Invariant: after `accept` returned, a delivery is stored and its job is put; when it failed, neither is.

use std::time::Duration;

use customer_sync::domain::hint::{Delivery, Verdict};
use customer_sync::domain::job::DocKey;
use customer_sync::store::StoreError;

use super::make::delivery;
use super::{Case, on_each_database};
use crate::support::databases::Kind;

on_each_database! {
    deliveries_are_stored_and_their_jobs_put
    what_makes_no_work_is_stored_only
    a_batch_is_accepted_whole_or_not_at_all
    a_delivery_repeated_after_an_unknown_end_is_stored_once
    a_zero_character_stops_nothing
    a_full_batch_of_large_bodies_fits
    nothing_to_accept_is_no_work
    old_deliveries_are_pruned_by_age_and_number
}

async fn deliveries_are_stored_and_their_jobs_put(case: Case) {
    let batch = [delivery("1", "Acme"), delivery("2", "Other"), delivery("3", "Acme")];
    case.store.accept(&batch).await.unwrap();
    case.store.accept(&[delivery("4", "Acme")]).await.unwrap();

    let stored =
        case.select(["id", "event", "doctype", "name", "body", "verdict"], "FROM sync_deliveries ORDER BY id").await;
    assert_eq!(stored.len(), 4);
    assert_eq!(
        stored[0].each_ref().map(|value| value.as_deref().unwrap()),
        ["1", "on_update", "Customer", "Acme", "{\"name\": \"Acme\"}", "queued"]
    );
    let mut claims = case.claims().await;
    claims.sort_by(|one, other| one.key.cmp(&other.key));
    let jobs: Vec<_> = claims.iter().map(|claim| (claim.key.name.as_str(), claim.delivery_id.as_deref())).collect();
    assert_eq!(jobs, [("Acme", Some("4")), ("Other", Some("2"))], "the last delivery is the cause");
}

async fn what_makes_no_work_is_stored_only(case: Case) {
    let without = |id: &str, verdict| Delivery {
        verdict,
        put: None,
        name: None,
        doctype: None,
        event: None,
        ..delivery(id, "x")
    };
    case.store.accept(&[without("1", Verdict::Ignored), without("2", Verdict::Unusable)]).await.unwrap();
    let verdicts = case.select(["verdict"], "FROM sync_deliveries WHERE name IS NULL ORDER BY id").await;
    assert_eq!(verdicts, [[Some("ignored".to_owned())], [Some("unusable".to_owned())]]);
    assert!(case.claims().await.is_empty());
}

async fn a_batch_is_accepted_whole_or_not_at_all(case: Case) {
    let tight = match case.database.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER tight BEFORE INSERT ON sync_jobs WHEN new.name = 'bad' BEGIN SELECT RAISE(ABORT, 'bad'); END"
        }
        _ => "ALTER TABLE sync_jobs ADD CONSTRAINT tight CHECK (name <> 'bad')",
    };
    case.execute(tight).await;
    let refused = case.store.accept(&[delivery("1", "Acme"), delivery("2", "bad"), delivery("3", "Other")]).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("bad"), "the log must not quote values: {refused}");
    assert_eq!(case.count("FROM sync_deliveries").await, 0);
    assert!(case.claims().await.is_empty());
    for good in ["1", "3"] {
        case.store.accept(&[delivery(good, "Acme")]).await.unwrap();
    }
    assert!(case.store.accept(&[delivery("2", "bad")]).await.is_err());
    assert_eq!(case.count("FROM sync_deliveries").await, 2);
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn a_delivery_repeated_after_an_unknown_end_is_stored_once(case: Case) {
    case.store.accept(&[delivery("1", "Acme")]).await.unwrap();
    case.store.accept(&[delivery("1", "Acme"), delivery("2", "Acme")]).await.unwrap();
    assert_eq!(case.count("FROM sync_deliveries").await, 2);
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn a_zero_character_stops_nothing(case: Case) {
    let batch = [Delivery { body: "a\0b".to_owned(), event: Some("\0".to_owned()), ..delivery("1", "Acme") }];
    case.store.accept(&batch).await.unwrap();
    assert_eq!(case.count("FROM sync_deliveries").await, 1);
}

async fn a_full_batch_of_large_bodies_fits(case: Case) {
    // The inbox commits up to 512 requests at once, each with up to 16 KiB of body, here made of four-byte characters.
    let batch: Vec<Delivery> = (0..512)
        .map(|number| Delivery {
            body: "😀".repeat(4 * 1024),
            ..delivery(&format!("{number:04}"), &format!("Customer {}", number % 100))
        })
        .collect();
    case.store.accept(&batch).await.unwrap();
    assert_eq!(case.count("FROM sync_deliveries").await, 512);
    assert_eq!(case.claims().await.len(), 100);
    let body = case.select(["body"], "FROM sync_deliveries WHERE id = '0511'").await;
    assert_eq!(body[0][0].as_ref().unwrap(), &batch[511].body);
}

async fn nothing_to_accept_is_no_work(case: Case) {
    case.store.accept(&[]).await.unwrap();
    case.store.put(&[]).await.unwrap();
    case.store.release(&[]).await.unwrap();
    assert!(case.store.apply(&[]).await.unwrap().is_empty());
    assert!(case.store.held(&[], &[]).await.unwrap().is_empty());
}

async fn old_deliveries_are_pruned_by_age_and_number(case: Case) {
    let batch: Vec<Delivery> = (0..30).map(|number| delivery(&format!("{number:02}"), "Acme")).collect();
    case.store.accept(&batch).await.unwrap();
    case.execute("UPDATE sync_deliveries SET received_at = received_at - 7200000 WHERE id < '10'").await;

    assert_eq!(case.store.prune_deliveries(Duration::from_secs(3600), 1_000).await.unwrap(), 10);
    let left = case.select(["MIN(id)", "COUNT(*)"], "FROM sync_deliveries").await;
    assert_eq!(left, [[Some("10".to_owned()), Some("20".to_owned())]]);

    assert_eq!(case.store.prune_deliveries(Duration::from_secs(3600), 5).await.unwrap(), 15);
    let left = case.select(["MIN(id)", "COUNT(*)"], "FROM sync_deliveries").await;
    assert_eq!(left, [[Some("25".to_owned()), Some("5".to_owned())]], "the newest stay");
    assert_eq!(case.store.prune_deliveries(Duration::from_secs(3600), 5).await.unwrap(), 0);
    assert!(case.store.job(&DocKey::customer("Acme")).await.unwrap().is_some(), "jobs are not touched");
}
