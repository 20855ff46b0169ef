//! Writing customers: create, update, leave alone, tombstone, revive.
//!
//! Invariant: what differs is written and told in `customer_changes`, what does not differ is not touched, and a unit
//! whose row has changed meanwhile writes nothing at all.

use customer_sync::domain::document::Unknown;
use customer_sync::domain::job::{DocKey, Outcome};
use customer_sync::domain::plan::{Applied, Effect, Gone, Seen, Unit, Upsert, Write};
use serde_json::{Value, json};

use super::make::{CREATION, full_record, put, record, state, unit, upsert};
use super::{Case, make, on_each_database};

on_each_database! {
    a_new_customer_is_stored_field_for_field
    an_update_writes_and_tells_what_differs
    an_unchanged_customer_is_not_touched
    a_note_writes_the_bookkeeping_only
    fields_that_cannot_be_stored_keep_their_value
    a_stale_unit_writes_nothing_and_is_repeated
    a_name_that_was_taken_meanwhile_is_stale
    a_tombstone_is_marked_and_revived_with_its_id
    a_merged_customer_points_to_the_other
    what_cannot_be_read_is_marked
    good_units_do_not_suffer_from_a_bad_one
    the_puts_of_a_stale_unit_are_not_made
    a_batch_of_two_hundred_is_written_at_once
}

async fn a_new_customer_is_stored_field_for_field(case: Case) {
    let record = full_record("Müller");
    let (id, effect) = case.write("Müller", upsert(None, record.clone(), CREATION)).await;
    assert_eq!(effect, Effect::Created);

    let detail = case.store.customer(id).await.unwrap().unwrap();
    assert_eq!(detail.row.customer, record.customer);
    assert_eq!(detail.addresses, record.addresses);
    assert_eq!(detail.contacts, record.contacts);
    assert_eq!((detail.row.id, detail.row.origin.as_str()), (id, "erpnext"));
    assert_eq!((&detail.row.merged_into, &detail.row.deleted_at), (&None, &None));
    assert_eq!(detail.row.created_at, detail.row.updated_at);
    assert!(detail.row.created_at.as_ref().unwrap().ends_with('Z'), "{:?}", detail.row.created_at);

    let seen = case.seen("Müller").await;
    let hash = state(&record, CREATION).hash;
    let expected =
        Seen { id, erpnext_id: Some("Müller".to_owned()), creation: Some(CREATION.to_owned()), hash: Some(hash) };
    assert_eq!(seen, expected);

    let changes = case.store.changes_of(id, None, 10).await.unwrap();
    assert_eq!(changes.len(), 1);
    let change = serde_json::to_value(&changes[0]).unwrap();
    assert_eq!((&change["kind"], &change["cause"]), (&json!("created"), &json!("webhook")));
    assert_eq!(change["delivery_id"], "delivery of Müller");
    let fields = change["changes"].as_array().unwrap();
    assert!(fields.iter().all(|field| field["old"].is_null() && !field["new"].is_null()));
    let city = fields.iter().find(|field| field["field"] == "city").unwrap();
    assert_eq!(city["new"], "Berlin");
    assert!(fields.iter().any(|field| field["field"] == "addresses"));
}

async fn an_update_writes_and_tells_what_differs(case: Case) {
    let before = full_record("Müller");
    let (id, _) = case.write("Müller", upsert(None, before.clone(), CREATION)).await;
    case.execute("UPDATE customers SET updated_at = '2020-01-01 00:00:00', created_at = '2020-01-01 00:00:00'").await;

    let mut after = before.clone();
    after.customer.city = Some("Köln".to_owned());
    after.customer.credit_limit = None;
    after.customer.is_active = false;
    let seen = case.seen("Müller").await;
    let (same, effect) = case.write("Müller", upsert(Some(seen), after.clone(), CREATION)).await;
    assert_eq!((same, effect), (id, Effect::Updated));

    let detail = case.store.customer(id).await.unwrap().unwrap();
    assert_eq!(detail.row.customer, after.customer);
    assert_eq!(detail.addresses, before.addresses);
    assert_eq!(detail.row.created_at.as_deref(), Some("2020-01-01T00:00:00.000Z"));
    assert!(detail.row.updated_at.as_deref() > Some("2026"), "{:?}", detail.row.updated_at);
    assert_eq!(
        latest_change(&case, id).await,
        json!([
            {"field": "city", "old": "Berlin", "new": "Köln"},
            {"field": "credit_limit", "old": before.customer.credit_limit, "new": null},
            {"field": "is_active", "old": true, "new": false},
        ])
    );
}

async fn an_unchanged_customer_is_not_touched(case: Case) {
    let record = full_record("Müller");
    let (id, _) = case.write("Müller", upsert(None, record.clone(), CREATION)).await;
    case.execute("UPDATE customers SET updated_at = '2020-01-01 00:00:00'").await;
    let seen = case.seen("Müller").await;
    let (same, effect) = case.write("Müller", upsert(Some(seen), record, CREATION)).await;
    assert_eq!((same, effect), (id, Effect::Unchanged));
    let detail = case.store.customer(id).await.unwrap().unwrap();
    assert_eq!(detail.row.updated_at.as_deref(), Some("2020-01-01T00:00:00.000Z"));
    assert_eq!(case.count("FROM customer_changes").await, 1);
}

async fn a_note_writes_the_bookkeeping_only(case: Case) {
    let id = case.create("Acme").await;
    case.execute("UPDATE customers SET updated_at = '2020-01-01 00:00:00'").await;
    let seen = case.seen("Acme").await;
    let mut state = state(&record("Acme"), CREATION);
    state.modified = "2026-03-03 03:03:03".to_owned();
    let (same, effect) = case.write("Acme", Write::Note { seen: seen.clone(), state }).await;
    assert_eq!((same, effect), (id, Effect::Unchanged));
    assert_eq!(case.seen("Acme").await, seen);
    let held = case.store.held(&["Acme".to_owned()], &[]).await.unwrap().remove(0);
    assert_eq!(held.modified.as_deref(), Some("2026-03-03 03:03:03"));
    assert_eq!(
        case.store.customer(id).await.unwrap().unwrap().row.updated_at.as_deref(),
        Some("2020-01-01T00:00:00.000Z")
    );
    assert_eq!(case.count("FROM customer_changes").await, 1);
}

async fn fields_that_cannot_be_stored_keep_their_value(case: Case) {
    let keeping = |target, record, keep| {
        let mut state = state(&record, CREATION);
        state.problems = Some("the city is too long".to_owned());
        Write::Upsert(Box::new(Upsert { target, namesakes: make::everybody(), matched_by: None, record, keep, state }))
    };
    let mut first = full_record("Müller");
    first.customer.city = None;
    let (id, _) = case.write("Müller", keeping(None, first.clone(), vec!["city"])).await;
    assert_eq!(
        case.store.customer(id).await.unwrap().unwrap().row.customer,
        first.customer,
        "a new row has no value to keep"
    );

    let (_, effect) =
        case.write("Müller", upsert(Some(case.seen("Müller").await), full_record("Müller"), CREATION)).await;
    assert_eq!(effect, Effect::Updated);
    let mut third = first.clone();
    third.customer.credit_limit = None;
    third.customer.phone = Some("1".to_owned());
    let seen = case.seen("Müller").await;
    case.write("Müller", keeping(Some(seen), third.clone(), vec!["city", "credit_limit"])).await;
    let stored = case.store.customer(id).await.unwrap().unwrap().row.customer;
    assert_eq!(stored.city.as_deref(), Some("Berlin"));
    assert_eq!(stored.credit_limit, full_record("Müller").customer.credit_limit);
    assert_eq!(stored.phone.as_deref(), Some("1"));
    assert_eq!(latest_change(&case, id).await, json!([{"field": "phone", "old": "+49 30 123456", "new": "1"}]));
    assert!(case.store.held(&["Müller".to_owned()], &[]).await.unwrap()[0].has_problems);
}

async fn a_stale_unit_writes_nothing_and_is_repeated(case: Case) {
    let id = case.create("Acme").await;
    let seen = case.seen("Acme").await;
    let other = case.create("Other").await;
    let mut changed = record("Acme");
    changed.customer.city = Some("Pune".to_owned());
    let stale = [
        Seen { hash: Some("0".repeat(64)), ..seen.clone() },
        Seen { creation: Some("2020-01-01 00:00:00".to_owned()), ..seen.clone() },
        Seen { erpnext_id: Some("Former".to_owned()), ..seen.clone() },
        Seen { erpnext_id: None, ..seen.clone() },
        Seen { id: id + 1_000, ..seen.clone() },
    ];
    for target in stale {
        let seen_other = case.seen("Other").await;
        case.store.put(&[put("Acme"), put("Other")]).await.unwrap();
        let mut claims = case.claims().await;
        claims.sort_by(|one, other| one.key.cmp(&other.key));
        let mut good = record("Other");
        good.customer.notes = Some(format!("beside {target:?}"));
        let units = vec![
            unit(claims[0].clone(), vec![upsert(Some(target.clone()), changed.clone(), CREATION)]),
            unit(claims[1].clone(), vec![upsert(Some(seen_other), good.clone(), CREATION)]),
        ];
        let applied = case.store.apply(&units).await.unwrap();
        assert!(matches!(applied[0], Applied::Stale), "{target:?}: {:?}", applied[0]);
        assert!(
            matches!(&applied[1], Applied::Written(effects) if effects[..] == [(other, Effect::Updated)]),
            "{applied:?}"
        );
        assert_eq!(case.seen("Acme").await, seen);
        assert_eq!(case.store.customer(other).await.unwrap().unwrap().row.customer, good.customer);

        let again = case.claims().await.remove(0);
        assert_eq!((again.key.name.as_str(), again.attempts), ("Acme", 0), "repeated, and no attempt burned");
        case.store.apply(&[super::make::ending(again, Outcome::Done)]).await.unwrap();
    }
    // The application that owns the table may delete a row at any time.
    case.execute(&format!("DELETE FROM customers WHERE id = {id}")).await;
    let claim = case.claim("Acme").await;
    assert!(matches!(case.apply(unit(claim, vec![upsert(Some(seen), changed, CREATION)])).await, Applied::Stale));
    assert_eq!(case.count("FROM customers").await, 1);
}

async fn a_name_that_was_taken_meanwhile_is_stale(case: Case) {
    let claim = case.claim("Acme").await;
    // Another process, or the application itself, was faster.
    case.execute(
        "INSERT INTO customers (name, erpnext_id, created_at, updated_at)
                  VALUES ('x', 'Acme', '2020-01-01 00:00:00', '2020-01-01 00:00:00')",
    )
    .await;
    let seen = case.seen("Acme").await;
    assert!(matches!(case.apply(unit(claim, vec![upsert(None, record("Acme"), CREATION)])).await, Applied::Stale));
    assert_eq!(case.seen("Acme").await, seen);
    assert_eq!(case.count("FROM customers").await, 1);
}

async fn a_tombstone_is_marked_and_revived_with_its_id(case: Case) {
    let id = case.create("Acme").await;
    let seen = case.seen("Acme").await;
    let tombstone = Write::Tombstone { seen: seen.clone(), gone: Gone::Deleted, release_name: false };
    assert_eq!(case.write("Acme", tombstone).await, (id, Effect::Tombstoned));
    let row = case.store.customer(id).await.unwrap().unwrap().row;
    assert!(row.deleted_at.is_some());
    assert_eq!(row.customer.erpnext_id.as_deref(), Some("Acme"));
    assert_eq!(row.customer.name, "Acme Ltd", "the row stays as it was");
    let held = case.store.held(&["Acme".to_owned()], &[]).await.unwrap().remove(0);
    assert!(held.deleted && !held.merged);
    assert_eq!(latest_kind(&case, id).await, "deleted");

    let again = Write::Tombstone { seen: held.seen.clone(), gone: Gone::Deleted, release_name: false };
    assert_eq!(case.write("Acme", again).await, (id, Effect::Unchanged), "it is marked already");
    let claim = case.claim("Acme").await;
    let late = case.apply(unit(claim, vec![upsert(Some(seen), record("Acme"), CREATION)])).await;
    assert!(matches!(late, Applied::Stale), "who looked before the deletion does not revive it: {late:?}");
    let again = case.claims().await.remove(0);
    case.apply(super::make::ending(again, Outcome::Done)).await;

    let (same, effect) = case.write("Acme", upsert(Some(held.seen), record("Acme"), CREATION)).await;
    assert_eq!((same, effect), (id, Effect::Updated));
    assert_eq!(case.store.customer(id).await.unwrap().unwrap().row.deleted_at, None);
    assert_eq!(latest_kind(&case, id).await, "restored");
    assert!(!case.store.held(&["Acme".to_owned()], &[]).await.unwrap()[0].deleted);
}

async fn a_merged_customer_points_to_the_other(case: Case) {
    let (gone, kept) = (case.create("Gone").await, case.create("Kept").await);
    let seen = case.seen("Gone").await;
    let merge = Write::Tombstone { seen, gone: Gone::Merged(kept), release_name: true };
    assert_eq!(case.write("Gone", merge).await, (gone, Effect::Tombstoned));
    let row = case.store.customer(gone).await.unwrap().unwrap().row;
    assert_eq!((row.merged_into, row.customer.erpnext_id), (Some(kept), None));
    assert!(row.deleted_at.is_some());
    assert_eq!(latest_kind(&case, gone).await, "merged");
    assert_eq!(case.store.alias("Gone").await.unwrap(), Some(gone));
    let held = case.store.held(&[], &[CREATION.to_owned()]).await.unwrap();
    assert!(held.iter().any(|held| held.seen.id == gone && held.merged && held.deleted));
}

async fn what_cannot_be_read_is_marked(case: Case) {
    let id = case.create("Acme").await;
    case.create("Other").await;
    assert_eq!(case.store.unknown_parts().await.unwrap(), []);
    let unknown = Unknown::parse(Some("contact,customer.field:tax_id"));
    let seen = case.seen("Acme").await;
    let (same, effect) = case.write("Acme", Write::MarkUnknown { seen: seen.clone(), unknown: unknown.clone() }).await;
    assert_eq!((same, effect), (id, Effect::Unchanged));
    assert_eq!(case.store.unknown_parts().await.unwrap(), [(unknown.stored().unwrap(), 1)]);
    let held = case.store.held(&["Acme".to_owned()], &[]).await.unwrap().remove(0);
    assert_eq!((held.seen, held.unknown), (seen.clone(), unknown));

    case.write("Acme", Write::MarkUnknown { seen, unknown: Unknown::default() }).await;
    assert_eq!(case.store.unknown_parts().await.unwrap(), []);
    assert_eq!(case.count("FROM customer_changes").await, 2, "marks are no changes");
}

async fn good_units_do_not_suffer_from_a_bad_one(case: Case) {
    // The user has tightened the table; what ERPNext has for one customer no longer fits.
    let check = match case.database.kind {
        crate::support::databases::Kind::Sqlite => {
            "CREATE TRIGGER tight BEFORE INSERT ON customers WHEN new.city = 'Nowhere'
             BEGIN SELECT RAISE(ABORT, 'no such city'); END"
        }
        _ => "ALTER TABLE customers ADD CONSTRAINT tight CHECK (city <> 'Nowhere')",
    };
    case.execute(check).await;
    let names = ["a", "b", "c"];
    case.store.put(&names.map(put)).await.unwrap();
    let mut claims = case.claims().await;
    claims.sort_by(|one, other| one.key.cmp(&other.key));
    let units: Vec<Unit> = claims
        .into_iter()
        .map(|claim| {
            let mut record = record(&claim.key.name);
            record.customer.city = Some(if claim.key.name == "b" { "Nowhere" } else { "Pune" }.to_owned());
            unit(claim, vec![upsert(None, record, CREATION)])
        })
        .collect();
    let applied = case.store.apply(&units).await.unwrap();
    assert!(matches!(applied[0], Applied::Written(_)) && matches!(applied[2], Applied::Written(_)), "{applied:?}");
    let stored = case.select(["erpnext_id"], "FROM customers ORDER BY erpnext_id").await;
    assert_eq!(stored, [[Some("a".to_owned())], [Some("c".to_owned())]]);
    let job = case.store.job(&DocKey::customer("b")).await.unwrap().expect("the bad one is visible");
    assert!(
        job.last_error.as_deref().is_some_and(|error| error.contains("tight") || error.contains("no such city")),
        "{job:?}"
    );
    assert_eq!(case.store.queue().await.unwrap().dead, 1);
    assert_eq!(case.count("FROM sync_jobs").await, 1);
}

async fn the_puts_of_a_stale_unit_are_not_made(case: Case) {
    case.create("Acme").await;
    let claim = case.claim("Acme").await;
    let seen = Seen { hash: None, ..case.seen("Acme").await };
    let mut unit = unit(claim.clone(), vec![upsert(Some(seen), record("Acme"), CREATION)]);
    unit.puts = vec![claim.inherit(DocKey::customer("Next"))];
    assert!(matches!(case.apply(unit).await, Applied::Stale));
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn a_batch_of_two_hundred_is_written_at_once(case: Case) {
    let names: Vec<String> = (0..200).map(|number| format!("Customer {number:03}")).collect();
    let puts: Vec<_> = names.iter().map(|name| put(name)).collect();
    for (round, expected) in [Effect::Created, Effect::Updated, Effect::Unchanged].into_iter().enumerate() {
        case.store.put(&puts).await.unwrap();
        let held = case.store.held(&names, &[]).await.unwrap();
        let claims = case.store.claim(200, 200, super::make::LEASE).await.unwrap();
        assert_eq!(claims.len(), 200);
        let units: Vec<Unit> = claims
            .into_iter()
            .map(|claim| {
                let mut record = full_record(&claim.key.name);
                record.customer.notes = Some(round.min(1).to_string());
                record.contacts.truncate(usize::from(round == 0));
                let target = held.iter().find(|held| held.seen.erpnext_id.as_deref() == Some(&claim.key.name));
                unit(claim, vec![upsert(target.map(|held| held.seen.clone()), record, CREATION)])
            })
            .collect();
        for applied in case.store.apply(&units).await.unwrap() {
            assert!(matches!(&applied, Applied::Written(effects) if effects[0].1 == expected), "{round}: {applied:?}");
        }
        assert!(case.claims().await.is_empty());
    }
    assert_eq!(case.count("FROM customers").await, 200);
    assert_eq!(case.count("FROM customer_addresses").await, 400);
    assert_eq!(case.count("FROM customer_contacts").await, 0);
    assert_eq!(case.count("FROM customer_changes").await, 400);
}

/// The `changes` of the newest change.
async fn latest_change(case: &Case, id: i64) -> Value {
    let changes = case.store.changes_of(id, None, 100).await.unwrap();
    let newest = changes.iter().max_by_key(|change| change.seq).unwrap();
    serde_json::to_value(&newest.changes).unwrap()
}

/// The kind of the newest change.
async fn latest_kind(case: &Case, id: i64) -> String {
    let changes = case.store.changes_of(id, None, 100).await.unwrap();
    changes.iter().max_by_key(|change| change.seq).unwrap().kind.clone()
}
