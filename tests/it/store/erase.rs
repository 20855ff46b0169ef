//! Erasing at the level of the store: jobs, leases, names that others have, and tombstones of a certain age.

use std::time::Duration;

use customer_sync::domain::erasure::ErasedBy;
use customer_sync::domain::job::{DocKey, Outcome};
use customer_sync::domain::plan::{Applied, Gone, Write};
use customer_sync::store::Erased;

use super::make::{CREATION, delivery, ending, full_record, put, record, unit, upsert};
use super::{Case, on_each_database};
use crate::support::databases::Kind;
use crate::support::dump::places_of;

on_each_database! {
    a_worker_that_read_it_before_writes_nothing
    nothing_of_a_full_record_is_left
    a_running_full_run_counts_its_jobs_once
    a_name_that_another_customer_has_now_stays_that_ones
    only_tombstones_of_that_age_are_to_be_erased
    who_is_not_there_or_was_erased_is_told_apart
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Case {
    async fn erase(&self, id: i64) -> Erased {
        self.store.erase(&[id], ErasedBy::Person).await.unwrap()[&id]
    }
}

async fn a_worker_that_read_it_before_writes_nothing(case: Case) {
    let id = case.create("Ada").await;
    let seen = case.seen("Ada").await;
    let claim = case.claim("Ada").await;
    assert_eq!(case.erase(id).await, Erased::Done);
    let late = unit(claim, vec![upsert(Some(seen), record("Ada"), CREATION)]);
    assert!(matches!(case.apply(late).await, Applied::LeaseLost));
    // Another one, of a job that was put since.
    let claim = case.claim("Ada").await;
    let seen = customer_sync::domain::plan::Seen {
        id,
        erpnext_id: Some("Ada".to_owned()),
        creation: Some(CREATION.to_owned()),
        hash: None,
    };
    let stale = unit(claim, vec![upsert(Some(seen), record("Ada"), CREATION)]);
    assert!(matches!(case.apply(stale).await, Applied::Stale));
    assert_eq!(case.count("FROM customers WHERE name = '' AND erpnext_id IS NULL").await, 1);
}

async fn nothing_of_a_full_record_is_left(case: Case) {
    let (id, _effect) = case.write("Ada & Co", upsert(None, full_record("Ada & Co"), CREATION)).await;
    let other = case.create("Bob").await;
    case.store.accept(&[delivery("d-1", "Ada & Co"), delivery("d-2", "Bob")]).await.unwrap();
    let words = ["Söhne", "Hinterhof", "DE123456789", "zoe@example", "123456789012", "a number", "1 Main Street"];
    assert!(!places_of(&case.database, &words).await.is_empty());
    assert_eq!(case.erase(id).await, Erased::Done);
    let places = places_of(&case.database, &words).await;
    assert!(places.is_empty(), "{places:#?}");
    assert_eq!(case.count("FROM customer_addresses").await + case.count("FROM customer_contacts").await, 0);
    // (The name of this test's jobs is part of the id of their deliveries.)
    assert!(places_of(&case.database, &["Ada &"]).await.iter().all(|place| place.contains("delivery_id")));
    assert_eq!(case.count("FROM sync_deliveries WHERE name = 'Bob'").await, 1);
    assert!(case.store.job(&DocKey::customer("Bob")).await.unwrap().is_some());
    let bob = case.store.customer(other).await.unwrap().unwrap();
    assert!(bob.row.erased_at.is_none() && bob.row.customer.name == "Bob Ltd");
    let erased = case.store.customer(id).await.unwrap().unwrap().row;
    assert!(erased.erased_at.is_some() && erased.deleted_at.is_some());
    assert_eq!((erased.origin.as_str(), erased.customer.is_active), ("erpnext", false));
}

async fn a_running_full_run_counts_its_jobs_once(case: Case) {
    let (ada, ben) = (case.create("Ada").await, case.create("Ben").await);
    case.create("Cleo").await;
    let seen = case.seen("Ben").await;
    let lead = case.full_run().await;
    assert!(case.put_page(&lead, &["Ada", "Ben", "Cleo"], true).await);
    assert_eq!(case.erase(ada).await, Erased::Done);
    let row = case.run(lead.run).await;
    assert_eq!((row.counts.skipped, row.counts.processed(), row.left), (1, 1, 2), "nobody held its job");
    let claims = case.claims().await;
    assert_eq!(case.erase(ben).await, Erased::Done);
    for claim in claims {
        if claim.key.name == "Ben" {
            let late = unit(claim, vec![upsert(Some(seen.clone()), record("Ben"), CREATION)]);
            assert!(matches!(case.apply(late).await, Applied::LeaseLost));
        } else {
            assert!(matches!(case.apply(ending(claim, Outcome::Done)).await, Applied::Written(_)));
        }
    }
    let row = case.run(lead.run).await;
    assert_eq!((row.counts.skipped, row.counts.processed(), row.left), (2, 3, 0));
}

async fn a_name_that_another_customer_has_now_stays_that_ones(case: Case) {
    let old = case.create("Ada").await;
    let seen = case.seen("Ada").await;
    let gone = Write::Tombstone { seen, gone: Gone::Deleted, release_name: true };
    case.write("Ada", gone).await;
    let (new, _effect) = case.write("Ada", upsert(None, record("Ada"), "2026-05-05 05:05:05.000005")).await;
    case.store.put(&[put("Ada")]).await.unwrap();
    assert_eq!(case.erase(old).await, Erased::Done);
    assert!(case.store.job(&DocKey::customer("Ada")).await.unwrap().is_some(), "the new one's job");
    assert_eq!(case.seen("Ada").await.id, new);
    assert_eq!(case.count("FROM sync_aliases").await, 0);
}

async fn only_tombstones_of_that_age_are_to_be_erased(case: Case) {
    let mut ids = Vec::new();
    for (name, gone) in
        [("A", Some(Gone::Deleted)), ("B", Some(Gone::Filtered)), ("C", None), ("D", Some(Gone::Deleted))]
    {
        ids.push(case.create(name).await);
        if let Some(gone) = gone {
            let seen = case.seen(name).await;
            case.write(name, Write::Tombstone { seen, gone, release_name: false }).await;
        }
    }
    let long_ago = match case.database.kind {
        Kind::Sqlite => "'2020-01-01T00:00:00.000Z'",
        Kind::Postgres | Kind::Mariadb => "'2020-01-01 00:00:00'",
    };
    let old = format!("UPDATE customers SET deleted_at = {long_ago} WHERE deleted_at IS NOT NULL AND id <> {}", ids[3]);
    case.execute(&old).await;
    assert_eq!(case.store.old_tombstones(DAY, 10).await.unwrap(), [ids[0]]);
    case.store.erase(&[ids[0]], ErasedBy::Retention).await.unwrap();
    assert!(case.store.old_tombstones(DAY, 10).await.unwrap().is_empty());
    let change = &case.store.changes_of(ids[0], None, 1).await.unwrap()[0];
    assert_eq!((change.kind.as_str(), change.cause.as_str()), ("erased", "retention"));
    let deleted = case.store.customer(ids[0]).await.unwrap().unwrap().row.deleted_at;
    assert!(deleted.unwrap().starts_with("2020"), "an earlier time of deletion stays");
}

async fn who_is_not_there_or_was_erased_is_told_apart(case: Case) {
    let id = case.create("Ada").await;
    assert_eq!(case.erase(id).await, Erased::Done);
    assert_eq!(case.erase(id).await, Erased::Already);
    assert_eq!(case.erase(4_711).await, Erased::Unknown);
    assert_eq!(case.count("FROM customer_changes WHERE kind = 'erased'").await, 1);
}
