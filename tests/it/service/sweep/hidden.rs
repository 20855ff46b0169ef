//! Customers that a User Permission hides: kept, counted, told.

use customer_sync::domain::run::RunState;

use super::Connected;
use crate::support::databases::Kind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_customers_are_kept_counted_and_found_again() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 30).await;
        let before = connected.app.customers().await;
        let names: Vec<String> = connected.erpnext.names("Customer").into_iter().take(5).collect();
        for name in &names {
            connected.erpnext.hide_document("Customer", name, true);
        }
        let run = connected.sweep().await;
        assert_eq!((run.state, run.candidates), (RunState::Succeeded, 5), "{kind:?}");
        assert!(run.message.unwrap().contains("5 of Customer hidden"), "{kind:?}");
        assert_eq!(connected.app.customers().await, before, "{kind:?}");
        let reasons = connected.app.get("/readyz").await["reasons"].to_string();
        assert!(reasons.contains("hidden_rows") && reasons.contains("not_permitted"), "{reasons}");

        // Known to be hidden: asked for now and then, never a candidate again.
        connected.erpnext.sql_delete("Customer", &names[0]);
        let run = connected.sweep().await;
        assert_eq!((run.candidates, run.put), (0, 5), "{kind:?}");
        assert!(!connected.row(&names[0]).await["deleted_at"].is_null(), "its own 404 says so");

        for name in &names[1..] {
            connected.erpnext.hide_document("Customer", name, false);
        }
        let run = connected.converged().await;
        assert_eq!((run.message, run.candidates), (None, 0), "{kind:?}");
        assert_eq!(connected.app.get("/readyz").await["status"], "ready", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hidden_customers_hold_the_sweep_which_says_so() {
    let connected = Connected::swept(Kind::Sqlite, 30).await;
    for name in connected.erpnext.names("Customer").iter().take(20) {
        connected.erpnext.hide_document("Customer", name, true);
    }
    let run = connected.sweep().await;
    assert_eq!(run.state, RunState::Held);
    assert!(run.message.unwrap().contains("ERPNext hides 20 customers"));
}
