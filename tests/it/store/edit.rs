//! Customers edited by hand, at the level of the store: one transaction each, decided on the row under lock.

use customer_sync::domain::customer::Customer;
use customer_sync::domain::job::DocKey;
use customer_sync::domain::plan::{Seen, Write};
use customer_sync::domain::suggestion::{Suggestion, SuggestionKind, SuggestionState};
use customer_sync::store::{CustomerDetail, Edit, Edited};

use super::make::{CREATION, ending, full_record, record, unit, upsert};
use super::{Case, on_each_database};

on_each_database! {
    every_value_is_stored_as_it_was_given
    an_edit_that_changes_nothing_writes_nothing
    of_two_edits_of_one_version_one_wins
    who_waited_for_a_deleted_customer_waits_no_longer
    a_worker_that_read_the_row_before_an_edit_keeps_what_is_not_its_own
}

/// A local customer with everything that it can have.
fn full() -> Customer {
    Customer { erpnext_id: None, ..full_record("x").customer }
}

fn values(customer: &Customer) -> Edit {
    Edit::Values(Box::new(customer.clone()))
}

impl Case {
    /// Edits the customer whatever it is.
    async fn edit(&self, id: i64, edit: Edit) -> CustomerDetail {
        match self.store.edit(id, "anna", |_now| Ok::<_, ()>(edit.clone())).await.unwrap() {
            Edited::Done(customer) => *customer,
            other => panic!("{other:?}"),
        }
    }

    /// The history of a customer, newest first: kind, actor and fields of each change.
    async fn told(&self, id: i64) -> Vec<(String, Option<String>, Vec<String>)> {
        let fields = |changes: &serde_json::Value| {
            changes.as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap().to_owned()).collect()
        };
        let changes = self.store.changes_of(id, None, 100).await.unwrap();
        changes.into_iter().map(|change| (change.kind, change.actor, fields(&change.changes))).collect()
    }
}

async fn every_value_is_stored_as_it_was_given(case: Case) {
    let added = case.store.insert_local(&full(), "anna").await.unwrap();
    assert_eq!((&added.row.customer, added.row.origin.as_str()), (&full(), "local"));
    let id = added.row.id;
    assert_eq!(case.store.customer(id).await.unwrap().as_ref(), Some(&added));
    let sparse = Customer { name: "Ünlü 😀".to_owned(), ..Customer::default() };
    let changed = case.edit(id, values(&sparse)).await;
    assert_eq!(changed.row.customer, sparse);
    assert_eq!(changed.row.created_at, added.row.created_at);
    assert_ne!(changed.version().unwrap(), added.version().unwrap());
    let told = case.told(id).await;
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].0.as_str(), told[0].1.as_deref()), ("updated", Some("anna")));
    assert_eq!((told[1].0.as_str(), told[1].1.as_deref()), ("created", Some("anna")));
    assert!(told[0].2.contains(&"credit_limit".to_owned()) && told[1].2.contains(&"extra".to_owned()), "{told:?}");
    assert_eq!(case.store.last_change().await.unwrap(), case.store.changes_behind(0, 9).await.unwrap()[1].seq);
}

async fn an_edit_that_changes_nothing_writes_nothing(case: Case) {
    let added = case.store.insert_local(&full(), "anna").await.unwrap();
    let id = added.row.id;
    assert_eq!(case.edit(id, values(&full())).await, added);
    assert_eq!(case.edit(id, Edit::Nothing).await, added);
    let refused = case.store.edit(id, "anna", |_now| Err::<Edit, _>("no")).await.unwrap();
    assert!(matches!(refused, Edited::Refused("no")), "{refused:?}");
    assert!(matches!(case.store.edit(id + 1, "anna", |_now| Ok::<_, ()>(Edit::Tombstone)).await, Ok(Edited::Unknown)));
    assert_eq!(case.told(id).await.len(), 1);
    assert_eq!(case.store.customer(id).await.unwrap(), Some(added));
}

async fn of_two_edits_of_one_version_one_wins(case: Case) {
    let added = case.store.insert_local(&full(), "anna").await.unwrap();
    let other = case.another_store().await;
    let (id, mut version) = (added.row.id, added.version().unwrap());
    for round in 0..10 {
        let race = |name: String| {
            let expected = version.clone();
            move |now: &CustomerDetail| {
                if now.version().unwrap() != expected {
                    return Err(());
                }
                Ok(values(&Customer { name: name.clone(), ..now.row.customer.clone() }))
            }
        };
        let (one, two) = tokio::join!(
            case.store.edit(id, "one", race(format!("one {round}"))),
            other.edit(id, "two", race(format!("two {round}")))
        );
        let won: Vec<Box<CustomerDetail>> = [one.unwrap(), two.unwrap()]
            .into_iter()
            .filter_map(|edited| if let Edited::Done(customer) = edited { Some(customer) } else { None })
            .collect();
        assert_eq!(won.len(), 1, "round {round}");
        version = won[0].version().unwrap();
        assert_eq!(case.store.customer(id).await.unwrap().unwrap().version().unwrap(), version);
    }
    assert_eq!(case.told(id).await.len(), 11);
}

async fn who_waited_for_a_deleted_customer_waits_no_longer(case: Case) {
    let [mine, others] = [
        case.store.insert_local(&full(), "anna").await.unwrap().row.id,
        case.store.insert_local(&full(), "anna").await.unwrap().row.id,
    ];
    let question = |name: &str, customer: i64, kind: SuggestionKind| {
        let suggestion = Suggestion {
            name: name.to_owned(),
            creation: CREATION.to_owned(),
            customer,
            kind,
            matched_by: "email".to_owned(),
        };
        Write::Suggest(suggestion)
    };
    let claim = case.claim("Asked").await;
    let kind = SuggestionKind::Asked;
    case.apply(unit(claim, vec![question("Asked", mine, kind), question("Asked", others, kind)])).await;
    let claim = case.claim("Gone").await;
    case.apply(unit(claim, vec![question("Gone", mine, SuggestionKind::Missing)])).await;
    assert!(case.claims().await.is_empty());

    let deleted = case.edit(mine, Edit::Tombstone).await;
    assert!(deleted.row.deleted_at.is_some() && deleted.row.customer == full(), "{deleted:?}");
    assert_eq!(case.told(mine).await[0], ("deleted".to_owned(), Some("anna".to_owned()), vec![]));
    let open = case.store.suggestions(Some(SuggestionState::Open), 0, 10).await.unwrap();
    assert_eq!(open.iter().map(|row| row.customer).collect::<Vec<_>>(), [others]);
    let claims = case.claims().await;
    assert_eq!(claims.iter().map(|claim| &claim.key).collect::<Vec<_>>(), [&DocKey::customer("Asked")]);
    assert!(case.store.linkable(&[mine]).await.unwrap().is_empty());
    let [claim] = <[_; 1]>::try_from(claims).unwrap();
    case.apply(ending(claim, customer_sync::domain::job::Outcome::Done)).await;
}

async fn a_worker_that_read_the_row_before_an_edit_keeps_what_is_not_its_own(case: Case) {
    let id = case.create("Ada").await;
    let seen: Seen = case.seen("Ada").await;
    let claim = case.claim("Ada").await;
    let before = case.store.customer(id).await.unwrap().unwrap();
    let noted = Customer { notes: Some("call on Fridays".to_owned()), ..before.row.customer };
    case.edit(id, values(&noted)).await;
    let mut fresh = record("Ada");
    fresh.customer.city = Some("Ulm".to_owned());
    let Write::Upsert(mut upsert) = upsert(Some(seen), fresh, CREATION) else { panic!("an upsert") };
    upsert.keep = vec!["notes"];
    case.apply(unit(claim, vec![Write::Upsert(upsert)])).await;
    let after = case.store.customer(id).await.unwrap().unwrap().row.customer;
    assert_eq!((after.city.as_deref(), after.notes.as_deref()), (Some("Ulm"), Some("call on Fridays")));
    assert_eq!(case.told(id).await[0].2, ["city"]);
}
