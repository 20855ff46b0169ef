//! A database that is missing, not set up, foreign, read-only or not durable.

use super::{Patient, closed_port};
use crate::support::databases::{Kind, fresh};
use crate::support::sql::execute;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_database_is_named_and_not_made() {
    let patient = Patient::new().await;
    patient.has("problem", "database_missing", &["customer-sync.db", "customer-sync serve"]).await;
    assert!(!patient.folder().join("data").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_another_version_are_named() {
    let patient = Patient::synced().await;
    patient.sql("DELETE FROM sync_migrations WHERE name LIKE '0004%'").await;
    patient.has("problem", "not_migrated", &["customer-sync migrate"]).await;
    patient.sql("INSERT INTO sync_migrations VALUES ('9999_tomorrow', 'x', 1)").await;
    patient.has("problem", "database_newer", &["9999_tomorrow"]).await;
    patient.sql("DELETE FROM sync_migrations WHERE name = '9999_tomorrow'").await;
    patient.sql("UPDATE sync_migrations SET checksum = 'x' WHERE name LIKE '0001%'").await;
    patient.has("problem", "database_changed", &["0001_customers"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_named_without_its_password() {
    let mut patient = Patient::new().await;
    for scheme in ["postgres", "mariadb"] {
        patient.set("DATABASE_URL", &format!("{scheme}://shop:hunter2@127.0.0.1:{}/shop", closed_port()));
        let findings = patient.examined(&[]).await;
        findings.has("problem", "database_unreachable", &["DATABASE_URL"]);
        findings.has("note", "skipped", &["the database cannot be used"]);
        assert!(!format!("{:?}", findings.0).contains("hunter2"));
    }
    std::fs::write(patient.folder().join("notes.db"), "these are my notes, not a database ".repeat(100)).unwrap();
    patient.set("DATABASE_URL", "sqlite://notes.db");
    patient.has("problem", "database_unreachable", &["no SQLite database"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_database_is_looked_at() {
    for kind in Kind::ALL {
        let mut patient = Patient::new().await;
        let database = fresh(kind).await;
        patient.set("DATABASE_URL", &database.url);
        if kind != Kind::Sqlite {
            patient.has("problem", "not_migrated", &["--adopt"]).await;
        }
        assert_eq!(patient.runs(&["sync"]).await.0, 0);
        let findings = patient.examined(&[]).await;
        for (code, word) in [("database", kind.as_str()), ("write", "writes"), ("durability", "keeps")] {
            findings.has("ok", code, &[word]);
        }
        findings.has("ok", "runs", &["succeeded"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_or_may_lose_them_is_named() {
    let mut patient = Patient::new().await;
    let database = fresh(Kind::Postgres).await;
    patient.set("DATABASE_URL", &database.url);
    assert_eq!(patient.runs(&["migrate"]).await.0, 0);
    let name = database.url.rsplit('/').next().unwrap().to_owned();
    execute(&database, &format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
    patient.has("warning", "not_durable", &["synchronous_commit"]).await;
    execute(&database, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    patient.has("problem", "database_read_only", &["read-only"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_site_or_mapping_is_named() {
    let patient = Patient::synced().await;
    patient.sql("UPDATE sync_meta SET value = 'https://other.example.com' WHERE name = 'site'").await;
    patient.has("problem", "another_site", &["https://other.example.com", "--new-site"]).await;
    // As a second service with another [mapping] would see it.
    let file = patient.folder().join("customer-sync.toml");
    std::fs::write(file, "[mapping]\nfields = { phone = [\"contact.phone\"] }\n").unwrap();
    patient.has("warning", "another_mapping", &["[mapping]"]).await;
}
