//! Opening a database.
//!
//! Invariant: what cannot be opened is explained without giving away the password, and tables go where the user wants
//! them. A database that goes away later is `faults`' business.

use customer_sync::store::{Options, Store};

use super::make::put;
use super::open;
use crate::support::databases::{Kind, fresh};

#[tokio::test]
async fn what_cannot_be_opened_is_explained_without_the_password() {
    let cases = [
        ("postgres://u:hunter2@127.0.0.1:1/d", "unavailable"),
        ("mysql://u:hunter2@127.0.0.1:1/d", "unavailable"),
        ("sqlite:///nowhere/at/all.db", "config"),
        ("oracle://u:hunter2@h/d", "config"),
        ("postgres://u:hunter2@h:port/d", "config"),
        ("sqlite::memory:", "config"),
        ("sqlite://", "config"),
    ];
    for (url, label) in cases {
        let options = Options { url: url.to_owned(), schema: None, max_connections: 2 };
        let error = Store::connect(&options).await.expect_err("nobody is there");
        assert_eq!(error.label(), label, "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_right_is_told_as_such() {
    // A user of a database of its own may enter the other one since PostgreSQL 15, but make nothing there.
    let (theirs, ours) = (fresh(Kind::Postgres).await, fresh(Kind::Postgres).await);
    let mut url = url::Url::parse(&ours.url).unwrap();
    url.set_path(url::Url::parse(&theirs.url).unwrap().path());
    let store = Store::connect(&Options { url: url.into(), schema: None, max_connections: 2 }).await.unwrap();
    let error = store.migrate(false).await.unwrap_err();
    assert_eq!(error.label(), "denied", "{error:?}");
    assert!(error.to_string().contains("GRANT"), "{error}");
}

#[tokio::test]
async fn tables_go_into_the_schema_of_the_users_choice() {
    let database = fresh(Kind::Postgres).await;
    let options = Options { url: database.url.clone(), schema: Some("crm".to_owned()), max_connections: 2 };
    let store = Store::connect(&options).await.unwrap();
    let all = store.pending_migrations().await.unwrap();
    store.migrate(false).await.unwrap();
    store.put(&[put("A")]).await.unwrap();
    store.close().await;
    let elsewhere = open(&database.url).await;
    assert_eq!(elsewhere.pending_migrations().await.unwrap(), all, "the default schema stays empty");
    elsewhere.close().await;
}
