//! Renames, swaps, merges, deletions, reused names and restored documents that nobody announced: ids stay.

use customer_sync::domain::run::RunState;
use customer_sync::simulator::Naming;
use serde_json::{Value, json};

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

fn customer(name: &str) -> Value {
    json!({"customer_name": name, "email_id": format!("{}@x.example", name.to_lowercase()), "address_line1": "1", "city": "X",
        "country": "United States"})
}

async fn with(kind: Kind, names: &[&str]) -> Connected {
    let connected = Connected::unannounced(kind, Naming::CustomerName, &[]).await;
    for name in names {
        connected.erpnext.create_customer(customer(name)).unwrap();
    }
    connected.converged().await;
    connected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_sweep_finds_nothing_to_do() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 300).await;
        let before = connected.app.customers().await;
        let run = connected.converged().await;
        assert_eq!((run.listed, run.put, run.candidates, run.total), (300, 0, 0, Some(300)), "{kind:?}");
        assert_eq!(connected.app.customers().await, before, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_a_chain_and_a_swap_keep_every_id() {
    for kind in Kind::ALL {
        let connected = with(kind, &["Old", "A", "B", "C", "D", "E"]).await;
        let mut ids = Vec::new();
        for name in ["Old", "A", "B", "C", "D", "E"] {
            ids.push(connected.id(name).await);
        }
        // A rename; A and B swapped; C takes D's name, D takes E's, E a new one.
        let moves = [("Old", "New"), ("A", "T"), ("B", "A"), ("T", "B"), ("E", "F"), ("D", "E"), ("C", "D")];
        for (from, to) in moves {
            connected.erpnext.rename("Customer", from, to).unwrap();
        }
        connected.converged().await;
        let mut now = Vec::new();
        for name in ["New", "B", "A", "D", "E", "F"] {
            now.push(connected.id(name).await);
        }
        assert_eq!(now, ids, "{kind:?}");
        assert_eq!(connected.app.customers().await.len(), 6, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_on_a_naming_series_is_found_although_modified_stays() {
    for kind in Kind::ALL {
        let connected = Connected::unannounced(kind, Naming::Series, &[]).await;
        let old = connected.erpnext.create_customer(customer("Acme")).unwrap();
        connected.converged().await;
        let id = connected.id(&old).await;
        connected.erpnext.rename("Customer", &old, "CUST-X").unwrap();
        connected.converged().await;
        assert_eq!(connected.id("CUST-X").await, id, "{kind:?}");
        assert_eq!(connected.app.customers().await.len(), 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mass_rename_is_no_mass_deletion() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 60).await;
        let before = connected.app.customers().await;
        for name in connected.erpnext.names("Customer") {
            connected.erpnext.rename("Customer", &name, &format!("{name} Renamed")).unwrap();
        }
        let run = connected.converged().await;
        assert_eq!(run.candidates, 0, "{kind:?}");
        let after = connected.app.customers().await;
        let renamed = |row: &Value| (row["id"].clone(), format!("{} Renamed", row["erpnext_id"].as_str().unwrap()));
        let now = |row: &Value| (row["id"].clone(), row["erpnext_id"].as_str().unwrap().to_owned());
        assert_eq!(
            after.iter().map(now).collect::<Vec<_>>(),
            before.iter().map(renamed).collect::<Vec<_>>(),
            "{kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_merged_the_deleted_and_the_vanished_become_tombstones() {
    for kind in Kind::ALL {
        let connected = with(kind, &["From", "Into", "Deleted", "Vanished", "Stays"]).await;
        let (from, into) = (connected.id("From").await, connected.id("Into").await);
        connected.erpnext.merge("From", "Into").unwrap();
        connected.erpnext.delete("Customer", "Deleted").unwrap();
        connected.erpnext.sql_delete("Customer", "Vanished");
        let run = connected.converged().await;
        assert_eq!(run.candidates, 3, "{kind:?}");
        assert_eq!(connected.row("From").await["merged_into"], json!(into), "{kind:?}");
        assert_eq!(connected.id("From").await, from, "{kind:?}");
        for name in ["Deleted", "Vanished"] {
            assert!(!connected.row(name).await["deleted_at"].is_null(), "{kind:?}: {name}");
        }
        // They are no candidates a second time.
        assert_eq!(connected.converged().await.candidates, 0, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_used_again_is_another_customer_and_a_restored_one_is_the_same() {
    for kind in Kind::ALL {
        let connected = with(kind, &["Reused", "Restored", "Later"]).await;
        let ids = [connected.id("Reused").await, connected.id("Restored").await, connected.id("Later").await];
        connected.erpnext.delete("Customer", "Reused").unwrap();
        connected.erpnext.create_customer(customer("Reused")).unwrap();
        connected.erpnext.delete("Customer", "Restored").unwrap();
        connected.erpnext.restore("Customer", "Restored").unwrap();
        connected.erpnext.delete("Customer", "Later").unwrap();
        connected.converged().await;
        assert_ne!(connected.id("Reused").await, ids[0], "{kind:?}");
        assert_eq!(connected.id("Restored").await, ids[1], "{kind:?}");
        assert!(!connected.row("Later").await["deleted_at"].is_null(), "{kind:?}");

        // Back after it was a tombstone.
        connected.erpnext.restore("Customer", "Later").unwrap();
        connected.converged().await;
        assert_eq!(connected.id("Later").await, ids[2], "{kind:?}");
        assert!(connected.row("Later").await["deleted_at"].is_null(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_and_a_backup_that_was_restored_are_found() {
    for kind in Kind::ALL {
        let connected = with(kind, &["A", "B", "Gone"]).await;
        let [a, gone] = [connected.id("A").await, connected.id("Gone").await];
        let backup = ["A", "B", "Gone"].map(|name| connected.erpnext.document("Customer", name).unwrap());
        connected.erpnext.import("Customer", json!({"customer_name": "Imported"})).unwrap();
        connected.erpnext.set_value("Customer", "A", json!({"tax_id": "7"})).unwrap();
        connected.erpnext.sql_delete("Customer", "Gone");
        connected.converged().await;
        assert_eq!(connected.row("A").await["tax_number"], "7", "{kind:?}");
        assert!(!connected.row("Gone").await["deleted_at"].is_null(), "{kind:?}");

        // The backup: `modified` goes back, the import is gone, the deleted one is there as it was.
        for document in backup {
            connected.erpnext.put("Customer", Value::Object(document));
        }
        connected.erpnext.sql_delete("Customer", "Imported");
        connected.converged().await;
        assert!(connected.row("A").await["tax_number"].is_null(), "{kind:?}");
        assert_eq!([connected.id("A").await, connected.id("Gone").await], [a, gone], "{kind:?}");
        assert!(connected.row("Gone").await["deleted_at"].is_null(), "{kind:?}");
        assert!(!connected.row("Imported").await["deleted_at"].is_null(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_another_application_deleted_comes_back() {
    let connected = with(Kind::Sqlite, &["A", "B"]).await;
    let pool = sqlx::SqlitePool::connect(&connected.database.url).await.unwrap();
    sqlx::query("DELETE FROM customers WHERE erpnext_id = 'A'").execute(&pool).await.unwrap();
    pool.close().await;
    connected.converged().await;
    assert_eq!(connected.app.customers().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_waits_for_the_full_run_that_is_under_way() {
    use customer_sync::domain::run::{RunCause, RunKind};
    let connected = Connected::swept(Kind::Sqlite, 5).await;
    connected.erpnext.faults().poison(&connected.erpnext.names("Customer")[0], 500);
    let store = connected.app.store();
    let full = store.start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    let sweep = store.start_run(RunKind::Sweep, RunCause::Person).await.unwrap().run;
    wait_until("the sweep says why it waits", async || {
        let row = store.run(sweep).await.unwrap().unwrap();
        row.paused.is_some_and(|reason| reason.contains(&format!("full run {full}"))) || row.state != RunState::Running
    })
    .await;
    connected.erpnext.faults().clear();
    connected.run_over(full).await;
    assert_eq!(connected.run_over(sweep).await.state, RunState::Succeeded);
}
