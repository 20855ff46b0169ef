//! The schedule of `verify`: one replica compares a sample, remembers what it found, and a full run repairs it.

use customer_sync::domain::difference::DifferenceKind::Stale;
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::Naming;
use customer_sync::store::RunFilter;
use customer_sync::sync::verify::Scope;
use customer_sync::sync::verify::turn::{self, Settings, Turned};
use serde_json::json;

use super::{AT_ONCE, Connected, compare, told};
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::sql::execute;

const NOW: Settings = Settings { sample: 50, settle: AT_ONCE, repair: true };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_remembered_and_a_full_run_repairs_it_also_where_the_row_was_changed_here() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 20).await;
        let context = connected.beside(&[]).await;
        let store = &context.store;
        let turned = turn::turn(&context, NOW).await.unwrap();
        assert_eq!(turned, Turned::Waits("waits for the first full run"), "{kind:?}");
        assert_eq!(turn::last(store).await.unwrap(), None);
        let run = store.start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
        connected.run_over(run).await;
        assert_eq!(turn::turn(&context, NOW).await.unwrap(), Turned::Equal(20), "{kind:?}");

        let names = connected.erpnext.names("Customer");
        connected.erpnext.sql_edit("Customer", &names[3], json!({"website": "https://new.example"})).unwrap();
        execute(&connected.database, &format!("UPDATE customers SET city = 'X' WHERE erpnext_id = '{}'", names[4]))
            .await;
        let only_told = Settings { repair: false, ..NOW };
        let drift = |repaired| Turned::Drift { drift: 2, checked: 20, repaired };
        assert_eq!(turn::turn(&context, only_told).await.unwrap(), drift(false), "{kind:?}");
        assert_eq!(store.last_run(RunKind::Full, RunState::Running).await.unwrap().map(|run| run.id), None);
        assert_eq!(turn::turn(&context, NOW).await.unwrap(), drift(true), "{kind:?}");
        let verified = turn::last(store).await.unwrap().unwrap();
        assert_eq!((verified.checked, verified.found[&Stale]), (20, 2), "{kind:?}");

        let run = store.runs(&RunFilter::default()).await.unwrap().remove(0);
        assert_eq!((run.kind, run.cause), (RunKind::Full, RunCause::Drift), "{kind:?}");
        assert_eq!(connected.run_over(run.id).await.counts.updated, 2, "{kind:?}");
        let (report, found) = compare(&context, &Scope::All, AT_ONCE).await;
        assert_eq!((report.equal, told(&found)), (20, vec![]), "{kind:?}");
        context.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_compares_and_the_repair_says_why() {
    let settings = [
        ("schedule.full", "0 3 1 1 *"),
        ("schedule.verify", "200ms"),
        ("verify.sample", "10"),
        ("verify.settle", "100ms"),
    ];
    let connected = Connected::unannounced(Kind::Sqlite, Naming::CustomerName, &settings).await;
    connected.erpnext.seed_customers(5);
    let schedule = async || {
        let schedules = connected.app.get("/api/schedules").await;
        let schedules = schedules["data"].as_array().unwrap().clone();
        schedules.into_iter().find(|schedule| schedule["name"] == "verify").unwrap()
    };
    let run = connected.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    connected.run_over(run).await;
    connected.app.request(reqwest::Method::POST, "/api/schedules/verify/run").send().await.unwrap();
    wait_until("all are equal", async || {
        schedule().await["last_result"].as_str().is_some_and(|result| result.ends_with("customers compared, all equal"))
    })
    .await;
    let name = connected.erpnext.names("Customer").remove(0);
    connected.erpnext.sql_edit("Customer", &name, json!({"website": "https://new.example"})).unwrap();
    wait_until("a full run has repaired it", async || {
        let runs = connected.app.get("/api/runs?kind=full").await;
        let run = &runs["data"][0];
        run["cause"] == "drift" && run["state"] == "succeeded" && run["updated"] == 1
    })
    .await;
    assert_eq!(connected.row(&name).await["website"], "https://new.example");
}
