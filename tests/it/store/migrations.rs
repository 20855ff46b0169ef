//! Setting up the tables of an empty database.
//!
//! Invariant: `migrate` may run at any time, in any number of processes at once, and a database of a newer version or
//! of a changed migration is left alone with a sentence. Tables that were there before us are `adopt`'s.

use std::time::Duration;

use customer_sync::store::StoreError;
use tokio::task::JoinSet;

use super::make::{LEASE, put};
use super::{Case, on_each_database};
use crate::support::databases::Kind;

on_each_database! { unmigrated:
    every_statement_is_understood
    migrations_run_in_order_and_once
    many_processes_migrate_at_once
    before_the_migration_every_question_is_an_error
    a_newer_database_is_left_alone
    an_edited_migration_is_noticed
    former_names_go_with_their_customer_by_an_index
}

async fn every_statement_is_understood(case: Case) {
    case.store.migrate(false).await.unwrap();
    assert!(case.store.check_statements().await.unwrap() > 30);
}

async fn migrations_run_in_order_and_once(case: Case) {
    let pending = case.store.pending_migrations().await.unwrap();
    assert!(pending.len() >= 3 && pending.is_sorted(), "{pending:?}");
    let report = case.store.migrate(false).await.unwrap();
    assert_eq!(report.applied, pending);
    assert!(report.added_columns.is_empty());
    assert!(case.store.pending_migrations().await.unwrap().is_empty());
    assert!(case.store.migrate(false).await.unwrap().applied.is_empty());
    assert!(case.store.migrate(true).await.unwrap().applied.is_empty(), "adopting our own table changes nothing");
}

async fn many_processes_migrate_at_once(case: Case) {
    let pending = case.store.pending_migrations().await.unwrap();
    let mut processes = JoinSet::new();
    for _ in 0..4 {
        let store = case.another_store().await;
        processes.spawn(async move { store.migrate(false).await.unwrap().applied });
    }
    let mut applied: Vec<String> = processes.join_all().await.concat();
    applied.sort();
    assert_eq!(applied, pending, "each migration ran in one process");
    case.store.put(&[put("Acme")]).await.unwrap();
    assert_eq!(case.claimed_names().await, ["Acme"]);
}

async fn before_the_migration_every_question_is_an_error(case: Case) {
    case.store.ping().await.unwrap();
    let refused = case.store.claim(1, 1, LEASE).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(case.store.prune_deliveries(Duration::ZERO, 0).await.is_err());
    assert_eq!(
        case.store.pending_migrations().await.unwrap().len(),
        case.store.migrate(false).await.unwrap().applied.len()
    );
}

async fn a_newer_database_is_left_alone(case: Case) {
    case.store.migrate(false).await.unwrap();
    case.execute("INSERT INTO sync_migrations (name, checksum, applied_at) VALUES ('9999_future', 'x', 1)").await;
    for result in [case.store.migrate(false).await.map(drop), case.store.pending_migrations().await.map(drop)] {
        let error = result.unwrap_err();
        assert!(matches!(&error, StoreError::NewerSchema { found } if found == "9999_future"), "{error:?}");
        assert!(error.to_string().contains("9999_future"), "{error}");
    }
}

async fn an_edited_migration_is_noticed(case: Case) {
    let first = case.store.migrate(false).await.unwrap().applied.remove(0);
    case.execute(&format!("UPDATE sync_migrations SET checksum = 'edited' WHERE name = '{first}'")).await;
    let error = case.store.migrate(false).await.unwrap_err();
    assert!(matches!(&error, StoreError::ChangedMigration { name } if *name == first), "{error:?}");
}

async fn former_names_go_with_their_customer_by_an_index(case: Case) {
    case.store.migrate(false).await.unwrap();
    let (column, tail) = match case.database.kind {
        Kind::Sqlite => ("sql", "FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'sync_aliases'"),
        Kind::Postgres => ("indexdef", "FROM pg_indexes WHERE tablename = 'sync_aliases'"),
        Kind::Mariadb => (
            "CONCAT('(', column_name, ')')",
            "FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'sync_aliases' AND seq_in_index = 1",
        ),
    };
    let indexes = case.select([column], tail).await;
    assert!(indexes.iter().flatten().flatten().any(|index| index.contains("(customer_id)")), "{indexes:?}");
}
