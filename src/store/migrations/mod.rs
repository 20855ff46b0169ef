//! Brings the tables up to date, once, however many processes start at the same time.
//!
//! Invariant: a migration that was released is never edited (its checksum is kept in `sync_migrations`), and a
//! `customers` table that we did not make is touched only when `adopt` was asked for. PostgreSQL and SQLite do all of it
//! in one transaction. MariaDB commits each DDL statement by itself: its migrations are re-runnable, and a migration is
//! noted before it starts and again when it has ended.

mod adopt;
mod inspect;
mod list;

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::db::{Arg, Conn, Durable, Statement, Tx, Use, expand, quoted};
use super::error::{Class, class};
use super::transact::Fault;
use super::{Dialect, Store, StoreError};
use list::Migration;
pub(super) use list::WORDS;

/// The first migration of all.
pub(super) const FIRST: &str = list::CUSTOMERS;

/// How a migration adds a column to `customers` in every dialect, on a line of its own.
const ADD_COLUMN: &str = "ALTER TABLE customers ADD COLUMN IF NOT EXISTS ";

/// MariaDB: what of the name is indexed. It takes of a long text the beginning only, and of an adopted table it may be one.
const NAME_KEY: &str = "{name_key}";

pub(super) static ALL: &[&Statement] = &[&APPLIED, &BEGIN, &END];

static APPLIED: Statement =
    Statement::same("SELECT name, checksum, {flag:applied_at IS NOT NULL} AS done FROM sync_migrations ORDER BY name");
static BEGIN: Statement = Statement::same(
    "INSERT INTO sync_migrations (name, checksum) SELECT r.name, r.checksum FROM {rows:name key, checksum text} AS r \
     {conflict:name} checksum = {new:checksum}",
);
static END: Statement = Statement::same("UPDATE sync_migrations SET applied_at = {now} WHERE name = ?");
static LOCK_POSTGRES: Statement = Statement::same("SELECT pg_advisory_xact_lock(5126478231)");
static LOCK_MARIADB: Statement = Statement::same("SELECT GET_LOCK(CONCAT('customer-sync:', DATABASE()), 60) AS got");

/// What `migrate` did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations that ran now; empty when all was up to date.
    pub applied: Vec<String>,
    /// Columns that were added to a table `customers` that was there before us.
    pub added_columns: Vec<String>,
}

/// Where the database stands.
struct History {
    /// Names that were begun or ended, with checksum and whether they ended.
    known: Vec<(String, String, bool)>,
}

impl Store {
    /// Brings the tables up to date. With `adopt`, a `customers` table that was there before us gets the columns that it
    /// lacks; its rows and ids stay.
    ///
    /// # Errors
    /// [`StoreError::Foreign`], [`StoreError::Occupied`], [`StoreError::TextIds`] or [`StoreError::Demanding`] for a `customers` table that is in
    /// the way, [`StoreError::NewerSchema`], [`StoreError::ChangedMigration`], and the usual ones.
    pub async fn migrate(&self, adopt: bool) -> Result<MigrationReport, StoreError> {
        let what = "set up the tables";
        let of = |error| StoreError::of(what, error);
        // SQLite lets a second process wait one second for the lock; migrations may take longer.
        let mut patience = 30;
        let mut tx = loop {
            let conn = self.inner.pool.acquire(Use::Write).await.map_err(of)?;
            match Tx::begin(conn, Durable::AtOnce).await {
                Ok(tx) => break tx,
                Err(error) if class(&error) == Class::Contention && patience > 0 => {
                    patience -= 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(of(error)),
            }
        };
        match run(&mut tx, self.inner.schema.as_deref(), adopt).await {
            Ok(report) => {
                tx.commit().await.map_err(of)?;
                Ok(report)
            }
            Err(fault) => {
                tx.rollback().await;
                Err(fault.into_error(what))
            }
        }
    }

    /// Names of the migrations that have not run yet, in order.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::ChangedMigration`], and the usual ones.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let what = "look at the tables";
        let of = |error| StoreError::of(what, error);
        let mut conn = self.inner.pool.acquire(Use::Read).await.map_err(of)?;
        let history = history(&mut conn).await.map_err(|fault| fault.into_error(what))?;
        let list = list::of(conn.dialect());
        history.check(list)?;
        Ok(list
            .iter()
            .filter(|migration| !history.ended(migration))
            .map(|migration| migration.name.to_owned())
            .collect())
    }
}

impl History {
    fn ended(&self, migration: &Migration) -> bool {
        self.known.iter().any(|(name, _, ended)| name == migration.name && *ended)
    }

    fn check(&self, list: &[Migration]) -> Result<(), StoreError> {
        for (name, checksum, ended) in &self.known {
            match list.iter().find(|migration| migration.name == name) {
                None => return Err(StoreError::NewerSchema { found: name.clone() }),
                Some(migration) if *ended && checksum_of(migration.sql) != *checksum => {
                    return Err(StoreError::ChangedMigration { name: name.clone() });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

async fn history(conn: &mut Conn) -> Result<History, Fault> {
    if !inspect::table_exists(conn, "sync_migrations").await? {
        return Ok(History { known: Vec::new() });
    }
    let mut known = Vec::new();
    for row in conn.fetch(&APPLIED, &[]).await? {
        known.push((row.text("name")?, row.text("checksum")?, row.flag("done")?));
    }
    Ok(History { known })
}

async fn run(tx: &mut Tx, schema: Option<&str>, adopt: bool) -> Result<MigrationReport, Fault> {
    let dialect = tx.dialect();
    exclude_others(tx, schema).await?;
    let list = list::of(dialect);
    let history = history(tx).await?;
    history.check(list)?;
    let mut report = MigrationReport::default();
    if list.iter().all(|migration| history.ended(migration)) {
        return Ok(report);
    }
    if history.known.is_empty() {
        for table in list::LINKED {
            if inspect::table_exists(tx, table).await? {
                return Err(StoreError::Occupied { table }.into());
            }
        }
    }
    let foreign = history.known.is_empty() && inspect::table_exists(tx, "customers").await?;
    if foreign {
        let table = inspect::columns(tx, "customers").await?;
        adopt::check(dialect, &table, adopt)?;
        report.added_columns = adopt::run(tx, &table).await?;
    }
    tx.run(expand(dialect, list::HISTORY)).await?;
    for migration in list.iter().filter(|migration| !history.ended(migration)) {
        let row = serde_json::json!([{ "name": migration.name, "checksum": checksum_of(migration.sql) }]).to_string();
        tx.execute(&BEGIN, &[Arg::Text(&row)]).await?;
        if !(foreign && migration.name == list::CUSTOMERS) {
            let sql = adapted(tx, migration.sql).await?;
            tx.run(sql).await?;
        }
        tx.execute(&END, &[Arg::Text(migration.name)]).await?;
        report.applied.push(migration.name.to_owned());
    }
    Ok(report)
}

/// The text as this database takes it.
async fn adapted(tx: &mut Tx, sql: &str) -> Result<String, Fault> {
    match tx.dialect() {
        Dialect::Mariadb if sql.contains("{customer_id}") => {
            Ok(sql.replace("{customer_id}", &inspect::id_type(tx).await?))
        }
        Dialect::Mariadb if sql.contains(NAME_KEY) => {
            let columns = inspect::columns(tx, "customers").await?;
            let name = columns.iter().find(|column| column.name == "name");
            let short = name.is_none_or(|name| name.kind.contains("char"));
            Ok(sql.replace(NAME_KEY, if short { "name" } else { "name(250)" }))
        }
        Dialect::Sqlite if sql.contains(ADD_COLUMN) => {
            let columns = inspect::columns(tx, "customers").await?;
            Ok(without_known(sql, |name| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name))))
        }
        Dialect::Mariadb | Dialect::Postgres | Dialect::Sqlite => Ok(sql.to_owned()),
    }
}

/// SQLite has no `IF NOT EXISTS` for columns, and an adopted table may have the column already.
fn without_known(sql: &str, is_known: impl Fn(&str) -> bool) -> String {
    let line = |line: &str| match line.strip_prefix(ADD_COLUMN) {
        None => Some(line.to_owned()),
        Some(column) if is_known(column.split(' ').next().unwrap_or_default()) => None,
        Some(column) => Some(format!("ALTER TABLE customers ADD COLUMN {column}")),
    };
    sql.lines().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// SQLite: the transaction itself excludes others. The locks of the others end with the transaction (PostgreSQL) or
/// with the connection, which `migrate` does not hand back while it holds it (MariaDB).
async fn exclude_others(tx: &mut Tx, schema: Option<&str>) -> Result<(), Fault> {
    match tx.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => {
            tx.run("SET LOCAL lock_timeout = '60s'".to_owned()).await?;
            tx.fetch(&LOCK_POSTGRES, &[]).await?;
            if let Some(schema) = schema {
                tx.run(format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema))).await?;
            }
        }
        Dialect::Mariadb => {
            tx.discard();
            let rows = tx.fetch(&LOCK_MARIADB, &[]).await?;
            if rows.first().map(|row| row.maybe_int("got")).transpose()?.flatten() != Some(1) {
                return Err(StoreError::timed_out("wait for another process that sets up the tables").into());
            }
        }
    }
    Ok(())
}

fn checksum_of(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
