//! The store: customers, queue and bookkeeping in the user's own SQLite, PostgreSQL or MariaDB.
//!
//! A [`Store`] is a struct with one method per question or command; each file below holds the statements of one table
//! or one command. Invariant: every write of more than one statement is one transaction, and the lock order is the same
//! everywhere: customers, addresses, contacts, state, aliases, suggestions, run, change counter, jobs last.
//!
//! Decisions and what was rejected: one text per statement with tokens where dialects differ (`db::statement`), a thin
//! layer over the drivers instead of `sqlx::Any`, generics or a macro per body (`db`); a batch travels as one bound JSON
//! text, not as arrays with `unnest` (one shape for three databases, no limit on columns). Decimals, JSON and times cross
//! the border as text. sqlx's own migrator has no lock on SQLite, so `migrations` is a small runner of its own.
//!
//! What does not live here: ERPNext, the clock of this machine, retry policies, anything that knows why a row changes.

mod apply;
mod audit;
mod candidates;
mod cells;
mod changes;
mod customers;
mod db;
mod deliveries;
mod dossier;
mod edit;
mod erase;
mod error;
mod followed;
mod health;
mod hours;
mod identity;
mod jobs;
mod matching;
mod meta;
mod migrations;
mod options;
mod orphans;
mod prune;
mod records;
mod runs;
mod schedules;
mod sessions;
mod signal;
mod suggestions;
mod tables;
mod tokens;
mod transact;
mod unknown;
mod unlink;
mod users;
mod watermarks;

use std::sync::Arc;
use std::time::Duration;

use db::{Arg, Pool, Row, Statement, Use};

pub use audit::AuditRow;
pub use changes::ChangeRow;
pub use customers::{CustomerDetail, CustomerPage, CustomerRow};
pub use db::Connections;
pub use deliveries::{DeliveryDetail, DeliveryFilter, DeliveryPage, DeliveryRange, DeliveryRow};
pub use dossier::{Background, FormerName, Remarks};
pub use edit::{Edit, Edited};
pub use erase::Erased;
pub use error::{Disposition, StoreError};
pub use followed::Followed;
pub use health::{LatestDelivery, Server};
pub use hours::SampledChange;
pub use identity::{Held, Linked};
pub use jobs::{Depth, JobFilter, JobRow, JobState, Pending, QueueState, Selection, States};
pub use matching::{Candidate, Kept};
pub use migrations::MigrationReport;
pub use options::{Dialect, Options};
pub use runs::{Hold, Lead, OpenRun, RunFilter, RunRow, Started};
pub use schedules::{NewSchedule, ScheduleRow, Turn};
pub use sessions::{ListedSession, SessionLife, SessionRow};
pub use signal::ChangeSignal;
pub use suggestions::SuggestionRow;
pub use tokens::{ListedToken, TokenRow};
pub use unknown::Marked;
pub use unlink::Unlinked;
pub use users::{Credentials, UserChange, UserChanged, UserRow};
pub use watermarks::{Stamped, Watermark};

/// Longest wait for one statement outside of a transaction.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait in [`Store::ping`]: a load balancer asks, and a person waits.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Every statement of the store, so that one test can prepare each on every database.
static STATEMENTS: &[&[&[&Statement]]] = &[
    &[
        PING,
        audit::ALL,
        candidates::ALL,
        changes::ALL,
        customers::ALL,
        customers::LIST,
        deliveries::ALL,
        deliveries::LISTED,
        dossier::ALL,
        edit::ALL,
        followed::ALL,
        health::ALL,
        hours::ALL,
        identity::ALL,
        meta::ALL,
        migrations::ALL,
        orphans::ALL,
        records::ALL,
        prune::ALL,
        schedules::ALL,
        sessions::ALL,
        tokens::ALL,
        unknown::ALL,
        users::ALL,
        watermarks::ALL,
    ],
    apply::ALL,
    erase::ALL,
    jobs::ALL,
    runs::ALL,
    &[matching::ALL, suggestions::ALL, unlink::ALL],
];

/// What the metrics ask every few seconds.
static MEASURED: &[&[&Statement]] = &[jobs::MEASURED, runs::MEASURED, suggestions::MEASURED];

static PING: &[&Statement] = &[&ONE];
static ONE: Statement = Statement::same("SELECT {count:1} AS one");

/// The database. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    schema: Option<String>,
    /// On SQLite workers line up here before they line up for the one writer: an acknowledgement, which skips this
    /// gate, then waits for one worker's transaction at most (measured: p99 33 ms instead of 84 ms).
    gate: tokio::sync::Mutex<()>,
}

impl Store {
    /// Opens the database and one connection to it. Tables are made by [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Config`] for a URL that cannot be used, [`StoreError::Unavailable`] where nobody answers.
    pub async fn connect(options: &Options) -> Result<Self, StoreError> {
        let pool = Pool::open(options).await?;
        Ok(Self { inner: Arc::new(Inner { pool, schema: options.schema.clone(), gate: tokio::sync::Mutex::new(()) }) })
    }

    /// Which database it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.pool.dialect()
    }

    /// How the connections are used now; asks nobody.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.inner.pool.connections()
    }

    /// Whether a hint could be made durable now: the database answers, and takes a write lock where that is one
    /// (SQLite). Within two seconds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Busy`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let what = "check it";
        let probe = async {
            let mut tx = self.begin(what).await?;
            tx.fetch(&ONE, &[]).await.map_err(|error| StoreError::of(what, error))?;
            tx.rollback().await;
            Ok(())
        };
        match tokio::time::timeout(PING_TIMEOUT, probe).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::timed_out(what)),
        }
    }

    /// Closes all connections, after the work that is under way on them.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// Has the database prepare every statement of the store; the number of statements.
    ///
    /// # Errors
    /// [`StoreError::Bug`] for one that it does not understand, with the text in the source.
    pub async fn check_statements(&self) -> Result<usize, StoreError> {
        let what = "prepare the statements";
        let mut conn = self.inner.pool.acquire(Use::Write).await.map_err(|error| StoreError::of(what, error))?;
        // It would remember them with the types that the columns suggest, not with those that we bind.
        conn.discard();
        let mut count = 0;
        let own: &[&Statement] = if self.dialect() == Dialect::Sqlite { customers::WORDS } else { &[] };
        let families = customers::places().chain(own.iter().copied());
        for statement in STATEMENTS.iter().copied().flatten().copied().flatten().copied().chain(families) {
            conn.prepare(statement)
                .await
                .map_err(|error| StoreError::bug(what, format!("{error}\n{}", statement.text(conn.dialect()))))?;
            count += 1;
        }
        Ok(count)
    }

    /// The texts of what the metrics ask every few seconds, so that a test can have the database explain that none of them
    /// reads a whole table.
    #[must_use]
    pub fn measured(&self) -> Vec<&'static str> {
        MEASURED.iter().copied().flatten().map(|statement| statement.text(self.dialect())).collect()
    }

    /// Rows of one statement that only reads, outside of a transaction. A dead connection is replaced once.
    async fn read(
        &self,
        what: &'static str,
        statement: &'static Statement,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let mut last = None;
        for _ in 0..2 {
            let attempt = async {
                let mut conn = self.inner.pool.acquire(Use::Read).await?;
                let rows = conn.fetch(statement, args).await;
                if rows.is_err() {
                    conn.discard();
                }
                rows
            };
            match tokio::time::timeout(READ_TIMEOUT, attempt).await {
                Ok(Ok(rows)) => return Ok(rows),
                // The pool has tried again and again already.
                Ok(Err(error @ sqlx::Error::PoolTimedOut)) => return Err(StoreError::of(what, error)),
                Ok(Err(error)) if error::class(&error) == error::Class::Lost => {
                    self.inner.pool.distrust();
                    last = Some(error);
                }
                Ok(Err(error)) => return Err(StoreError::of(what, error)),
                Err(_) => {
                    self.inner.pool.distrust();
                    return Err(StoreError::timed_out(what));
                }
            }
        }
        Err(last.map_or_else(|| StoreError::timed_out(what), |error| StoreError::of(what, error)))
    }

    /// The same for rows that travel as a batch.
    async fn read_batches<T: serde::Serialize>(
        &self,
        what: &'static str,
        statement: &'static Statement,
        rows: &[T],
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for batch in db::batches(rows).map_err(|error| StoreError::bug(what, error))? {
            found.extend(self.read(what, statement, &[Arg::Text(&batch)]).await?);
        }
        Ok(found)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("dialect", &self.dialect()).finish_non_exhaustive()
    }
}
