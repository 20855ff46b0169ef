//! Full runs: every customer becomes a row, counts are true, and nothing stops them for good.

use customer_sync::domain::run::{Counts, RunCause, RunKind, RunState};
use customer_sync::simulator::{Fault, WebhookFault};
use customer_sync::store::RunRow;
use reqwest::Method;
use serde_json::json;

use super::Connected;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;
use crate::support::truth::differences;

impl Connected {
    /// A site with so many customers of which nothing has arrived yet.
    pub(super) async fn unread(kind: Kind, customers: usize, settings: &[(&'static str, &str)]) -> Self {
        let connected = Self::configured(kind, settings).await;
        connected.erpnext.seed_customers(customers);
        connected
    }

    pub(super) async fn start_run(&self) -> i64 {
        self.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run
    }

    /// Runs a full run to its end.
    pub(super) async fn full_run(&self) -> RunRow {
        ended(&self.app, self.start_run().await).await
    }

    async fn is_right(&self) {
        let differences = differences(self.app.store(), &self.erpnext).await;
        assert!(differences.is_empty(), "{} differences, e.g. {}", differences.len(), differences[0]);
    }
}

pub(super) async fn look(app: &TestApp, run: i64) -> RunRow {
    app.store().run(run).await.unwrap().unwrap()
}

/// Waits for the end of a run.
pub(super) async fn ended(app: &TestApp, run: i64) -> RunRow {
    wait_until("the run is over", async || look(app, run).await.state != RunState::Running).await;
    look(app, run).await
}

/// Waits until some of its jobs are done.
async fn under_way(app: &TestApp, run: i64) {
    wait_until("the run is under way", async || look(app, run).await.counts.processed() > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_customer_becomes_a_row_and_a_second_run_writes_nothing() {
    for kind in Kind::ALL {
        let connected = Connected::unread(kind, 2_300, &[]).await;
        let run = connected.full_run().await;
        assert_eq!((run.state, run.message.as_deref()), (RunState::Succeeded, None), "{kind:?}");
        assert_eq!((run.counts.created, run.counts.processed(), run.total), (2_300, 2_300, Some(2_300)), "{kind:?}");
        connected.is_right().await;

        let before = connected.app.customers().await;
        let run = connected.full_run().await;
        assert_eq!((run.counts.unchanged, run.counts.processed(), run.left), (2_300, 2_300, 0), "{kind:?}");
        assert_eq!(connected.app.customers().await, before, "{kind:?}");
        let changes = connected.app.store().changes_of(before[0]["id"].as_i64().unwrap(), None, 10).await.unwrap();
        assert_eq!(changes.len(), 1, "{kind:?}: the creation");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_records_do_not_stop_the_others_and_are_told() {
    for kind in Kind::ALL {
        let connected = Connected::unread(kind, 300, &[]).await;
        let names = connected.erpnext.names("Customer");
        connected.erpnext.faults().poison(&names[7], 417);
        connected.erpnext.faults().poison(&names[150], 500);
        let run = connected.full_run().await;
        assert_eq!(
            (run.state, run.counts.failed, run.counts.created),
            (RunState::Partial, 2, 298),
            "{kind:?}: {run:?}"
        );
        assert!(run.message.as_deref().unwrap().starts_with("2 of 300 customers"), "{run:?}");
        connected.erpnext.faults().clear();
        let run = connected.full_run().await;
        assert_eq!((run.state, run.counts.processed()), (RunState::Succeeded, 300), "{kind:?}: {run:?}");
        connected.app.settled().await;
        connected.is_right().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_stops_and_leaves_webhooks_alone() {
    let connected = Connected::unread(Kind::Sqlite, 2_500, &[("worker.batch", "50")]).await;
    let run = connected.start_run().await;
    under_way(&connected.app, run).await;
    let last = connected.erpnext.names("Customer").pop().unwrap();
    connected.app.hint("on_update", "Customer", &last).await;
    let response = connected.app.request(Method::POST, &format!("/api/runs/{run}/cancel")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    connected.app.settled().await;
    let row = look(&connected.app, run).await;
    assert_eq!((row.state, row.left), (RunState::Cancelled, 0));
    assert!(row.counts.processed() < 2_500, "{row:?}");
    assert!(connected.app.customer(&last).await.is_some(), "a webhook asked for it");
    assert_eq!(connected.full_run().await.state, RunState::Succeeded);
    connected.is_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erpnext_away_pauses_a_run_and_it_goes_on() {
    for kind in Kind::ALL {
        let connected = Connected::unread(kind, 1_500, &[("worker.batch", "50")]).await;
        let run = connected.start_run().await;
        under_way(&connected.app, run).await;
        connected.erpnext.take_down().await;
        let path = format!("/api/runs/{run}");
        wait_until("the pause is told", async || connected.app.get(&path).await["data"]["paused"].is_string()).await;
        connected.erpnext.bring_up().await.unwrap();
        let row = ended(&connected.app, run).await;
        assert_eq!((row.state, row.counts.failed, row.paused), (RunState::Succeeded, 0, None), "{kind:?}");
        assert_eq!((row.counts.processed(), row.total), (1_500, Some(1_500)), "{kind:?}");
        connected.is_right().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_while_listing_is_waited_for() {
    let connected = Connected::unread(Kind::Sqlite, 20, &[]).await;
    connected.erpnext.faults().requests(Fault::TooManyRequests(4), 1);
    let run = connected.start_run().await;
    wait_until("the pause is told", async || {
        look(&connected.app, run).await.paused.is_some_and(|reason| reason.contains("rate limit"))
    })
    .await;
    let row = ended(&connected.app, run).await;
    assert_eq!((row.state, row.counts.created, row.paused), (RunState::Succeeded, 20, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_erpnext_refuses_for_good_fails_the_run_with_its_words() {
    let connected = Connected::unread(Kind::Sqlite, 20, &[]).await;
    let refused = r#"{"exc_type": "ValidationError", "exception": "frappe.exceptions.ValidationError: no such thing"}"#;
    let refused = Fault::Answer(417, "application/json", refused.to_owned());
    connected.erpnext.faults().requests_to("Customer", refused, usize::MAX);
    let row = connected.full_run().await;
    assert_eq!((row.state, row.counts), (RunState::Failed, Counts::default()));
    assert!(row.message.unwrap().contains("no such thing"));
    connected.erpnext.faults().clear();
    assert_eq!(connected.full_run().await.counts.created, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_shows_none_of_its_customers_is_no_success() {
    let connected = Connected::unread(Kind::Sqlite, 3, &[]).await;
    for name in connected.erpnext.names("Customer") {
        connected.erpnext.hide_document("Customer", &name, true);
    }
    let row = connected.full_run().await;
    assert_eq!(row.state, RunState::Failed);
    assert!(row.message.unwrap().contains("ERPNext has 3 customers"));
    let empty = Connected::start(Kind::Sqlite).await;
    let row = empty.full_run().await;
    assert_eq!((row.state, row.total), (RunState::Succeeded, Some(0)), "a new site has none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_share_a_run_and_one_of_them_finishes_it() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let mut connected = Connected::unread(kind, 2_500, &[("worker.batch", "50")]).await;
        let other = TestApp::configured(&connected.database, &connected.erpnext, &[("worker.batch", "50")]).await;
        let run = connected.start_run().await;
        assert_eq!(other.store().start_run(RunKind::Full, RunCause::First).await.unwrap().run, run, "joined");
        under_way(&other, run).await;
        let spare = TestApp::configured(&connected.database, &connected.erpnext, &[("worker.batch", "50")]).await;
        // One of the two conducts it; both are stopped, and the third takes over.
        drop(other);
        connected.app = spare;
        let row = ended(&connected.app, run).await;
        assert_eq!((row.state, row.counts.created, row.total), (RunState::Succeeded, 2_500, Some(2_500)), "{kind:?}");
        assert_eq!(row.counts.processed(), 2_500, "{kind:?}: each is counted once");
        connected.is_right().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_cannot_read_erpnext_gives_the_run_to_one_that_can() {
    let mut connected = Connected::configured(Kind::Postgres, &[("erpnext.api_secret", "replaced0000000")]).await;
    connected.erpnext.seed_customers(30);
    let run = connected.start_run().await;
    wait_until("it is paused", async || look(&connected.app, run).await.paused.is_some()).await;
    let well = TestApp::configured(&connected.database, &connected.erpnext, &[]).await;
    let row = ended(&well, run).await;
    assert_eq!((row.state, row.counts.created, row.paused), (RunState::Succeeded, 30, None));
    connected.app = well;
    connected.is_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_that_come_and_go_meanwhile_are_counted_truly() {
    let connected = Connected::unread(Kind::Sqlite, 600, &[("worker.batch", "50")]).await;
    let names = connected.erpnext.names("Customer");
    connected.erpnext.faults().webhooks(WebhookFault::Drop, 1_000);
    let run = connected.start_run().await;
    under_way(&connected.app, run).await;
    connected.erpnext.delete("Customer", &names[599]).unwrap();
    connected.erpnext.create_customer(json!({"customer_name": "0 came late"})).unwrap();
    let row = ended(&connected.app, run).await;
    assert_eq!(row.state, RunState::Succeeded);
    assert_eq!(row.total, Some(row.counts.processed()), "{row:?}");
    assert_eq!(row.put, row.counts.processed());
}
