//! What the API and the command line ask: pages of customers, history, tokens, notes about the database itself.
//!
//! Invariant: reads never need more than the public method; what is not there is `None`, not an error.

use customer_sync::domain::customer::CustomerId;

use super::make::{CREATION, record, upsert};
use super::{Case, on_each_database};
use crate::support::truth::page_by_id;

on_each_database! {
    customers_come_in_pages_by_id
    what_is_not_there_is_none
    history_is_told_newest_first
    tokens_are_found_by_their_hash
    meta_values_are_kept
    the_database_is_closed
}

async fn customers_come_in_pages_by_id(case: Case) {
    let mut ids: Vec<CustomerId> = Vec::new();
    for number in 0..5 {
        ids.push(case.create(&format!("c{number}")).await);
    }
    assert!(ids.is_sorted());
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = page_by_id(&case.store, after, 2).await;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        pages.push(page.iter().map(|row| row.id).collect::<Vec<_>>());
    }
    assert_eq!(pages, [&ids[0..2], &ids[2..4], &ids[4..5]]);
    let page = page_by_id(&case.store, None, 1).await;
    let json = serde_json::to_value(&page[0]).unwrap();
    assert_eq!(
        (json["id"].as_i64(), json["erpnext_id"].as_str()),
        (Some(ids[0]), Some("c0")),
        "one flat object: {json}"
    );
}

async fn what_is_not_there_is_none(case: Case) {
    assert!(case.store.customer(1).await.unwrap().is_none());
    assert!(case.store.changes_of(1, None, 10).await.unwrap().is_empty());
    assert!(case.store.alias("x").await.unwrap().is_none());
    assert!(case.store.token("x").await.unwrap().is_none());
    assert!(case.store.meta("x").await.unwrap().is_none());
    assert!(case.store.held(&["x".to_owned()], &["y".to_owned()]).await.unwrap().is_empty());
    assert!(case.store.documents(&[1]).await.unwrap().is_empty());
    assert!(page_by_id(&case.store, None, 10).await.is_empty());
}

async fn history_is_told_newest_first(case: Case) {
    let id = case.create("Acme").await;
    for number in 0..4 {
        let mut record = record("Acme");
        record.customer.notes = Some(number.to_string());
        case.write("Acme", upsert(Some(case.seen("Acme").await), record, CREATION)).await;
    }
    let changes = case.store.changes_of(id, None, 3).await.unwrap();
    let sequence: Vec<_> = changes.iter().map(|change| change.seq).collect();
    assert_eq!(sequence, [5, 4, 3]);
}

async fn tokens_are_found_by_their_hash(case: Case) {
    let hash = "ab".repeat(32);
    case.store.create_token("laptop", "viewer", &hash, None).await.unwrap();
    let token = case.store.token(&hash).await.unwrap().unwrap();
    assert_eq!((token.name.as_str(), token.role.as_str()), ("laptop", "viewer"));
    assert!(case.store.token(&hash.to_uppercase()).await.unwrap().is_none());
    assert!(case.store.create_token("another", "admin", &hash, None).await.is_err(), "a hash is unique");
}

async fn meta_values_are_kept(case: Case) {
    case.store.set_meta("site", "https://one.example").await.unwrap();
    case.store.set_meta("site", "https://two.example").await.unwrap();
    case.store.set_meta("other", "").await.unwrap();
    assert_eq!(case.store.meta("site").await.unwrap().as_deref(), Some("https://two.example"));
    assert_eq!(case.store.meta("other").await.unwrap().as_deref(), Some(""));
}

async fn the_database_is_closed(case: Case) {
    case.store.ping().await.unwrap();
    let other = case.another_store().await;
    other.close().await;
    assert!(other.ping().await.is_err());
    case.store.ping().await.unwrap();
}
