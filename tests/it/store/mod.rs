//! The conformance suite of the store: every test runs on SQLite, PostgreSQL and MariaDB.
//!
//! Invariant: a test is a function that takes a [`Case`], and [`on_each_database`] makes three tests of it; one that is
//! not listed there is dead code and fails the build. What a test needs to know of the tables beyond the store's own
//! questions it reads with plain SQL (`sql`), as another application would.

mod accept;
mod access;
mod adopt;
mod candidates;
mod changes;
mod concurrency;
mod connect;
mod deliveries;
mod edit;
mod erase;
mod failures;
mod faults;
mod linked;
mod listing;
mod make;
mod matching;
mod measured;
mod migrations;
mod names;
mod orphans;
mod polling_puts;
mod prune;
mod queue;
mod reads;
mod runs;
mod schedules;
mod sql;
mod texts;
mod watermarks;
mod workload;
mod writes;

use std::time::{Duration, Instant};

use customer_sync::store::{Options, Store, StoreError};

use crate::support::databases::{Database, Kind, fresh};

/// One test's database: empty, migrated, and open.
struct Case {
    store: Store,
    database: Database,
}

impl Case {
    /// On the shared server of that kind.
    async fn new(kind: Kind) -> Self {
        let case = Self::unmigrated(kind).await;
        case.store.migrate(false).await.unwrap();
        case
    }

    /// The same without any table.
    async fn unmigrated(kind: Kind) -> Self {
        let database = fresh(kind).await;
        Self { store: open(&database.url).await, database }
    }

    /// Another process on the same database.
    async fn another_store(&self) -> Store {
        open(&self.database.url).await
    }
}

/// Opens a store with few connections, because many tests share a server. A busy machine may need longer to answer than
/// the store waits.
async fn open(url: &str) -> Store {
    let options = Options { url: url.to_owned(), schema: None, max_connections: 6 };
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match Store::connect(&options).await {
            Err(StoreError::Unavailable { .. }) if Instant::now() < deadline => (),
            result => return result.unwrap(),
        }
    }
}

/// Makes three tests of each function: `name::sqlite`, `name::postgres`, `name::mariadb`.
macro_rules! on_each_database {
    ($($test:ident)*) => {
        on_each_database! { migrated: $($test)* }
    };
    (unmigrated: $($test:ident)*) => {
        on_each_database! { @unmigrated (sqlite Sqlite, postgres Postgres, mariadb Mariadb): $($test)* }
    };
    (migrated: $($test:ident)*) => {
        on_each_database! { @new (sqlite Sqlite, postgres Postgres, mariadb Mariadb): $($test)* }
    };
    (@$make:ident $kinds:tt: $($test:ident)*) => {
        $(on_each_database! { @one $make $kinds $test })*
    };
    (@one $make:ident ($($name:ident $kind:ident),*) $test:ident) => {
        mod $test {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let case = crate::store::Case::$make(crate::support::databases::Kind::$kind).await;
                    super::$test(case).await;
                }
            )*
        }
    };
}
use on_each_database;
