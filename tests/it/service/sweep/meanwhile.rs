//! What happens while a sweep is under way: customers that come, and workers that fall behind.

use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::Fault;
use serde_json::json;

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

const COUNT: &str = "frappe.desk.reportview.get_count";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_that_arrive_while_it_lists_are_not_taken_for_missing() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 40).await;
        let (erpnext, store) = (&connected.erpnext, connected.app.store());
        // Customers are counted before the list and again behind it: there it waits.
        erpnext.faults().requests_to("reportview", Fault::Slow(Duration::ZERO), 3);
        erpnext.faults().requests_to("reportview", Fault::Slow(Duration::from_secs(3)), 1);
        erpnext.requests().reset();
        let run = store.start_run(RunKind::Sweep, RunCause::Schedule).await.unwrap().run;
        wait_until("the list was read", async || erpnext.requests().count(COUNT, "Customer") == 2).await;
        let mut puts = Vec::new();
        for number in 0..12 {
            let name = erpnext.create_customer(json!({"customer_name": format!("Late {number}")})).unwrap();
            puts.push(Put::new(DocKey::customer(name), Lane::Fast, Cause::Person));
        }
        store.put(&puts).await.unwrap();
        connected.app.settled().await;
        let run = connected.run_over(run).await;
        assert_eq!((run.state, run.listed, run.candidates), (RunState::Succeeded, 40, 0), "{kind:?}: {run:?}");
        assert_eq!(connected.converged().await.candidates, 0, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_waits_for_the_workers_where_much_has_to_be_read() {
    let connected = Connected::unannounced(Kind::Sqlite, customer_sync::simulator::Naming::CustomerName, &[]).await;
    let erpnext = &connected.erpnext;
    erpnext.seed_customers(15_100);
    // The workers get no answer; the first two are the sweep's own, which counts Addresses.
    erpnext.faults().requests_to("Address", Fault::Slow(Duration::ZERO), 2);
    erpnext.faults().requests_to("Address", Fault::Slow(Duration::from_secs(25)), 1_000);
    let store = connected.app.store();
    let run = store.start_run(RunKind::Sweep, RunCause::Schedule).await.unwrap().run;
    let row = async || store.run(run).await.unwrap().unwrap();
    wait_until("it says what it waits for", async || row().await.paused.is_some()).await;
    let waiting = row().await;
    assert_eq!((waiting.state, waiting.put), (RunState::Running, 10_000), "{waiting:?}");
    assert!(waiting.paused.unwrap().contains("more than 8000 jobs have to be done first"));
    erpnext.faults().clear();
    assert!(store.cancel_run(run).await.unwrap());
}
