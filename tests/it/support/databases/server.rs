//! A PostgreSQL or MariaDB that the tests own: start, stop, crash, restart, and databases in it.
//!
//! Invariant: the port stays the same over stop and start, so that an application's URL stays right. Each database has
//! a user of its own that owns it and may do nothing else, as a careful user would set it up.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection};

use super::programs::{ADMIN, Programs, crash_signal, programs, stop_signal};
use super::supervisor::Supervisor;
use super::{Database, Kind};

/// How long a server may take to accept connections: generous, because the machine may be busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Password of every test's own user.
const PASSWORD: &str = "app-secret";

/// A running server. Dropping it ends it and removes its files.
pub struct Server {
    kind: Kind,
    port: u16,
    supervisor: Supervisor,
    serve: String,
    databases: AtomicU32,
}

impl Server {
    /// A server for this test alone, for tests that stop it or fill it. All others share one: see [`super::fresh`].
    pub async fn private(kind: Kind) -> Self {
        // A port that is free now may be taken a moment later: then another one.
        for _ in 0..5 {
            let supervisor = Supervisor::for_server(crash_signal(kind));
            let port = free_port();
            let Programs { file: (name, content), prepare, serve } = programs(kind, supervisor.folder(), port);
            std::fs::write(supervisor.folder().join(name), content).expect("the folder is ours");
            let status = supervisor.run(&prepare).await;
            assert_eq!(status, 0, "{} cannot be set up:\n{}", kind.as_str(), supervisor.log());
            let server = Self { kind, port, supervisor, serve, databases: AtomicU32::new(0) };
            if server.try_start().await {
                return server;
            }
        }
        panic!("{} found no free port five times", kind.as_str());
    }

    /// Stops it in an orderly way; clients are cut off.
    pub async fn stop(&self) {
        self.supervisor.end(stop_signal(self.kind)).await;
    }

    /// Ends it without any farewell, as a power cut would: committed transactions must survive, others must not.
    pub async fn crash(&self) {
        self.supervisor.end(crash_signal(self.kind)).await;
    }

    /// Starts it again, on the same port; returns when it accepts connections.
    pub async fn start(&self) {
        assert!(self.try_start().await, "{} does not start again:\n{}", self.kind.as_str(), self.supervisor.log());
    }

    /// The port it listens on (on 127.0.0.1), for a proxy in front of it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        self.supervisor.folder()
    }

    /// A new empty database with a user of its own, and its name. It goes with the server.
    pub async fn database(&self) -> (String, Database) {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let (create_user, create_database) = match self.kind {
            Kind::Postgres => (
                format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"),
                format!("CREATE DATABASE {name} OWNER {name}"),
            ),
            _ => (
                format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'"),
                format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
            ),
        };
        self.administrate(&create_user).await.expect("a user can be made");
        self.administrate(&create_database).await.expect("a database can be made");
        if self.kind == Kind::Mariadb {
            self.administrate(&format!("GRANT ALL ON {name}.* TO {name}")).await.expect("a grant can be made");
        }
        let url = self.url(&name, (&name, PASSWORD));
        (name, Database { url, kind: self.kind, _guard: None })
    }

    /// Removes a database that [`Self::database`] made, whoever still uses it.
    pub async fn drop_database(&self, database: &str) -> Result<(), sqlx::Error> {
        let force = if self.kind == Kind::Postgres { " WITH (FORCE)" } else { "" };
        self.administrate(&format!("DROP DATABASE {database}{force}")).await
    }

    /// Whether the server accepts connections now; false if it ended by itself (its port was taken).
    async fn try_start(&self) -> bool {
        let ended = self.supervisor.run(&self.serve);
        let ready = async {
            while self.administrate("SELECT 1").await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            _ = ended => false,
            started = tokio::time::timeout(START_TIMEOUT, ready) => {
                assert!(started.is_ok(), "{} does not start:\n{}", self.kind.as_str(), self.supervisor.log());
                true
            }
        }
    }

    async fn administrate(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.kind == Kind::Postgres {
            let mut connection = PgConnection::connect(&self.url("postgres", ADMIN)).await?;
            connection.execute(sql).await?;
            connection.close().await
        } else {
            let mut connection = MySqlConnection::connect(&self.url("mysql", ADMIN)).await?;
            // A test may have left a transaction open on a table that is to go.
            connection.execute("SET lock_wait_timeout = 5").await?;
            connection.execute(sql).await?;
            connection.close().await
        }
    }

    fn url(&self, database: &str, (user, password): (&str, &str)) -> String {
        let scheme = if self.kind == Kind::Postgres { "postgres" } else { "mysql" };
        format!("{scheme}://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

/// A port that nothing listens on; not handed out twice by this process.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().expect("no test panics with this lock");
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        if !given.contains(&port) {
            given.push(port);
            return port;
        }
    }
}
