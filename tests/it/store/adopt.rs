//! A `customers` table that was there before us.
//!
//! Invariant: nothing is touched without `--adopt`; with it rows, ids and existing columns stay, and the application
//! that owns the table can go on writing. The tables are those that Prisma and Laravel make of the predecessor's model.

use customer_sync::domain::job::DocKey;
use customer_sync::domain::plan::{Applied, Effect, Write};
use customer_sync::store::StoreError;

use super::make::{CREATION, address, full_record, put, record, state, unit, upsert};
use super::{Case, on_each_database};
use crate::support::databases::Kind;
use crate::support::truth::page_by_id;

on_each_database! { unmigrated:
    a_foreign_table_is_refused_with_what_it_lacks
    adopting_keeps_rows_and_ids
    columns_that_are_there_already_are_taken_as_they_are
    an_adopted_row_is_read_and_updated
    an_adopted_table_can_be_written_by_its_application
    text_ids_are_refused
    a_column_that_demands_a_value_is_refused
    another_table_of_our_names_is_never_touched
    a_value_too_long_for_a_narrow_column_harms_nobody_else
    two_processes_adopt_at_once
}

/// The table of the predecessor with three rows, two of them from ERPNext.
async fn seed(case: &Case) {
    let (id, time, money) = match case.database.kind {
        Kind::Sqlite => ("INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "DATETIME", "DECIMAL"),
        Kind::Postgres => ("SERIAL PRIMARY KEY", "TIMESTAMP(3)", "DECIMAL(15,2)"),
        Kind::Mariadb => ("INTEGER UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY", "DATETIME(3)", "DECIMAL(15,2)"),
    };
    // What both make their tables with on MariaDB; our keys compare bytes all the same.
    let collation = if case.database.kind == Kind::Mariadb {
        " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    } else {
        ""
    };
    case.execute(&format!(
        "CREATE TABLE customers (
            id {id}, name VARCHAR(255) NOT NULL, company_name VARCHAR(255), contact_person VARCHAR(255),
            email VARCHAR(255), phone VARCHAR(50), address TEXT, city VARCHAR(20), state VARCHAR(100),
            postal_code VARCHAR(20), country VARCHAR(100), credit_limit {money}, payment_terms VARCHAR(100),
            tax_number VARCHAR(100), notes TEXT, is_active BOOLEAN NOT NULL DEFAULT true,
            created_at {time} NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at {time} NOT NULL,
            erpnext_id VARCHAR(255) UNIQUE){collation}"
    ))
    .await;
    case.execute(
        "INSERT INTO customers (id, name, city, credit_limit, created_at, updated_at, erpnext_id) VALUES
            (3, 'Acme', 'Pune', 1000.50, '2020-02-02 02:02:02', '2021-02-02 02:02:02', 'Acme'),
            (7, 'Local', NULL, NULL, '2020-02-02 02:02:02', '2021-02-02 02:02:02', NULL),
            (9, 'Other', NULL, NULL, '2020-02-02 02:02:02', '2021-02-02 02:02:02', 'other')",
    )
    .await;
    // Explicit ids, as a copy from another database has them, do not move PostgreSQL's sequence: the next is taken.
    if case.database.kind == Kind::Postgres {
        case.execute("SELECT setval('customers_id_seq', 2)").await;
    }
}

async fn a_foreign_table_is_refused_with_what_it_lacks(case: Case) {
    seed(&case).await;
    let error = case.store.migrate(false).await.unwrap_err();
    let StoreError::Foreign { missing } = &error else { panic!("{error:?}") };
    let expected = [
        "customer_type",
        "customer_group",
        "territory",
        "currency",
        "price_list",
        "language",
        "tax_category",
        "is_frozen",
        "website",
        "extra",
        "origin",
        "merged_into",
        "deleted_at",
        "erased_at",
    ];
    assert_eq!(missing, &expected);
    let sentence = error.to_string();
    assert!(sentence.contains("migrate --adopt") && sentence.contains("customer_type"), "{sentence}");
    case.execute("INSERT INTO customers (id, name, updated_at) VALUES (12, 'still mine', CURRENT_TIMESTAMP)").await;
    assert!(case.try_execute("SELECT * FROM sync_jobs").await.is_err(), "nothing was made");
}

async fn adopting_keeps_rows_and_ids(case: Case) {
    seed(&case).await;
    let report = case.store.migrate(true).await.unwrap();
    assert_eq!(report.added_columns.len(), 14);
    assert_eq!(case.store.check_statements().await.map(|count| count > 30).ok(), Some(true));
    let rows = case.select(["id", "name", "erpnext_id", "origin"], "FROM customers ORDER BY id").await;
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(Option::as_deref)).collect();
    assert_eq!(
        rows,
        [
            [Some("3"), Some("Acme"), Some("Acme"), Some("erpnext")],
            [Some("7"), Some("Local"), None, Some("local")],
            [Some("9"), Some("Other"), Some("other"), Some("erpnext")],
        ]
    );
    let detail = case.store.customer(3).await.unwrap().unwrap();
    assert_eq!(detail.row.created_at.as_deref(), Some("2020-02-02T02:02:02.000Z"));
    assert_eq!(detail.row.customer.credit_limit, Some("1000.5".parse().unwrap()));
    assert!(case.store.pending_migrations().await.unwrap().is_empty());
    let held = case.store.held(&["Acme".to_owned(), "other".to_owned()], &[]).await.unwrap();
    assert_eq!(held.len(), 2);
    assert!(held.iter().all(|held| held.seen.creation.is_none() && held.seen.hash.is_none()));
}

/// Also the one that a later migration adds to a table of ours.
async fn columns_that_are_there_already_are_taken_as_they_are(case: Case) {
    seed(&case).await;
    let time = if case.database.kind == Kind::Postgres { "TIMESTAMPTZ(3)" } else { "DATETIME" };
    for column in ["deleted_at", "erased_at"] {
        case.execute(&format!("ALTER TABLE customers ADD COLUMN {column} {time}")).await;
    }
    let report = case.store.migrate(true).await.unwrap();
    assert_eq!(report.added_columns.len(), 12, "{report:?}");
    assert!(case.store.pending_migrations().await.unwrap().is_empty());
    assert!(case.store.customer(3).await.unwrap().unwrap().row.erased_at.is_none());
}

async fn an_adopted_row_is_read_and_updated(case: Case) {
    seed(&case).await;
    case.store.migrate(true).await.unwrap();
    let mut acme = full_record("Acme");
    acme.customer.credit_limit = Some("2000.25".parse().unwrap());
    let write = upsert(Some(case.seen("Acme").await), acme.clone(), CREATION);
    assert_eq!(case.write("Acme", write).await, (3, Effect::Updated));
    let detail = case.store.customer(3).await.unwrap().unwrap();
    assert_eq!(detail.row.customer, acme.customer);
    assert_eq!(detail.row.created_at.as_deref(), Some("2020-02-02T02:02:02.000Z"));
    assert!(detail.row.updated_at.as_deref() > Some("2026"), "{:?}", detail.row.updated_at);
    assert_eq!(detail.addresses, acme.addresses);

    // The look-up folds case: the row of `other` is the customer that ERPNext spells `Other`.
    let write = upsert(Some(case.seen("other").await), record("Other"), "2026-02-02 02:02:02");
    assert_eq!(case.write("Other", write).await, (9, Effect::Updated));
    assert_eq!(case.seen("Other").await.id, 9);

    // A row that already says what ERPNext says is only noted.
    let (id, effect) = case.write("New", upsert(None, record("New"), "2026-03-03 03:03:03")).await;
    assert_eq!((id, effect), (10, Effect::Created));
    let now = case.store.customer(id).await.unwrap().unwrap().row;
    case.execute("DELETE FROM sync_state").await;
    let write = upsert(Some(case.seen("New").await), record("New"), "2026-03-03 03:03:03");
    assert_eq!(case.write("New", write).await, (10, Effect::Unchanged));
    assert_eq!(case.store.customer(id).await.unwrap().unwrap().row.updated_at, now.updated_at);
    assert_eq!(case.seen("New").await.creation.as_deref(), Some("2026-03-03 03:03:03"));
}

async fn an_adopted_table_can_be_written_by_its_application(case: Case) {
    seed(&case).await;
    case.store.migrate(true).await.unwrap();
    case.execute("INSERT INTO customers (name, updated_at) VALUES ('Walk-in', CURRENT_TIMESTAMP)").await;
    case.execute("UPDATE customers SET notes = 'by the application' WHERE id = 7").await;
    let page = page_by_id(&case.store, None, 10).await;
    assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [3, 7, 9, 10]);
    assert_eq!(page[3].origin, "local");
    case.execute("DELETE FROM customers WHERE id = 3").await;
    assert!(case.store.customer(3).await.unwrap().is_none());
}

async fn text_ids_are_refused(case: Case) {
    let id = if case.database.kind == Kind::Postgres { "UUID" } else { "VARCHAR(36)" };
    case.execute(&format!("CREATE TABLE customers (id {id} NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL)")).await;
    for adopt in [false, true] {
        let error = case.store.migrate(adopt).await.unwrap_err();
        assert!(matches!(error, StoreError::TextIds { .. }), "{error:?}");
        assert!(error.to_string().contains("integer ids"), "{error}");
    }
    assert!(case.try_execute("SELECT * FROM sync_jobs").await.is_err());
}

async fn a_column_that_demands_a_value_is_refused(case: Case) {
    let id = match case.database.kind {
        Kind::Sqlite => "INTEGER PRIMARY KEY",
        Kind::Postgres => "BIGSERIAL PRIMARY KEY",
        Kind::Mariadb => "BIGINT AUTO_INCREMENT PRIMARY KEY",
    };
    case.execute(&format!("CREATE TABLE customers (id {id}, name VARCHAR(255) NOT NULL, shop_id INTEGER NOT NULL)"))
        .await;
    let error = case.store.migrate(true).await.unwrap_err();
    assert!(matches!(&error, StoreError::Demanding { columns } if columns[..] == ["shop_id"]), "{error:?}");
    case.execute("DROP TABLE customers").await;
    case.store.migrate(true).await.unwrap();
}

async fn another_table_of_our_names_is_never_touched(case: Case) {
    case.execute("CREATE TABLE customer_contacts (id INTEGER)").await;
    for adopt in [false, true] {
        let error = case.store.migrate(adopt).await.unwrap_err();
        assert!(matches!(error, StoreError::Occupied { table: "customer_contacts" }), "{error:?}");
    }
    assert!(case.try_execute("SELECT * FROM customers").await.is_err(), "nothing was made");
}

async fn a_value_too_long_for_a_narrow_column_harms_nobody_else(case: Case) {
    seed(&case).await;
    case.store.migrate(true).await.unwrap();
    case.store.put(&["Acme", "Long", "New"].map(put)).await.unwrap();
    let acme = case.seen("Acme").await;
    let units: Vec<_> = case
        .claims()
        .await
        .into_iter()
        .map(|claim| {
            let mut record = record(&claim.key.name);
            record.addresses = vec![address("Shared")];
            let long = claim.key == DocKey::customer("Long");
            record.customer.city = Some(if long { "x".repeat(200) } else { "Delhi".to_owned() });
            let target = (claim.key == DocKey::customer("Acme")).then(|| acme.clone());
            unit(claim, vec![upsert(target, record, CREATION)])
        })
        .collect();
    let refused: Vec<Applied> = case.store.apply(&units).await.unwrap();
    let refused = refused.iter().filter(|applied| matches!(applied, Applied::Refused(_))).count();
    let cities = case.select(["erpnext_id"], "FROM customers WHERE city = 'Delhi' ORDER BY erpnext_id").await;
    assert_eq!(cities, [[Some("Acme".to_owned())], [Some("New".to_owned())]]);
    let job = case.store.job(&DocKey::customer("Long")).await.unwrap();
    // SQLite does not enforce lengths.
    let enforced = case.database.kind != Kind::Sqlite;
    assert_eq!((job.is_some(), refused), (enforced, usize::from(enforced)));
    assert!(job.is_none_or(|job| job.last_error.is_some()));
}

async fn two_processes_adopt_at_once(case: Case) {
    seed(&case).await;
    let other = case.another_store().await;
    let (one, other) = tokio::join!(case.store.migrate(true), other.migrate(true));
    assert_eq!(one.unwrap().added_columns.len() + other.unwrap().added_columns.len(), 14);
    let tombstone = Write::Note { seen: case.seen("Acme").await, state: state(&record("Acme"), CREATION) };
    let claim = case.claim("Acme").await;
    assert!(matches!(case.apply(unit(claim, vec![tombstone])).await, Applied::Written(_)));
}
