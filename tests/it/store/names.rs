//! Names that move: renames, swaps, chains, names set free and taken again.
//!
//! Invariant: a row keeps its id whatever ERPNext calls it, no name belongs to two rows, and every former name is an
//! alias that finds the row.

use customer_sync::domain::customer::CustomerId;
use customer_sync::domain::job::{DocKey, Outcome};
use customer_sync::domain::plan::{Applied, Effect, Gone, Unit, Upsert, Write};

use super::make::{put, record, state, unit, upsert};
use super::{Case, on_each_database};

on_each_database! {
    a_renamed_customer_keeps_its_id
    two_customers_swap_their_names
    a_chain_of_renames_in_one_batch
    a_ring_of_names_in_one_unit
    a_displaced_row_takes_the_name_that_erpnext_has_for_it
    a_name_set_free_goes_to_a_new_customer
    the_rename_of_a_name_that_differs_only_in_case
    a_name_taken_by_a_row_outside_the_batch_is_stale
    a_customer_that_gets_its_old_name_back
    a_new_customer_read_under_two_names_at_once_gets_one_row
}

/// `creation` of a customer: tells it apart whatever its name.
fn creation(of: &str) -> String {
    format!("2026-01-01 00:00:00.{:06}", of.bytes().map(u32::from).sum::<u32>())
}

async fn create(case: &Case, name: &str) -> CustomerId {
    let (id, effect) = case.write(name, upsert(None, record(name), &creation(name))).await;
    assert_eq!(effect, Effect::Created);
    id
}

/// The names of all rows, by id.
async fn names(case: &Case) -> Vec<(CustomerId, Option<String>)> {
    let rows = case.select(["id", "erpnext_id"], "FROM customers ORDER BY id").await;
    rows.into_iter().map(|[id, name]| (id.unwrap().parse().unwrap(), name)).collect()
}

/// Applies renames (from, to) in one batch, each as the unit of the new name's job.
async fn rename(case: &Case, moves: &[(&str, &str)]) -> Vec<Applied> {
    let mut units = Vec::new();
    case.store.put(&moves.iter().map(|(_, to)| put(to)).collect::<Vec<_>>()).await.unwrap();
    for claim in case.claims().await {
        let (from, to) = moves.iter().find(|(_, to)| claim.key == DocKey::customer(*to)).unwrap();
        let seen = case.seen(from).await;
        units.push(unit(claim, vec![upsert(Some(seen), record(to), &creation(from))]));
    }
    case.store.apply(&units).await.unwrap()
}

fn all_updated(applied: &[Applied]) -> bool {
    applied.iter().all(|applied| matches!(applied, Applied::Written(effects) if effects[0].1 == Effect::Updated))
}

async fn a_renamed_customer_keeps_its_id(case: Case) {
    let id = create(&case, "Old").await;
    let applied = rename(&case, &[("Old", "New")]).await;
    assert!(all_updated(&applied), "{applied:?}");
    assert_eq!(names(&case).await, [(id, Some("New".to_owned()))]);
    assert_eq!(case.store.alias("Old").await.unwrap(), Some(id));
    assert_eq!(case.store.alias("New").await.unwrap(), None);
    let changes = case.store.changes_of(id, None, 10).await.unwrap();
    assert!(changes.iter().any(|change| change.kind == "renamed"));
}

async fn two_customers_swap_their_names(case: Case) {
    let (a, b) = (create(&case, "A").await, create(&case, "B").await);
    let applied = rename(&case, &[("A", "B"), ("B", "A")]).await;
    assert!(all_updated(&applied), "{applied:?}");
    assert_eq!(names(&case).await, [(a, Some("B".to_owned())), (b, Some("A".to_owned()))]);
}

async fn a_chain_of_renames_in_one_batch(case: Case) {
    let (a, b, c) = (create(&case, "A").await, create(&case, "B").await, create(&case, "C").await);
    let applied = rename(&case, &[("A", "B"), ("B", "C"), ("C", "D")]).await;
    assert!(all_updated(&applied), "{applied:?}");
    let expected = [(a, "B"), (b, "C"), (c, "D")].map(|(id, name)| (id, Some(name.to_owned())));
    assert_eq!(names(&case).await, expected);
    assert_eq!(case.store.alias("A").await.unwrap(), Some(a));
}

async fn a_ring_of_names_in_one_unit(case: Case) {
    let (a, b, c) = (create(&case, "A").await, create(&case, "B").await, create(&case, "C").await);
    let claim = case.claim("B").await;
    let writes = vec![
        upsert(Some(case.seen("A").await), record("B"), &creation("A")),
        Write::Rename { seen: case.seen("B").await, to: "C".to_owned() },
        Write::Rename { seen: case.seen("C").await, to: "A".to_owned() },
    ];
    let Applied::Written(effects) = case.apply(unit(claim, writes)).await else { panic!("not written") };
    assert_eq!(effects, [(a, Effect::Updated), (b, Effect::Updated), (c, Effect::Updated)]);
    let expected = [(a, "B"), (b, "C"), (c, "A")].map(|(id, name)| (id, Some(name.to_owned())));
    assert_eq!(names(&case).await, expected);
    for (former, id) in [("A", a), ("B", b), ("C", c)] {
        assert_eq!(case.store.alias(former).await.unwrap(), Some(id));
    }
}

async fn a_displaced_row_takes_the_name_that_erpnext_has_for_it(case: Case) {
    // ERPNext renamed B to C and then A to B. The hint for B moves the row of A there and the row of B out of the way.
    let (a, b) = (create(&case, "A").await, create(&case, "B").await);
    let claim = case.claim("B").await;
    let writes = vec![
        upsert(Some(case.seen("A").await), record("B"), &creation("A")),
        Write::Rename { seen: case.seen("B").await, to: "C".to_owned() },
    ];
    let puts = vec![claim.inherit(DocKey::customer("C"))];
    let unit = Unit { claim, writes, puts, outcome: Outcome::Done };
    let applied = case.apply(unit).await;
    assert!(
        matches!(&applied, Applied::Written(effects) if effects[..] == [(a, Effect::Updated), (b, Effect::Updated)]),
        "{applied:?}"
    );
    assert_eq!(names(&case).await, [(a, Some("B".to_owned())), (b, Some("C".to_owned()))]);
    assert_eq!(case.claimed_names().await, ["C"]);
}

async fn a_name_set_free_goes_to_a_new_customer(case: Case) {
    // Deleted and created again under the same name.
    let old = create(&case, "A").await;
    let claim = case.claim("A").await;
    let writes = vec![
        Write::Tombstone { seen: case.seen("A").await, gone: Gone::Deleted, release_name: true },
        upsert(None, record("A"), "2026-06-06 06:06:06"),
    ];
    let Applied::Written(effects) = case.apply(unit(claim, writes)).await else { panic!("not written") };
    assert_eq!(effects[0], (old, Effect::Tombstoned));
    assert_eq!(effects[1].1, Effect::Created);
    let new = effects[1].0;
    assert_eq!(names(&case).await, [(old, None), (new, Some("A".to_owned()))]);
    assert_eq!(case.store.alias("A").await.unwrap(), Some(old));
    let held = case.store.held(&[], &[creation("A")]).await.unwrap();
    assert_eq!(held.len(), 1, "the old one is still found by its creation");
    assert_eq!((held[0].seen.id, held[0].deleted), (old, true));
}

async fn the_rename_of_a_name_that_differs_only_in_case(case: Case) {
    let id = create(&case, "acme").await;
    let applied = rename(&case, &[("acme", "Acme")]).await;
    assert!(all_updated(&applied), "{applied:?}");
    assert_eq!(names(&case).await, [(id, Some("Acme".to_owned()))]);
    let other = create(&case, "ACME").await;
    assert_ne!(id, other);
    assert_eq!(case.seen("ACME").await.id, other);
    assert!(case.store.held(&["acme".to_owned()], &[]).await.unwrap().is_empty());
}

async fn a_name_taken_by_a_row_outside_the_batch_is_stale(case: Case) {
    let (a, b) = (create(&case, "A").await, create(&case, "B").await);
    let applied = rename(&case, &[("A", "B")]).await;
    assert!(matches!(applied[0], Applied::Stale), "{applied:?}");
    let again = case.claims().await.remove(0);
    let taken = Write::Rename { seen: case.seen("A").await, to: "B".to_owned() };
    assert!(matches!(case.apply(unit(again, vec![taken])).await, Applied::Stale));
    assert_eq!(names(&case).await, [(a, Some("A".to_owned())), (b, Some("B".to_owned()))]);
}

async fn a_customer_that_gets_its_old_name_back(case: Case) {
    let id = create(&case, "A").await;
    for _ in 0..2 {
        assert!(all_updated(&rename(&case, &[("A", "B")]).await));
        let claim = case.claim("A").await;
        let seen = case.seen("B").await;
        let applied = case.apply(unit(claim, vec![upsert(Some(seen), record("A"), &creation("A"))])).await;
        assert!(matches!(applied, Applied::Written(_)), "{applied:?}");
    }
    assert_eq!(names(&case).await, [(id, Some("A".to_owned()))]);
    assert_eq!(case.store.alias("B").await.unwrap(), Some(id));
}

async fn a_new_customer_read_under_two_names_at_once_gets_one_row(case: Case) {
    let new = |name: &str, created: &str| {
        let (record, keep) = (record(name), Vec::new());
        let state = state(&record, &creation(created));
        Write::Upsert(Box::new(Upsert { target: None, namesakes: [].into(), matched_by: None, record, keep, state }))
    };
    let names = ["After", "Before", "Bystander"];
    case.store.put(&names.map(put)).await.unwrap();
    let claims = case.claims().await;
    let units: Vec<Unit> = names
        .iter()
        .map(|name| {
            let claim = claims.iter().find(|claim| claim.key.name == *name).unwrap();
            let created = if *name == "Bystander" { name } else { "Before" };
            unit(claim.clone(), vec![new(name, created)])
        })
        .collect();
    let other = case.another_store().await;
    let (one, two) = tokio::join!(case.store.apply(&units[..1]), other.apply(&units[1..]));
    let applied = [one.unwrap(), two.unwrap()].concat();
    let stale = applied.iter().filter(|applied| matches!(applied, Applied::Stale)).count();
    assert_eq!(stale, 1, "{applied:?}");
    assert!(matches!(applied[2], Applied::Written(_)), "a neighbour is not held up: {applied:?}");
    assert_eq!(case.count("FROM customers").await, 2);
    assert_eq!(case.store.queue().await.unwrap().due_fast, 1);
}
