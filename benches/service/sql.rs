//! The same few statements on three drivers, for what the service is compared with.
//!
//! Invariant: the drivers and sessions are those of the service (sqlx, no ping before use, SQLite in WAL with FULL), so a
//! ratio compares designs, not libraries.

use anyhow::Context;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Row};

/// Connections of a server; SQLite has one writer.
const CONNECTIONS: u32 = 16;

/// An open database.
#[derive(Clone)]
pub enum Sql {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mariadb(MySqlPool),
}

/// Binds texts to a statement and runs it by that driver's method.
macro_rules! bound {
    ($pool:expr, $sql:expr, $values:expr, $method:ident) => {{
        let query = $values.iter().fold(sqlx::query(AssertSqlSafe($sql)), |query, value| query.bind(*value));
        query.$method($pool).await?
    }};
}

impl Sql {
    /// Opens it.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let scheme = url.split(':').next().unwrap_or_default();
        Ok(match scheme {
            "sqlite" => {
                let options: SqliteConnectOptions = url.parse()?;
                let options = options
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full);
                let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
                Self::Sqlite(pool.connect_with(options).await?)
            }
            "postgres" => {
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
                Self::Postgres(pool.connect(url).await?)
            }
            _ => {
                let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
                Self::Mariadb(pool.connect(url).await?)
            }
        })
    }

    /// Runs a statement with `?` for its values; how many rows it concerned.
    pub async fn execute(&self, sql: &str, values: &[&str]) -> anyhow::Result<u64> {
        Ok(match self {
            Self::Sqlite(pool) => bound!(pool, sql.to_owned(), values, execute).rows_affected(),
            Self::Postgres(pool) => bound!(pool, numbered(sql), values, execute).rows_affected(),
            Self::Mariadb(pool) => bound!(pool, sql.to_owned(), values, execute).rows_affected(),
        })
    }

    /// The first column of the first row as text; `None` without a row and for null.
    pub async fn text(&self, sql: &str, values: &[&str]) -> anyhow::Result<Option<String>> {
        let found: Option<Option<String>> = match self {
            Self::Sqlite(pool) => {
                bound!(pool, sql.to_owned(), values, fetch_optional).map(|row| row.try_get(0)).transpose()?
            }
            Self::Postgres(pool) => {
                bound!(pool, numbered(sql), values, fetch_optional).map(|row| row.try_get(0)).transpose()?
            }
            Self::Mariadb(pool) => {
                bound!(pool, sql.to_owned(), values, fetch_optional).map(|row| row.try_get(0)).transpose()?
            }
        };
        Ok(found.flatten())
    }

    /// The first column of the first row as a number.
    pub async fn count(&self, sql: &str) -> anyhow::Result<i64> {
        let text = self.text(sql, &[]).await?.context("a count has a row")?;
        Ok(text.parse()?)
    }
}

/// `?` becomes `$1`, `$2` …, as PostgreSQL wants it.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |text, (index, part)| format!("{text}${}{part}", index + 1))
}
