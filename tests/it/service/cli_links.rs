//! `sync --dry-run`, `link`, `unlink` and `suggestions` with the real binary, on a shop's own table that moves in.

use customer_sync::store::{Options, Store};
use serde_json::{Value, json};

use super::cli_sync::Shell;
use crate::support::binary::stderr;
use crate::support::databases::{Database, Kind, fresh};
use crate::support::sql::execute;

/// Three rows: one that names its document, two that share an e-mail.
async fn shop(database: &Database) {
    execute(
        database,
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, email VARCHAR(255),
            erpnext_id VARCHAR(255) UNIQUE)",
    )
    .await;
    execute(
        database,
        "INSERT INTO customers (id, name, email, erpnext_id) VALUES (1, 'One', NULL, 'one'),
            (2, 'Two', 'info@two.example', NULL), (3, 'Three', 'info@two.example', NULL)",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_looks_first_moves_in_and_decides_at_the_command_line() {
    let shell = Shell::new(0).await;
    for customer in [json!({"customer_name": "One"}), json!({"customer_name": "Two", "email_id": "info@two.example"})] {
        shell.erpnext.create_customer(customer).unwrap();
    }
    let database = fresh(Kind::Sqlite).await;
    shop(&database).await;
    let file = format!("[database]\nurl = \"{}\"\n[matching]\nkeys = [\"email\"]\n", database.url);
    std::fs::write(shell.folder.path().join("customer-sync.toml"), file).unwrap();

    let output = shell.run(&["sync", "--dry-run"]).await;
    assert!(!output.status.success() && stderr(&output).contains("migrate first (with --adopt"), "{}", stderr(&output));
    assert_eq!(shell.run(&["migrate", "--adopt"]).await.status.code(), Some(0));
    let (code, forecast) = shell.tells(&["sync", "--dry-run"]).await;
    assert_eq!((code, &forecast["total"], &forecast["create"]), (0, &json!(2), &json!(0)), "{forecast}");
    assert_eq!((&forecast["update"], &forecast["ambiguous"]), (&json!(1), &json!(1)), "{forecast}");
    let (code, said) = shell.says(&["sync", "--dry-run"]).await;
    assert!(code == 0 && said.contains("1 ask a person about") && said.contains("Nothing was written"), "{said}");

    let (code, run) = shell.tells(&["sync"]).await;
    assert_eq!((code, &run["updated"], &run["skipped"]), (0, &json!(1), &json!(1)), "{run}");
    let (_code, open) = shell.tells(&["suggestions"]).await;
    let asked: Vec<(&Value, &Value)> =
        open.as_array().unwrap().iter().map(|row| (&row["erpnext_id"], &row["customer"])).collect();
    assert_eq!(asked, [(&json!("Two"), &json!(2)), (&json!("Two"), &json!(3))]);
    assert_eq!(shell.tells(&["suggestions", "reject", "2"]).await.0, 0);
    assert_ne!(shell.run(&["suggestions", "accept", "2"]).await.status.code(), Some(0), "decided already");

    let (code, linked) = shell.tells(&["link", "3", "two"]).await;
    assert_eq!((code, &linked["effect"]), (0, &json!("linked")), "{linked}: whatever was decided before");
    let output = shell.run(&["link", "2", "Two"]).await;
    assert!(!output.status.success() && stderr(&output).contains("customer 3 is linked"), "{}", stderr(&output));
    let (code, unlinked) = shell.tells(&["unlink", "3"]).await;
    assert_eq!((code, &unlinked["erpnext_id"]), (0, &json!("Two")));
    let options = Options { url: database.url.clone(), schema: None, max_connections: 2 };
    let store = Store::connect(&options).await.unwrap();
    assert_eq!(store.customer(3).await.unwrap().unwrap().row.origin, "local");
}
