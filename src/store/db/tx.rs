//! A connection, and a transaction on one.
//!
//! Invariant: a [`Tx`] that is dropped without [`Tx::commit`] or [`Tx::rollback`] (a cancelled request, a time-out)
//! closes its connection instead of handing an unknown state back to the pool; the server then rolls back.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Executor, MySql, Postgres, Sqlite};

use super::super::options::Dialect;
use super::{Arg, Row, Statement};

/// How long a server that still answers may take to take back a transaction; otherwise the connection is closed.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection of the pool.
pub(in crate::store) enum Conn {
    /// To SQLite.
    Sqlite(PoolConnection<Sqlite>),
    /// To PostgreSQL.
    Postgres(PoolConnection<Postgres>),
    /// To MariaDB.
    Mariadb(PoolConnection<MySql>),
}

macro_rules! bound {
    ($driver:ty, $text:expr, $args:expr) => {
        $args.iter().fold(sqlx::query::<$driver>($text), |query, arg| match *arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        })
    };
}

impl Conn {
    /// The dialect that it speaks.
    pub(in crate::store) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::Mariadb(_) => Dialect::Mariadb,
        }
    }

    /// All rows of a statement.
    pub(in crate::store) async fn fetch(
        &mut self,
        statement: &'static Statement,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let text = statement.text(self.dialect());
        Ok(match self {
            Self::Sqlite(conn) => {
                let rows = bound!(Sqlite, text, args).fetch_all(&mut **conn).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(conn) => {
                let rows = bound!(Postgres, text, args).fetch_all(&mut **conn).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
            Self::Mariadb(conn) => {
                let rows = bound!(MySql, text, args).fetch_all(&mut **conn).await?;
                rows.into_iter().map(Row::Mariadb).collect()
            }
        })
    }

    /// Runs a statement; the number of rows it says to have changed (only good for telling none from some).
    pub(in crate::store) async fn execute(
        &mut self,
        statement: &'static Statement,
        args: &[Arg<'_>],
    ) -> Result<u64, sqlx::Error> {
        let text = statement.text(self.dialect());
        Ok(match self {
            Self::Sqlite(conn) => bound!(Sqlite, text, args).execute(&mut **conn).await?.rows_affected(),
            Self::Postgres(conn) => bound!(Postgres, text, args).execute(&mut **conn).await?.rows_affected(),
            Self::Mariadb(conn) => bound!(MySql, text, args).execute(&mut **conn).await?.rows_affected(),
        })
    }

    /// Asks the database whether it would run the statement, without running it.
    pub(in crate::store) async fn prepare(&mut self, statement: &'static Statement) -> Result<(), sqlx::Error> {
        let text = statement.text(self.dialect());
        match self {
            Self::Sqlite(conn) => conn.prepare(sqlx::SqlSafeStr::into_sql_str(text)).await.map(drop),
            Self::Postgres(conn) => conn.prepare(sqlx::SqlSafeStr::into_sql_str(text)).await.map(drop),
            Self::Mariadb(conn) => conn.prepare(sqlx::SqlSafeStr::into_sql_str(text)).await.map(drop),
        }
    }

    /// Runs SQL that is not a prepared statement: transaction control, session settings, migrations.
    /// May hold several statements; nothing in it may come from outside.
    pub(in crate::store) async fn run(&mut self, sql: String) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        match self {
            Self::Sqlite(conn) => sql.execute(&mut **conn).await.map(drop),
            Self::Postgres(conn) => sql.execute(&mut **conn).await.map(drop),
            Self::Mariadb(conn) => sql.execute(&mut **conn).await.map(drop),
        }
    }

    async fn control(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(conn) => conn.execute(sql).await.map(drop),
            Self::Postgres(conn) => conn.execute(sql).await.map(drop),
            Self::Mariadb(conn) => conn.execute(sql).await.map(drop),
        }
    }

    /// Closes it instead of handing it back to the pool.
    pub(in crate::store) fn discard(&mut self) {
        match self {
            Self::Sqlite(conn) => conn.close_on_drop(),
            Self::Postgres(conn) => conn.close_on_drop(),
            Self::Mariadb(conn) => conn.close_on_drop(),
        }
    }
}

/// An open transaction.
pub(in crate::store) struct Tx {
    conn: Conn,
    /// Whether there is something to commit or to roll back.
    begun: bool,
    /// Whether the connection is in an unknown state until told otherwise.
    open: bool,
}

impl Tx {
    /// Begins one; on SQLite with the write lock (`BEGIN IMMEDIATE`), so that it never fails half way for want of it.
    pub(in crate::store) async fn begin(conn: Conn) -> Result<Self, sqlx::Error> {
        let sql = if conn.dialect() == Dialect::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let mut tx = Self { conn, begun: true, open: true };
        tx.conn.control(sql).await?;
        Ok(tx)
    }

    /// One for a single statement, which the database commits by itself (or which brings its own BEGIN and COMMIT).
    pub(in crate::store) const fn single_statement(conn: Conn) -> Self {
        Self { conn, begun: false, open: true }
    }

    /// Makes it durable. After an error nobody knows whether it was: every caller can repeat its work harmlessly.
    pub(in crate::store) async fn commit(mut self) -> Result<(), sqlx::Error> {
        if self.begun {
            self.conn.control("COMMIT").await?;
        }
        self.open = false;
        Ok(())
    }

    /// Takes everything back. Errors are of no interest: then the connection is closed, which does the same.
    pub(in crate::store) async fn rollback(mut self) {
        // A server takes a failed statement back by itself; what SQLite was given may have begun and not ended.
        if !self.begun && self.conn.dialect() != Dialect::Sqlite {
            self.open = false;
            return;
        }
        let done = tokio::time::timeout(ROLLBACK_TIMEOUT, self.conn.control("ROLLBACK")).await;
        self.open = !matches!(done, Ok(Ok(())));
    }
}

impl std::ops::Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.open {
            self.conn.discard();
        }
    }
}
