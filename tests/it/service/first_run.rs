//! The full runs that begin by themselves, and one that is killed.

use customer_sync::app::App;
use customer_sync::config::Config;
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, RunFilter, RunRow, Store};

use crate::support::app::{SECRET, config, wait_until};
use crate::support::binary::Serving;
use crate::support::databases::{Database, Kind, fresh};
use crate::support::truth::differences;

const NIGHTLY: (&str, &str) = ("schedule.full", "0 3 * * *");

/// A site and a database, and configurations for a service between them.
struct Place {
    erpnext: Simulator,
    database: Database,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new(kind: Kind, customers: usize) -> Self {
        let erpnext = Simulator::start(Options::default()).await.unwrap();
        erpnext.seed_customers(customers);
        Self { erpnext, database: fresh(kind).await, folder: tempfile::tempdir().unwrap() }
    }

    fn config(&self, settings: &[(&'static str, &str)]) -> Config {
        let (key, secret) = self.erpnext.key();
        config(&self.database.url, &self.erpnext.url(), &key, &secret, self.folder.path().to_owned(), settings)
    }

    async fn store(&self) -> Store {
        let options = store::Options { url: self.database.url.clone(), schema: None, max_connections: 2 };
        Store::connect(&options).await.unwrap()
    }

    /// Starts the service, and stops it once no run goes on; the causes and states of all full runs, oldest first.
    async fn served(&self, settings: &[(&'static str, &str)], new_site: bool) -> Vec<(RunCause, RunState)> {
        let app = App::start(&self.config(settings), new_site).await.unwrap();
        wait_until("no run goes on", async || runs(app.store()).await.iter().all(|run| run.state != RunState::Running))
            .await;
        let runs = runs(app.store()).await;
        app.tasks().begin_stop();
        app.run().await;
        runs.iter().rev().map(|run| (run.cause, run.state)).collect()
    }
}

async fn runs(store: &Store) -> Vec<RunRow> {
    store.runs(&RunFilter { kind: Some(RunKind::Full), ..RunFilter::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_the_mapping_and_the_site_make_a_run_begin_and_nothing_else_does() {
    use RunState::Succeeded;
    let place = Place::new(Kind::Sqlite, 30).await;
    assert_eq!(place.served(&[], false).await, [], "off means off");
    let mut expected = vec![(RunCause::First, Succeeded)];
    assert_eq!(place.served(&[NIGHTLY], false).await, expected);
    assert_eq!(place.served(&[NIGHTLY], false).await, expected, "a restart is no reason");

    let company = ("mapping.company", "Example Ltd");
    expected.push((RunCause::Mapping, Succeeded));
    assert_eq!(place.served(&[NIGHTLY, company], false).await, expected);
    assert_eq!(place.served(&[NIGHTLY, company], false).await, expected);

    let elsewhere = Simulator::start(Options::default()).await.unwrap();
    elsewhere.seed_customers(40);
    let place = Place { erpnext: elsewhere, ..place };
    assert!(App::start(&place.config(&[NIGHTLY, company]), false).await.is_err(), "another site is refused");
    expected.push((RunCause::NewSite, Succeeded));
    assert_eq!(place.served(&[NIGHTLY, company], true).await, expected);
    assert_eq!(place.served(&[NIGHTLY, company], true).await, expected, "--new-site for the same site is no reason");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_mapping_of_documents_that_did_not_change_changes_their_rows() {
    let place = Place::new(Kind::Sqlite, 30).await;
    place.served(&[NIGHTLY], false).await;
    place.served(&[NIGHTLY, ("mapping.extra", "group=customer.customer_group")], false).await;
    let store = place.store().await;
    let newest = runs(&store).await.remove(0);
    assert_eq!((newest.cause, newest.counts.updated), (RunCause::Mapping, 30));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_run_that_fails_is_tried_again_until_one_comes_to_its_end() {
    let place = Place::new(Kind::Sqlite, 30).await;
    let hide = |hide| {
        for name in place.erpnext.names("Customer") {
            place.erpnext.hide_document("Customer", &name, hide);
        }
    };
    hide(true);
    // Once a year: what comes sooner comes because the first one failed.
    let app = App::start(&place.config(&[("schedule.full", "0 0 29 2 *")]), false).await.unwrap();
    let all = async || runs(app.store()).await;
    let failed = |run: &RunRow| (run.cause, run.state) == (RunCause::First, RunState::Failed);
    wait_until("it was tried three times", async || all().await.iter().filter(|run| failed(run)).count() >= 3).await;
    let message = all().await.pop().unwrap().message.unwrap();
    assert!(message.contains("may see none of them") && message.contains(". It is tried again in 1 s"), "{message}");
    hide(false);
    let succeeded = |run: &RunRow| run.state == RunState::Succeeded;
    wait_until("one succeeds", async || all().await.iter().any(succeeded)).await;
    assert!(all().await.iter().all(|run| run.cause == RunCause::First), "each of them is the first one");
    let due = app.store().schedules().await.unwrap().into_iter().find(|row| row.name == "full").unwrap().due_in();
    assert!(due.is_some_and(|due| due > std::time::Duration::from_secs(86_400)), "{due:?}: none follows");
    app.tasks().begin_stop();
    app.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_the_old_mapping_is_begun_anew() {
    let place = Place::new(Kind::Sqlite, 30).await;
    assert_eq!(place.served(&[], false).await, []);
    let store = place.store().await;
    store.start_run(RunKind::Full, RunCause::Person).await.unwrap();
    store.close().await;
    let runs = place.served(&[NIGHTLY, ("mapping.company", "Example Ltd")], false).await;
    assert_eq!(runs, [(RunCause::Person, RunState::Superseded), (RunCause::Mapping, RunState::Succeeded)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_share_the_first_run() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let place = Place::new(kind, 100).await;
        // The tables are made first, as by `migrate`.
        place.served(&[], false).await;
        let configs = [(); 3].map(|()| place.config(&[NIGHTLY]));
        let (first, second, third) = tokio::join!(
            App::start(&configs[0], false),
            App::start(&configs[1], false),
            App::start(&configs[2], false)
        );
        let apps = [first.unwrap(), second.unwrap(), third.unwrap()];
        wait_until("the run is over", async || {
            runs(apps[0].store()).await.iter().all(|run| run.state != RunState::Running)
        })
        .await;
        let all = runs(apps[0].store()).await;
        assert_eq!(all.len(), 1, "{kind:?}: {all:?}");
        assert_eq!((all[0].state, all[0].counts.created), (RunState::Succeeded, 100), "{kind:?}");
        for app in apps {
            app.tasks().begin_stop();
            app.run().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_resumes_with_true_counts_on_sqlite() {
    survives(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_resumes_with_true_counts_on_postgresql() {
    survives(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_resumes_with_true_counts_on_mariadb() {
    survives(Kind::Mariadb).await;
}

async fn survives(kind: Kind) {
    const CUSTOMERS: usize = 5_000;
    let place = Place::new(kind, CUSTOMERS).await;
    let (key, secret) = place.erpnext.key();
    let environment = [
        ("ERPNEXT_URL", place.erpnext.url()),
        ("ERPNEXT_API_KEY", key),
        ("ERPNEXT_API_SECRET", secret),
        ("ERPNEXT_WEBHOOK_SECRET", SECRET.to_owned()),
        ("DATABASE_URL", place.database.url.clone()),
        ("CUSTOMER_SYNC__SCHEDULE__FULL", NIGHTLY.1.to_owned()),
        // What the killed process held returns when its lease ends.
        ("CUSTOMER_SYNC__ERPNEXT__CONNECT_TIMEOUT", "1s".to_owned()),
        ("CUSTOMER_SYNC__ERPNEXT__READ_TIMEOUT", "2s".to_owned()),
        ("CUSTOMER_SYNC__WORKER__LEASE", "15s".to_owned()),
    ];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut serving = Serving::start(place.folder.path(), &environment);
    let store = place.store().await;
    let run = async || runs(&store).await.pop().unwrap();
    // Once while it still lists, once while it works off the rest.
    for done in [CUSTOMERS / 10, CUSTOMERS * 6 / 10] {
        let done = i64::try_from(done).unwrap();
        wait_until("some of it is done", async || run().await.counts.processed() >= done).await;
        serving.kill();
        assert_eq!(run().await.state, RunState::Running, "{kind:?}: it was not fast enough for the test");
        serving = Serving::start(place.folder.path(), &environment);
    }
    wait_until("the run is over", async || run().await.state != RunState::Running).await;
    let all = i64::try_from(CUSTOMERS).unwrap();
    let row = run().await;
    assert_eq!((row.state, row.counts.failed), (RunState::Succeeded, 0), "{kind:?}: {row:?}");
    assert_eq!((row.counts.processed(), row.put, row.total), (all, all, Some(all)), "{kind:?}: {row:?}");
    assert_eq!(row.counts.created, all, "{kind:?}: a commit and its count are one");
    let differences = differences(&store, &place.erpnext).await;
    assert!(differences.is_empty(), "{kind:?}: {} differences, e.g. {}", differences.len(), differences[0]);
    store.close().await;
    serving.kill();
}
