//! People work while customers are compared: what is on its way is no drift.

use std::cell::Cell;
use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::sync::verify::Scope;
use serde_json::json;

use super::{AT_ONCE, Connected, compare, told};
use crate::support::databases::Kind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_that_go_on_are_no_drift() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        for number in 0..5 {
            let customer = json!({"customer_name": format!("C{number}"), "email_id": "a@b.example"});
            connected.erpnext.create_customer(customer).unwrap();
        }
        connected.settled().await;
        let names = connected.erpnext.names("Customer");
        let context = connected.beside(&[]).await;
        let turns = Cell::new(0);
        let editing = async {
            loop {
                let turn = turns.get();
                let website = json!({"website": format!("https://{turn}.example")});
                connected.erpnext.update("Customer", &names[turn % names.len()], website).unwrap();
                turns.set(turn + 1);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let comparing = async {
            let mut checked = 0;
            for _round in 0..3 {
                // Between two looks each customer is edited many times, on a busy machine, too.
                let (report, found) = compare(&context, &Scope::All, Duration::from_secs(1)).await;
                assert_eq!(told(&found), [], "{kind:?}: {found:#?}");
                checked += report.checked;
            }
            checked
        };
        let checked = tokio::select! { checked = comparing => checked, () = editing => 0 };
        assert!(turns.get() > 30 && checked >= 15, "{kind:?}");
        context.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_makes_no_drift_and_one_that_fails_is_told() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let name = connected.erpnext.create_customer(json!({"customer_name": "C"})).unwrap();
        connected.settled().await;
        connected.erpnext.take_down().await;
        connected.app.store().put(&[Put::new(DocKey::customer(&name), Lane::Fast, Cause::Person)]).await.unwrap();
        connected.erpnext.sql_edit("Customer", &name, json!({"website": "https://new.example"})).unwrap();
        // Leased for as long as it takes, by nobody: it counts as under way.
        crate::support::sql::execute(
            &connected.database,
            "UPDATE sync_jobs SET attempts = 0, token = 1, run_at = run_at + 600000",
        )
        .await;
        connected.erpnext.bring_up().await.unwrap();
        let context = connected.beside(&[]).await;
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!((report.busy, told(&found)), (1, vec![]), "{kind:?}");

        let dead = "UPDATE sync_jobs SET token = NULL, run_at = NULL, last_error = 'no such territory'";
        crate::support::sql::execute(&connected.database, dead).await;
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!((report.busy, report.drift()), (0, 1), "{kind:?}");
        assert!(found[0].why.ends_with("; its job fails: no such territory"), "{kind:?} {}", found[0].why);
        context.store.close().await;
    }
}
