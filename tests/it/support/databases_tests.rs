//! The harness tested on itself: isolation, persistence over stop and crash, cleaning up, and a broken network.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sqlx::{Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::databases::{Database, Kind, Server, fresh};
use super::proxy::TcpProxy;

/// Runs one statement on a new connection.
async fn execute(url: &str, sql: &'static str) -> Result<(), sqlx::Error> {
    match url.split(':').next() {
        Some("sqlite") => {
            let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await?;
            connection.execute(sql).await?;
            connection.close().await
        }
        Some("postgres") => {
            let mut connection = PgConnection::connect(url).await?;
            connection.execute(sql).await?;
            connection.close().await
        }
        _ => {
            let mut connection = MySqlConnection::connect(url).await?;
            connection.execute(sql).await?;
            connection.close().await
        }
    }
}

#[tokio::test]
async fn every_test_has_an_empty_database_of_its_own() {
    for kind in Kind::ALL {
        let (one, other) = (fresh(kind).await, fresh(kind).await);
        execute(&one.url, "CREATE TABLE customers (id INTEGER)").await.unwrap();
        assert_eq!((one.kind, other.kind), (kind, kind));
        assert!(execute(&other.url, "SELECT * FROM customers").await.is_err(), "{kind:?}");
        execute(&one.url, "INSERT INTO customers VALUES (1)").await.unwrap();
    }
}

#[tokio::test]
async fn what_was_committed_survives_a_stop_and_a_crash() {
    for kind in Kind::SERVERS {
        let server = Server::private(kind).await;
        let (_, Database { url, .. }) = server.database().await;
        execute(&url, "CREATE TABLE kept (id INTEGER PRIMARY KEY)").await.unwrap();
        server.stop().await;
        assert!(execute(&url, "SELECT * FROM kept").await.is_err(), "{kind:?} is away");
        server.start().await;
        execute(&url, "INSERT INTO kept VALUES (1)").await.unwrap();
        server.crash().await;
        server.start().await;
        assert!(
            execute(&url, "INSERT INTO kept VALUES (1)").await.is_err(),
            "{kind:?} kept the row, so it is a duplicate"
        );
    }
}

#[tokio::test]
async fn a_server_goes_with_its_folder_when_its_test_ends() {
    let server = Server::private(Kind::Mariadb).await;
    let folder = server.folder().to_owned();
    assert!(folder.join("data").is_dir());
    let (_, Database { url, .. }) = server.database().await;
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    assert!(!folder.exists());
    assert!(execute(&url, "SELECT 1").await.is_err());
}

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
#[ignore = "started and killed by a_killed_process_leaves_nothing_behind"]
async fn hold_a_server_until_killed() {
    let server = Server::private(Kind::Postgres).await;
    println!("\nfolder {}", server.folder().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_process_leaves_nothing_behind() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "support::databases_tests::hold_a_server_until_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let folder = loop {
        let line = lines.next_line().await.unwrap().expect("it says where its server is");
        if let Some(folder) = line.strip_prefix("folder ") {
            break PathBuf::from(folder);
        }
    };
    let server = std::fs::read_to_string(folder.join("pid")).unwrap();
    let server = Path::new("/proc").join(server.trim());
    assert!(server.exists(), "the server runs");

    process.kill().await.unwrap();

    let gone = async {
        while folder.exists() || server.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the server and its folder are gone");
}

#[tokio::test]
async fn the_proxy_cuts_silences_and_restores() {
    let server = Server::private(Kind::Postgres).await;
    let proxy = TcpProxy::to(server.port()).await;
    let (_, database) = server.database().await;
    let url = database.url_via(proxy.port());

    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute("SELECT 1").await.unwrap();
    proxy.cut();
    assert!(connection.execute("SELECT 1").await.is_err(), "an open connection was cut");
    assert!(PgConnection::connect(&url).await.is_err(), "a new one is refused");

    proxy.restore();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    proxy.silence();
    let mut answer = std::pin::pin!(connection.execute("SELECT 1"));
    let waited = tokio::time::timeout(Duration::from_millis(100), answer.as_mut()).await;
    assert!(waited.is_err(), "nothing passes");
    proxy.restore();
    answer.await.unwrap();
}
