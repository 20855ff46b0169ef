//! Real databases for the tests and benches: a SQLite file, or a database on a PostgreSQL or MariaDB that the tests start.
//!
//! Invariant: [`fresh`] gives each test an empty database that no other test sees, on a server that is started at the
//! first use and shared by the whole test process. Everything goes when the process ends, however it ends.
//! For tests that stop or crash a server there is [`Server::private`]; for a broken network `support::proxy`.

mod programs;
mod server;
mod supervisor;

use std::sync::LazyLock;

use tokio::sync::OnceCell;

pub(super) use programs::find;
pub use server::Server;
pub use server::free_port;
pub(super) use supervisor::Supervisor;

/// The databases that the service supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
    /// A server.
    Mariadb,
}

impl Kind {
    /// Every kind, for tests that must hold on all of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];
    /// Those with a server that can be stopped and that several processes may use at once.
    pub const SERVERS: [Self; 2] = [Self::Postgres, Self::Mariadb];

    /// Its name, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mariadb => "MariaDB",
        }
    }
}

/// A database for one test; removed when dropped.
pub struct Database {
    /// What goes into `DATABASE_URL`.
    pub url: String,
    /// Which kind it is.
    pub kind: Kind,
    /// Removes it; nothing for one that goes with its private server.
    _guard: Option<Box<dyn Send + Sync>>,
}

impl Database {
    /// The same database through a proxy that listens on that port of 127.0.0.1.
    pub fn url_via(&self, port: u16) -> String {
        let mut url = url::Url::parse(&self.url).expect("it is a URL");
        url.set_port(Some(port)).expect("a server's URL has a port");
        url.into()
    }

    /// The same database, used through such a proxy.
    pub fn through(self, port: u16) -> Self {
        Self { url: self.url_via(port), ..self }
    }
}

/// A new empty database of that kind, for one test.
pub async fn fresh(kind: Kind) -> Database {
    static POSTGRES: OnceCell<Server> = OnceCell::const_new();
    static MARIADB: OnceCell<Server> = OnceCell::const_new();
    let server = match kind {
        Kind::Sqlite => return file(),
        Kind::Postgres => POSTGRES.get_or_init(|| Server::private(kind)).await,
        Kind::Mariadb => MARIADB.get_or_init(|| Server::private(kind)).await,
    };
    let (name, database) = server.database().await;
    Database { _guard: Some(Box::new(Shared { server, name })), ..database }
}

fn file() -> Database {
    static FILES: LazyLock<Supervisor> = LazyLock::new(Supervisor::for_files);
    let folder = tempfile::tempdir_in(FILES.folder()).expect("a folder can be made");
    let url = format!("sqlite://{}", folder.path().join("customers.db").display());
    Database { url, kind: Kind::Sqlite, _guard: Some(Box::new(folder)) }
}

/// A database on a shared server.
struct Shared {
    server: &'static Server,
    name: String,
}

impl Drop for Shared {
    /// In the background: a test need not wait for it, and the server's end removes what is left.
    fn drop(&mut self) {
        let (server, name) = (self.server, std::mem::take(&mut self.name));
        std::thread::spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                drop(runtime.block_on(server.drop_database(&name)));
            }
        });
    }
}
