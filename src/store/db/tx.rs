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

/// When a commit must be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Durable {
    /// Before it is confirmed.
    AtOnce,
    /// With the next one that is durable at once: one wait for the disk less. After a power failure it may be as if the whole
    /// transaction had never been, and only it. (MariaDB knows no such thing for one transaction.)
    Later,
}

impl Durable {
    fn begin(self, dialect: Dialect) -> &'static str {
        match (dialect, self) {
            // With the write lock, so that it never fails half way for want of it.
            (Dialect::Sqlite, Self::AtOnce) => "BEGIN IMMEDIATE",
            (Dialect::Sqlite, Self::Later) => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
            (Dialect::Postgres, Self::Later) => "BEGIN; SET LOCAL synchronous_commit = off",
            (Dialect::Postgres, Self::AtOnce) | (Dialect::Mariadb, _) => "BEGIN",
        }
    }

    /// How it is ended; the connection then is as it was before.
    fn end(self, dialect: Dialect, commit: bool) -> &'static str {
        match (dialect, self, commit) {
            (Dialect::Sqlite, Self::Later, true) => "COMMIT; PRAGMA synchronous = FULL",
            (Dialect::Sqlite, Self::Later, false) => "ROLLBACK; PRAGMA synchronous = FULL",
            (_, _, true) => "COMMIT",
            (_, _, false) => "ROLLBACK",
        }
    }
}

/// Who begins and commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Shape {
    /// We do, around any number of statements.
    Several,
    /// The database, which takes a single statement for a transaction.
    Single,
    /// The text, which holds its own BEGIN and COMMIT: one call of the driver (SQLite).
    Whole,
}

/// An open transaction.
pub(in crate::store) struct Tx {
    conn: Conn,
    shape: Shape,
    durable: Durable,
    /// Whether the connection is in an unknown state until told otherwise.
    open: bool,
}

impl Tx {
    /// Begins one of several statements.
    pub(in crate::store) async fn begin(conn: Conn, durable: Durable) -> Result<Self, sqlx::Error> {
        let sql = durable.begin(conn.dialect());
        let mut tx = Self { conn, shape: Shape::Several, durable, open: true };
        tx.conn.control(sql).await?;
        Ok(tx)
    }

    /// One that is begun and committed without us.
    pub(in crate::store) const fn without_begin(conn: Conn, shape: Shape) -> Self {
        Self { conn, shape, durable: Durable::AtOnce, open: true }
    }

    /// Makes it durable. After an error nobody knows whether it was: every caller can repeat its work harmlessly.
    pub(in crate::store) async fn commit(mut self) -> Result<(), sqlx::Error> {
        if self.shape == Shape::Several {
            let sql = self.durable.end(self.conn.dialect(), true);
            self.conn.control(sql).await?;
        }
        self.open = false;
        Ok(())
    }

    /// Takes everything back. Errors are of no interest: then the connection is closed, which does the same.
    pub(in crate::store) async fn rollback(mut self) {
        if self.shape == Shape::Single {
            self.open = false;
            return;
        }
        let sql = self.durable.end(self.conn.dialect(), false);
        let done = tokio::time::timeout(ROLLBACK_TIMEOUT, self.conn.control(sql)).await;
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

#[cfg(test)]
mod tests {
    use super::super::super::options::Options;
    use super::super::{Pool, Use};
    use super::*;

    static LEVEL: Statement = Statement::same("PRAGMA synchronous");

    #[tokio::test]
    async fn what_may_be_durable_later_leaves_sqlite_durable_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("a.db").display());
        let pool = Pool::open(&Options { url, schema: None, max_connections: 2 }).await.unwrap();
        let level = async |conn: &mut Conn| conn.fetch(&LEVEL, &[]).await.unwrap()[0].int("synchronous").unwrap();
        for commit in [true, false] {
            let mut tx = Tx::begin(pool.acquire(Use::Write).await.unwrap(), Durable::Later).await.unwrap();
            assert_eq!(level(&mut tx).await, 1, "NORMAL within it");
            if commit {
                tx.commit().await.unwrap();
            } else {
                tx.rollback().await;
            }
            assert_eq!(level(&mut pool.acquire(Use::Write).await.unwrap()).await, 2, "FULL after it");
        }
        drop(Tx::begin(pool.acquire(Use::Write).await.unwrap(), Durable::Later).await.unwrap());
        assert_eq!(level(&mut pool.acquire(Use::Write).await.unwrap()).await, 2, "FULL after one that was given up");
    }
}
