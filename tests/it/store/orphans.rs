//! A customer that another application deleted without its bookkeeping (on SQLite the way most programs do it).

use customer_sync::domain::plan::{Applied, Upsert, Write};

use super::make::{CREATION, record, state, unit};
use super::{Case, on_each_database};
use crate::support::databases::Kind;

on_each_database! {
    a_customer_deleted_without_its_state_comes_back
    what_deleted_customers_left_is_cleared_up
}

impl Case {
    async fn delete_only_the_row(&self, name: &str) {
        let unguarded = match self.database.kind {
            Kind::Sqlite => "PRAGMA foreign_keys = OFF",
            Kind::Postgres => "ALTER TABLE sync_state DROP CONSTRAINT sync_state_customer_id_fkey",
            Kind::Mariadb => "SET SESSION foreign_key_checks = 0",
        };
        self.execute(&format!("{unguarded}; DELETE FROM customers WHERE erpnext_id = '{name}'")).await;
        assert_eq!(
            self.count("FROM sync_state AS s LEFT JOIN customers AS c ON c.id = s.customer_id WHERE c.id IS NULL")
                .await,
            1
        );
    }
}

async fn a_customer_deleted_without_its_state_comes_back(case: Case) {
    let before = case.create("Acme").await;
    case.delete_only_the_row("Acme").await;
    let claim = case.claim("Acme").await;
    let (record, keep) = (record("Acme"), Vec::new());
    let state = state(&record, CREATION);
    let upsert = Upsert { target: None, namesakes: [].into(), matched_by: None, record, keep, state };
    let applied = case.apply(unit(claim, vec![Write::Upsert(Box::new(upsert))])).await;
    assert!(matches!(&applied, Applied::Written(rows) if rows[0].0 != before), "{applied:?}");
    assert_eq!(case.count("FROM sync_jobs").await, 0);
}

async fn what_deleted_customers_left_is_cleared_up(case: Case) {
    case.create("Acme").await;
    case.create("Bolt").await;
    assert_eq!(case.store.clear_orphans().await.unwrap(), 0);
    case.delete_only_the_row("Acme").await;
    assert_eq!(case.store.clear_orphans().await.unwrap(), 1);
    assert_eq!((case.count("FROM sync_state").await, case.count("FROM customers").await), (1, 1));
}
