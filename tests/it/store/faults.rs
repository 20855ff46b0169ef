//! Databases that stop, crash, or cannot be reached.
//!
//! Invariant: every error says "try again", none comes late, and when the fault ends work goes on by itself with
//! nothing lost. Each test has a server of its own.

use std::time::{Duration, Instant};

use customer_sync::domain::job::Outcome;
use customer_sync::domain::plan::Applied;
use customer_sync::store::{Disposition, Options, Store, StoreError};

use super::make::{LEASE, delivery, ending, put};
use super::workload::{Weather, Workload};
use super::{Case, open};
use crate::support::app::wait_until;
use crate::support::databases::{Kind, Server};
use crate::support::proxy::TcpProxy;

/// The tests below, on each database that has a server.
macro_rules! on_each_server {
    ($($test:ident)*) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test(crate::support::databases::Kind::Postgres).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                super::$test(crate::support::databases::Kind::Mariadb).await;
            }
        })*
    };
}

on_each_server! {
    a_stopped_server_is_unavailable_and_then_used_again
    a_server_that_crashes_during_the_work_loses_nothing
    a_cut_network_is_noticed_and_forgiven
    a_silent_network_blocks_nobody_for_long
}

async fn start(kind: Kind) -> (Server, Case) {
    let server = Server::private(kind).await;
    let (_, database) = server.database().await;
    let case = Case { store: open(&database.url).await, database };
    case.store.migrate(false).await.unwrap();
    (server, case)
}

/// The error of a call that must fail soon.
async fn fails<T: std::fmt::Debug>(call: impl Future<Output = Result<T, StoreError>>) -> StoreError {
    let started = Instant::now();
    let error = call.await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(6), "{error:?} came after {:?}", started.elapsed());
    assert_eq!((error.label(), error.disposition()), ("unavailable", Disposition::Retry), "{error:?}");
    error
}

async fn every_call_fails(store: &Store) {
    let error = fails(store.accept(&[delivery("1", "Acme")])).await;
    assert!(!format!("{error} {error:?}").contains("app-secret"), "{error:?}");
    fails(store.put(&[put("Acme")])).await;
    fails(store.claim(1, 1, LEASE)).await;
    fails(store.held(&["Acme".to_owned()], &[])).await;
    fails(store.ping()).await;
}

async fn works_again(store: &Store) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while store.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the database is found again");
    // Every connection of the pool, also those that died: from here on no caller sees an error.
    for _ in 0..10 {
        store.put(&[put("Acme")]).await.unwrap();
        store.held(&["Acme".to_owned()], &[]).await.unwrap();
    }
}

async fn a_stopped_server_is_unavailable_and_then_used_again(kind: Kind) {
    let (server, case) = start(kind).await;
    let claim = case.claim("Before").await;
    server.stop().await;
    every_call_fails(&case.store).await;
    let options = Options { url: case.database.url.clone(), schema: None, max_connections: 2 };
    fails(Store::connect(&options)).await;

    server.start().await;
    case.store.put(&[put("First")]).await.expect("the first call finds it again");
    works_again(&case.store).await;
    let applied = case.apply(ending(claim, Outcome::Done)).await;
    assert!(matches!(applied, Applied::Written(_)), "a lease survives a restart: {applied:?}");
}

async fn a_server_that_crashes_during_the_work_loses_nothing(kind: Kind) {
    let (server, case) = start(kind).await;
    let stores = [case.store.clone()];
    let crashes = async {
        let mut before = 0;
        for _ in 0..2 {
            // In the middle of the work: some rows are there, and more are coming.
            before = changes(&case).await;
            wait_until("more is written", async || changes(&case).await >= before + 50).await;
            server.crash().await;
            server.start().await;
        }
        before + 50
    };
    let everything = async { tokio::join!(Workload::run(Weather::Storm, &stores, 60, 250), crashes) };
    let (workload, before) =
        tokio::time::timeout(Duration::from_secs(180), everything).await.expect("all is worked off in the end");

    let mut rows = case.select(["erpnext_id", "notes"], "FROM customers").await;
    rows.sort();
    assert_eq!(rows, workload.expected());
    assert_eq!(case.count("FROM sync_deliveries").await, workload.accepted() as i64);
    assert_eq!(case.count("FROM sync_jobs").await, 0);
    assert!(changes(&case).await > before, "the last crash came after the work");
    let sequence = case.select(["COUNT(*)", "MAX(seq)"], "FROM customer_changes").await;
    assert_eq!(sequence[0][0], sequence[0][1], "no gap");
}

async fn changes(case: &Case) -> i64 {
    case.count("FROM customer_changes").await
}

async fn a_cut_network_is_noticed_and_forgiven(kind: Kind) {
    let (server, case) = start(kind).await;
    let proxy = TcpProxy::to(server.port()).await;
    let store = open(&case.database.url_via(proxy.port())).await;
    works_again(&store).await;
    proxy.cut();
    every_call_fails(&store).await;
    proxy.restore();
    works_again(&store).await;
}

async fn a_silent_network_blocks_nobody_for_long(kind: Kind) {
    let (server, case) = start(kind).await;
    let proxy = TcpProxy::to(server.port()).await;
    let store = open(&case.database.url_via(proxy.port())).await;
    works_again(&store).await;
    let claim = store.claim(1, 1, LEASE).await.unwrap().remove(0);
    proxy.silence();
    fails(store.ping()).await;
    fails(store.release(&[claim])).await;
    // The inbox drops an acceptance that takes too long; that must not harm the pool.
    for _ in 0..3 {
        let batch = [delivery("1", "Acme")];
        let accept = tokio::time::timeout(Duration::from_millis(50), store.accept(&batch)).await;
        assert!(accept.is_err(), "nothing passes: {accept:?}");
    }
    proxy.restore();
    works_again(&store).await;
    store.accept(&[delivery("2", "Acme")]).await.unwrap();
}
