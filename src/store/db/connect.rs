//! Opening the pools, and what every session is set to.
//!
//! Invariant: sessions are alike on every connection (READ COMMITTED, lock wait 1 s, idle in transaction 10 s, UTC), so
//! no statement depends on a server's configuration. sqlx's ping before each checkout stays off (it costs 9–31 %);
//! instead connections older than the last one that was found dead are tested, see [`Pool::distrust`].

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, Row};

use super::super::error::StoreError;
use super::super::options::{Dialect, Options};
use super::Conn;
use crate::domain::matching::compare_names;

/// How long a caller waits for a connection: short, so that a receiver can say 503 within its two seconds.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long the first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Rows that SQLite's thread reads ahead of us; as many as a batch has.
const ROW_BUFFER: usize = 512;
/// Readers of one SQLite file; they never block the writer.
const SQLITE_READERS: u32 = 4;

/// SQLite only: names and addresses that differ by case or accents are equal, also beyond ASCII. No table or index of ours
/// uses it, so that any other program can read the file.
pub(in crate::store) const SPELLING: &str = "customer_sync_spelling";

/// SQLite notes the former state of each page that a statement changes, to take back half of it. Of more than 16 pages it
/// makes a temporary file, for each batch of webhooks: made, written and removed, that was a tenth of their cost.
const STATEMENT_JOURNAL: (&str, &str) = ("temp_store", "memory");

/// Pages of the WAL after which they are copied into the file: 16 MB. With the default of 1,000 pages, webhooks about customers
/// in no order write every page again for each few of them.
const CHECKPOINT: (&str, &str) = ("wal_autocheckpoint", "4000");

/// Plans are made anew for each execution: a plan cached while a table was empty made look-ups ten times slower, and
/// a batch amortises the planning. All our joins look a batch up by a key; during a first run the statistics say that
/// tables are empty still, and PostgreSQL would read them whole to hash or to sort them. Documents are long enough to be
/// compressed, which takes an eighth of the server's work in a first run by its default way and next to nothing by LZ4,
/// where the server was built with it.
const POSTGRES_SESSION: &str = "SET default_transaction_isolation = 'read committed'; SET lock_timeout = '1s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'; SET plan_cache_mode = 'force_custom_plan'; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; SET client_min_messages = 'warning'; \
    SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings \
    WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)";

/// Strict, because a value that does not fit must be an error, never a silent cut.
const MARIADB_SESSION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET SESSION innodb_lock_wait_timeout = 1, SESSION idle_transaction_timeout = 10, SESSION time_zone = '+00:00', \
    SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'";

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Use {
    /// Only reads: on SQLite they do not queue behind writers.
    Read,
    /// Anything.
    Write,
}

/// How the connections to the database are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Open and free.
    pub idle: u64,
    /// At work.
    pub busy: u64,
    /// Most that may be open at once.
    pub max: u64,
}

/// The pools of one database.
pub(in crate::store) struct Pool {
    drivers: Drivers,
    dead_since: Arc<Mutex<Option<Instant>>>,
}

enum Drivers {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
    Mariadb(MySqlPool),
}

impl Pool {
    /// Opens a first connection to learn whether the database can be used, then prepares the pools.
    ///
    /// # Errors
    /// [`StoreError::Config`] for a URL that cannot be read or a server that is too old, [`StoreError::Unavailable`]
    /// where nobody answers or the login is refused; the source has the driver's words (a pool would only say that it
    /// timed out).
    pub(in crate::store) async fn open(options: &Options) -> Result<Self, StoreError> {
        let dead_since = Arc::new(Mutex::new(None));
        let drivers = match Dialect::of_url(&options.url)? {
            Dialect::Sqlite => {
                let connect = sqlite_options(&options.url)?;
                first(async { connect.connect().await?.close().await }).await?;
                sqlite(&connect)
            }
            Dialect::Postgres => {
                let connect: PgConnectOptions =
                    options.url.parse().map_err(|_| unreadable_url("postgres://user:password@localhost:5432/shop"))?;
                let connect = connect.disable_statement_logging();
                let version: String = first(async {
                    let mut conn = connect.connect().await?;
                    let row = conn.fetch_one("SHOW server_version_num").await?;
                    conn.close().await?;
                    row.try_get(0)
                })
                .await?;
                check_postgres(&version)?;
                Drivers::Postgres(postgres(options, connect, &dead_since))
            }
            Dialect::Mariadb => {
                let connect: MySqlConnectOptions =
                    options.url.parse().map_err(|_| unreadable_url("mariadb://user:password@localhost:3306/shop"))?;
                let connect = connect.pipes_as_concat(false).disable_statement_logging();
                let version: String = first(async {
                    let mut conn = connect.connect().await?;
                    let row = conn.fetch_one("SELECT VERSION()").await?;
                    conn.close().await?;
                    row.try_get(0)
                })
                .await?;
                check_mariadb(&version)?;
                Drivers::Mariadb(mariadb(options, connect, &dead_since))
            }
        };
        Ok(Self { drivers, dead_since })
    }

    /// Which database it is.
    pub(in crate::store) const fn dialect(&self) -> Dialect {
        match self.drivers {
            Drivers::Sqlite { .. } => Dialect::Sqlite,
            Drivers::Postgres(_) => Dialect::Postgres,
            Drivers::Mariadb(_) => Dialect::Mariadb,
        }
    }

    /// The pool where the database is PostgreSQL: what only that one can do is asked of it directly.
    pub(in crate::store) const fn postgres(&self) -> Option<&PgPool> {
        match &self.drivers {
            Drivers::Postgres(pool) => Some(pool),
            Drivers::Sqlite { .. } | Drivers::Mariadb(_) => None,
        }
    }

    /// A connection, within 1.5 s. SQLite's one writer is handed out in the order of asking.
    pub(in crate::store) async fn acquire(&self, purpose: Use) -> Result<Conn, sqlx::Error> {
        Ok(match (&self.drivers, purpose) {
            (Drivers::Sqlite { writer, .. }, Use::Write) => Conn::Sqlite(writer.acquire().await?),
            (Drivers::Sqlite { readers, .. }, Use::Read) => Conn::Sqlite(readers.acquire().await?),
            (Drivers::Postgres(pool), _) => Conn::Postgres(pool.acquire().await?),
            (Drivers::Mariadb(pool), _) => Conn::Mariadb(pool.acquire().await?),
        })
    }

    /// How the connections are used now; asks nobody.
    pub(in crate::store) fn connections(&self) -> Connections {
        fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Connections {
            used(pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
        match &self.drivers {
            Drivers::Sqlite { writer, readers } => {
                let (writer, readers) = (of(writer), of(readers));
                Connections {
                    idle: writer.idle + readers.idle,
                    busy: writer.busy + readers.busy,
                    max: writer.max + readers.max,
                }
            }
            Drivers::Postgres(pool) => of(pool),
            Drivers::Mariadb(pool) => of(pool),
        }
    }

    /// Notes that a connection was found dead: every connection opened before now is tested before its next use.
    pub(in crate::store) fn distrust(&self) {
        *self.dead_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// SQLite: brings the log into the database file and cuts it, so that no file holds what was overwritten. Where a reader
    /// still needs the log, a later checkpoint does it. Servers have logs of their own, which are theirs.
    pub(in crate::store) async fn truncate_log(&self) -> Result<(), sqlx::Error> {
        if let Drivers::Sqlite { writer, .. } = &self.drivers {
            let sql = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA secure_delete = FAST";
            writer.acquire().await?.execute(sqlx::raw_sql(sql)).await?;
        }
        Ok(())
    }

    /// Closes every connection after its present use.
    pub(in crate::store) async fn close(&self) {
        match &self.drivers {
            Drivers::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Drivers::Postgres(pool) => pool.close().await,
            Drivers::Mariadb(pool) => pool.close().await,
        }
    }
}

/// How a pool's connections are used. sqlx counts a connection as free only after somebody may have taken it again, so its
/// count of the free ones is below zero, which is `usize::MAX`, for a moment.
fn used(open: u32, free: usize, max: u32) -> Connections {
    let open = u64::from(open);
    let idle = u64::try_from(free).ok().filter(|free| *free <= open).unwrap_or_default();
    Connections { idle, busy: open - idle, max: u64::from(max) }
}

fn suspicious(dead_since: &Mutex<Option<Instant>>, age: Duration) -> bool {
    dead_since.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|since| age > since.elapsed())
}

fn unreadable_url(example: &str) -> StoreError {
    StoreError::Config {
        sentence: format!(
            "the database URL cannot be read; write it like {example} and percent-encode special characters of the password"
        ),
    }
}

/// Limits the time of the first connection.
async fn first<T>(attempt: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    let what = "open it";
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(result) => result.map_err(|error| StoreError::of(what, error)),
        Err(_) => Err(StoreError::timed_out(what)),
    }
}

/// `server_version_num` is 140005 for 14.5.
fn check_postgres(version: &str) -> Result<(), StoreError> {
    let number: u32 = version.parse().unwrap_or(u32::MAX);
    if number >= 140_000 {
        return Ok(());
    }
    let sentence = format!("the database is PostgreSQL {}; version 14 or later is needed", number / 10_000);
    Err(StoreError::Config { sentence })
}

/// `VERSION()` is `10.11.6-MariaDB-0+deb12u1`, or `8.0.36` on MySQL.
fn check_mariadb(version: &str) -> Result<(), StoreError> {
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let number = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if version.contains("MariaDB") && number >= (10, 6) {
        return Ok(());
    }
    let sentence =
        format!("the database server is {version}; MariaDB 10.6 or later is needed (MySQL is not supported)");
    Err(StoreError::Config { sentence })
}

fn sqlite_options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    let options: SqliteConnectOptions = url.parse().map_err(|_| unreadable_url("sqlite://data/customers.db"))?;
    if url.contains(":memory:") || url.contains("mode=memory") || options.get_filename().as_os_str().is_empty() {
        return Err(StoreError::Config {
            sentence: "a database without a file would forget every accepted webhook; name one, for example \
                       sqlite://data/customers.db"
                .to_owned(),
        });
    }
    let folder = options.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(StoreError::Config {
            sentence: format!("the folder {} of the SQLite database does not exist: create it", folder.display()),
        });
    }
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten where that costs no further write; see `Pool::truncate_log`.
        .pragma("secure_delete", "fast")
        .busy_timeout(BUSY_TIMEOUT)
        .collation(SPELLING, compare_names)
        // A batch's rows at once: otherwise the two threads wake each other for every few of them.
        .row_buffer_size(ROW_BUFFER)
        .disable_statement_logging())
}

/// The file that an SQLite URL names; nothing is opened.
pub(in crate::store) fn sqlite_file(url: &str) -> Result<PathBuf, StoreError> {
    let options: SqliteConnectOptions = url.parse().map_err(|_| unreadable_url("sqlite://data/customers.db"))?;
    Ok(options.get_filename().to_owned())
}

fn sqlite(options: &SqliteConnectOptions) -> Drivers {
    let pool = SqlitePoolOptions::new()
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None);
    let writing = options.clone().pragma(STATEMENT_JOURNAL.0, STATEMENT_JOURNAL.1).pragma(CHECKPOINT.0, CHECKPOINT.1);
    Drivers::Sqlite {
        writer: pool.clone().max_connections(1).connect_lazy_with(writing),
        readers: pool.max_connections(SQLITE_READERS).connect_lazy_with(options.clone().pragma("query_only", "on")),
    }
}

fn postgres(options: &Options, connect: PgConnectOptions, dead_since: &Arc<Mutex<Option<Instant>>>) -> PgPool {
    let mut session = POSTGRES_SESSION.to_owned();
    if let Some(schema) = &options.schema {
        session.push_str(&format!("; SET search_path = {}", quoted(schema)));
    }
    let session: Arc<str> = session.into();
    let dead_since = Arc::clone(dead_since);
    PgPoolOptions::new()
        .max_connections(options.max_connections.max(2))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(move |conn, _| {
            let session = Arc::clone(&session);
            Box::pin(async move { conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(session))).await.map(drop) })
        })
        .before_acquire(move |conn, meta| {
            let test = suspicious(&dead_since, meta.age);
            Box::pin(async move { if test { conn.ping().await.map(|()| true) } else { Ok(true) } })
        })
        .connect_lazy_with(connect)
}

fn mariadb(options: &Options, connect: MySqlConnectOptions, dead_since: &Arc<Mutex<Option<Instant>>>) -> MySqlPool {
    let dead_since = Arc::clone(dead_since);
    MySqlPoolOptions::new()
        .max_connections(options.max_connections.max(2))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(|conn, _| Box::pin(async move { conn.execute(sqlx::raw_sql(MARIADB_SESSION)).await.map(drop) }))
        .before_acquire(move |conn, meta| {
            let test = suspicious(&dead_since, meta.age);
            Box::pin(async move { if test { conn.ping().await.map(|()| true) } else { Ok(true) } })
        })
        .connect_lazy_with(connect)
}

/// A schema name as an SQL identifier.
pub(in crate::store) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_though_the_driver_counts_below_zero_for_a_moment() {
        assert_eq!(used(3, 1, 8), Connections { idle: 1, busy: 2, max: 8 });
        assert_eq!(used(3, usize::MAX, 8), Connections { idle: 0, busy: 3, max: 8 });
        assert_eq!(used(1, 2, 8), Connections { idle: 0, busy: 1, max: 8 });
    }

    #[test]
    fn servers_that_are_too_old_are_named() {
        assert!(check_postgres("140000").is_ok() && check_postgres("170002").is_ok());
        assert!(check_postgres("130011").expect_err("old").to_string().contains("PostgreSQL 13"));
        assert!(check_mariadb("10.11.6-MariaDB-0+deb12u1").is_ok() && check_mariadb("11.4.2-MariaDB").is_ok());
        assert!(check_mariadb("10.5.23-MariaDB").is_err());
        assert!(check_mariadb("8.0.36").expect_err("MySQL").to_string().contains("MySQL is not supported"));
    }

    #[test]
    fn a_database_in_memory_or_in_no_folder_is_refused() {
        let nowhere = sqlite_options("sqlite://no/such/folder/a.db").expect_err("no folder");
        assert!(nowhere.to_string().contains("no/such/folder"), "{nowhere}");
        assert!(sqlite_options("sqlite::memory:").is_err());
        assert!(sqlite_options("sqlite://").is_err(), "SQLite makes a temporary file for an empty name");
        assert!(sqlite_options("sqlite://a.db").is_ok());
    }

    #[test]
    fn a_schema_name_cannot_break_out() {
        assert_eq!(quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
    }
}
