//! Rows that were there before ERPNext's documents: what finds them, and what the transaction that links one checks again.

use std::collections::BTreeSet;

use customer_sync::domain::customer::CustomerId;
use customer_sync::domain::job::DocKey;
use customer_sync::domain::matching::{MatchKey, MatchedBy};
use customer_sync::domain::plan::{Applied, Effect, Seen, Upsert, Write};
use customer_sync::domain::suggestion::{Suggestion, SuggestionKind, SuggestionState};
use customer_sync::store::{Kept, Unlinked};

use super::make::{CREATION, everybody, record, state, unit, upsert};
use super::{Case, on_each_database};

on_each_database! {
    values_are_found_whatever_their_spelling
    only_living_rows_that_were_never_read_take_part
    a_link_of_a_row_that_changed_meanwhile_is_stale
    a_question_is_asked_once_and_never_about_a_row_that_is_taken
    unlinking_is_whole_and_once
}

impl Case {
    /// A row as the user's application makes it.
    async fn local(&self, id: CustomerId, email: &str, tax_number: &str) {
        let row = format!("({id}, 'Local {id}', '{email}', '{tax_number}')");
        self.execute(&format!("INSERT INTO customers (id, name, email, tax_number) VALUES {row}")).await;
    }

    async fn matching(&self, key: &MatchKey, kept: Kept, values: &[&str]) -> Vec<CustomerId> {
        let values: BTreeSet<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let mut ids: Vec<_> =
            self.store.with_values(key, kept, &values).await.unwrap().into_iter().map(|row| row.id).collect();
        ids.sort_unstable();
        ids
    }
}

fn seen(id: CustomerId) -> Seen {
    Seen { id, erpnext_id: None, creation: None, hash: None }
}

/// A link of a local row to a document, because of an e-mail.
fn link(id: CustomerId, name: &str, email: &str) -> Write {
    let record = record(name);
    let state = state(&record, CREATION);
    let matched_by = Some(MatchedBy::Key { key: MatchKey::Email, value: email.to_owned() });
    let namesakes = everybody();
    Write::Upsert(Box::new(Upsert { target: Some(seen(id)), namesakes, matched_by, record, keep: Vec::new(), state }))
}

fn question(name: &str, customer: CustomerId) -> Write {
    let (name, creation, matched_by) = (name.to_owned(), CREATION.to_owned(), "email".to_owned());
    Write::Suggest(Suggestion { name, creation, customer, kind: SuggestionKind::Ambiguous, matched_by })
}

async fn values_are_found_whatever_their_spelling(case: Case) {
    case.local(1, " Info@A.example ", "DE 123-456").await;
    case.local(2, "info@a.example", "de.123/456").await;
    case.local(3, "other@a.example", "DE123457").await;
    case.execute(
        "INSERT INTO customers (id, name, erpnext_id) VALUES (4, 'x', 'GRÖSSE gmbh'), (5, 'x', 'Groesse GmbH')",
    )
    .await;
    assert_eq!(case.matching(&MatchKey::Email, Kept::Local, &["info@a.example", "nobody@x"]).await, [1, 2]);
    assert_eq!(case.matching(&MatchKey::TaxNumber, Kept::Local, &["DE123456"]).await, [1, 2]);
    let id = MatchKey::LocalId { field: "custom_id".to_owned() };
    assert_eq!(case.matching(&id, Kept::Local, &["3", "99"]).await, [3]);
    let named = case.store.unread_named(&BTreeSet::from(["Grösse GmbH"])).await.unwrap();
    assert_eq!(named.iter().map(|row| row.id).collect::<Vec<_>>(), [4]);
}

async fn only_living_rows_that_were_never_read_take_part(case: Case) {
    assert!(!case.store.has_unread().await.unwrap());
    let read = case.create("Read").await;
    case.execute(&format!("UPDATE customers SET email = 'a@a.example' WHERE id = {read}")).await;
    case.local(11, "a@a.example", "").await;
    case.local(12, "a@a.example", "").await;
    case.local(13, "a@a.example", "").await;
    case.execute("UPDATE customers SET deleted_at = CURRENT_TIMESTAMP WHERE id = 12").await;
    case.execute("UPDATE customers SET origin = 'erpnext' WHERE id = 13").await;
    assert!(!case.store.has_unread().await.unwrap());
    case.execute("INSERT INTO customers (id, name, email, erpnext_id) VALUES (14, 'x', 'a@a.example', 'Unread')").await;
    assert!(case.store.has_unread().await.unwrap());
    let email = ["a@a.example"];
    assert_eq!(case.matching(&MatchKey::Email, Kept::Local, &email).await, [11]);
    assert_eq!(case.matching(&MatchKey::Email, Kept::Unread, &email).await, [14]);
    assert_eq!(case.matching(&MatchKey::Email, Kept::Read, &email).await, [read]);
    let linkable = case.store.linkable(&[read, 11, 12, 13, 14, 99]).await.unwrap();
    assert_eq!(linkable.iter().map(|row| row.id).collect::<BTreeSet<_>>(), BTreeSet::from([11, 14]));
}

async fn a_link_of_a_row_that_changed_meanwhile_is_stale(case: Case) {
    case.local(1, "a@a.example", "").await;
    let changes = [
        "UPDATE customers SET email = 'new@a.example' WHERE id = 1",
        "UPDATE customers SET email = 'A@a.example ', deleted_at = CURRENT_TIMESTAMP WHERE id = 1",
    ];
    for change in changes {
        // What was stale is due again, so each round claims the job of the one before.
        let claim = case.claim("A").await;
        case.execute(change).await;
        let applied = case.apply(unit(claim, vec![link(1, "A", "a@a.example")])).await;
        assert!(matches!(applied, Applied::Stale), "{change}: {applied:?}");
    }
    case.execute("UPDATE customers SET deleted_at = NULL WHERE id = 1").await;
    assert_eq!(case.write("A", link(1, "A", "a@a.example")).await, (1, Effect::Linked));
    let rows = case.select(["erpnext_id", "origin"], "FROM customers WHERE id = 1").await;
    assert_eq!(rows, [[Some("A".to_owned()), Some("erpnext".to_owned())]]);
    // Somebody else was faster.
    let claim = case.claim("B").await;
    assert!(matches!(case.apply(unit(claim, vec![link(1, "B", "a@a.example")])).await, Applied::Stale));
    assert!(case.store.job(&DocKey::customer("B")).await.unwrap().is_some(), "it is looked at again");
}

async fn a_question_is_asked_once_and_never_about_a_row_that_is_taken(case: Case) {
    case.local(1, "a@a.example", "").await;
    for _again in 0..2 {
        let claim = case.claim("A").await;
        assert!(
            matches!(case.apply(unit(claim, vec![question("A", 1)])).await, Applied::Written(rows) if rows.is_empty())
        );
    }
    let open = case.store.suggestions(Some(SuggestionState::Open), 0, 10).await.unwrap();
    assert_eq!(open.len(), 1);
    assert!(case.store.decide_suggestion(open[0].id, SuggestionState::Rejected, None).await.unwrap());
    assert!(!case.store.decide_suggestion(open[0].id, SuggestionState::Accepted, None).await.unwrap(), "decided once");
    let claim = case.claim("A").await;
    case.apply(unit(claim, vec![question("A", 1)])).await;
    assert_eq!(case.store.open_suggestions().await.unwrap(), 0, "a no is not asked again");

    let claim = case.claim("B").await;
    case.apply(unit(claim, vec![question("B", 1)])).await;
    assert_eq!(case.write("C", link(1, "C", "a@a.example")).await, (1, Effect::Linked));
    assert_eq!(case.store.open_suggestions().await.unwrap(), 0, "the row has got its document");
    let claim = case.claim("D").await;
    assert!(matches!(case.apply(unit(claim, vec![question("D", 1)])).await, Applied::Stale));
}

async fn unlinking_is_whole_and_once(case: Case) {
    let id = case.create("A").await;
    let claim = case.claim("A").await;
    let before = case.seen("A").await;
    assert_eq!(case.store.unlink(id, Some("otto")).await.unwrap(), Unlinked::Done { name: "A".to_owned() });
    assert_eq!(case.store.unlink(id, None).await.unwrap(), Unlinked::NotLinked);
    assert_eq!(case.store.unlink(4711, None).await.unwrap(), Unlinked::Unknown);
    assert_eq!(case.count("FROM sync_state").await, 0);
    let rows = case.select(["kind", "cause", "actor"], "FROM customer_changes ORDER BY seq DESC LIMIT 1").await;
    assert_eq!(rows, [["unlinked", "person", "otto"].map(|word| Some(word.to_owned()))]);
    // Who read the document before is repeated, and finds that it has no row.
    let applied = case.apply(unit(claim, vec![upsert(Some(before), record("A"), CREATION)])).await;
    assert!(matches!(applied, Applied::Stale), "{applied:?}");
    assert!(case.store.held(&["A".to_owned()], &[]).await.unwrap().is_empty());
    let rejected = case.store.suggestions(Some(SuggestionState::Rejected), 0, 10).await.unwrap();
    assert_eq!(rejected.iter().map(|row| (row.name.as_str(), row.customer)).collect::<Vec<_>>(), [("A", id)]);
}
