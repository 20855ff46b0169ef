//! Transactions that are repeated where repeating helps.
//!
//! Invariant: the work of a transaction is a block that may run several times, so it must compute everything inside
//! and hand out its result only; no attempt of a job is burned by a repetition. Deadlocks, serialization failures and
//! lock time-outs are repeated up to five times with jitter, a taken unique key twice (whoever was faster is then
//! seen), a dead connection once and only before the commit.

use std::io::ErrorKind;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::MutexGuard;

use super::db::{Durable, Shape, Tx, Use};
use super::error::{Class, class};
use super::options::Dialect;
use super::{Store, StoreError};
use crate::telemetry::metrics;

/// Longest life of one attempt.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for the beginning of one, or for the whole of a single statement: the first thing that a network which
/// swallows everything does not answer.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the work of a transaction ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The driver's error.
    Sql(sqlx::Error),
    /// Ours.
    Store(StoreError),
}

impl Fault {
    /// As the error of a whole command.
    pub(super) fn into_error(self, what: &'static str) -> StoreError {
        match self {
            Self::Sql(error) => StoreError::of(what, error),
            Self::Store(error) => error,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(StoreError::bug("handle JSON", error))
    }
}

/// How the work of a transaction ended.
#[derive(Debug)]
pub(super) enum End<T> {
    /// Make it durable.
    Commit(T),
    /// Take it back.
    RollBack(T),
}

/// Who asks: on SQLite workers queue among themselves first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody waits for the answer (an acknowledgement, a page, a command).
    Urgent,
    /// A worker.
    Worker,
}

/// Runs an async block in a transaction (see [`Attempts`]), as often as it takes, and commits it: the block gets
/// `&mut Tx` and gives `Result<T, Fault>`; the whole gives `Result<T, StoreError>`. (A macro, because the future of a
/// function that takes an async closure is not `Send` where the closure borrows.)
macro_rules! transact {
    ($attempts:expr, |$tx:ident| $work:expr) => {
        $crate::store::transact::transact_or_not!($attempts, |$tx| {
            let done = $work;
            done.map($crate::store::transact::End::Commit)
        })
    };
}

/// The same for a block that gives `Result<End<T>, Fault>` and so decides whether it is committed.
macro_rules! transact_or_not {
    ($attempts:expr, |$tx:ident| $work:expr) => {
        async {
            let mut attempts: $crate::store::transact::Attempts<'_> = $attempts;
            loop {
                let mut tx = attempts.begin().await?;
                let done = attempts
                    .in_time(async {
                        let $tx = &mut tx;
                        $work
                    })
                    .await;
                if let Some(done) = attempts.end(tx, done).await? {
                    break Ok::<_, $crate::store::StoreError>(done);
                }
            }
        }
    };
}

pub(super) use {transact, transact_or_not};

/// The attempts at one transaction.
pub(super) struct Attempts<'s> {
    store: &'s Store,
    what: &'static str,
    caller: Caller,
    shape: Shape,
    durable: Durable,
    repeats: Repeats,
    gate: Option<MutexGuard<'s, ()>>,
}

impl<'s> Attempts<'s> {
    /// Says that the work is one statement, which is a transaction by itself: two round trips less. It must be
    /// harmless to run it twice, because a connection may die after the database has committed it.
    pub(super) fn single_statement(self, single: bool) -> Self {
        Self { shape: if single { Shape::Single } else { self.shape }, ..self }
    }

    /// Says that the text itself begins and commits. It must be harmless to run it twice, too.
    pub(super) fn whole_text(self) -> Self {
        Self { shape: Shape::Whole, ..self }
    }

    /// Says that it may be lost in a power failure, as a whole, until the next other transaction has ended.
    pub(super) fn durable_later(self) -> Self {
        Self { durable: Durable::Later, ..self }
    }

    /// Begins the next attempt.
    pub(super) async fn begin(&mut self) -> Result<Tx, StoreError> {
        loop {
            if self.caller == Caller::Worker && self.store.dialect() == Dialect::Sqlite {
                self.gate = Some(self.store.inner.gate.lock().await);
            }
            let begun = match self.store.inner.pool.acquire(Use::Write).await {
                Ok(conn) if self.shape != Shape::Several => Ok(Ok(Tx::without_begin(conn, self.shape))),
                Ok(conn) => tokio::time::timeout(BEGIN_TIMEOUT, Tx::begin(conn, self.durable)).await,
                // The pool has tried again and again already.
                Err(error @ sqlx::Error::PoolTimedOut) => return Err(StoreError::of(self.what, error)),
                Err(error) => Ok(Err(error)),
            };
            // No answer at all: as dead as a connection that was cut, and treated alike.
            match begun.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into()))) {
                Ok(tx) => return Ok(tx),
                Err(error) => self.pause(error).await?,
            }
        }
    }

    /// Runs the work with a limit on its time.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let limit = if self.shape == Shape::Several { TIMEOUT } else { BEGIN_TIMEOUT };
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => {
                self.store.inner.pool.distrust();
                Err(Fault::Store(StoreError::timed_out(self.what)))
            }
        }
    }

    /// Ends the attempt; `None` means that it has to be repeated.
    pub(super) async fn end<T>(&mut self, tx: Tx, work: Result<End<T>, Fault>) -> Result<Option<T>, StoreError> {
        let failed = match work {
            Ok(End::Commit(value)) => match tokio::time::timeout(TIMEOUT, tx.commit()).await {
                Ok(Ok(())) => Ok(value),
                // Nobody knows whether it was committed: the caller decides.
                Ok(Err(error)) if class(&error) == Class::Lost => {
                    self.store.inner.pool.distrust();
                    Err(Fault::Store(StoreError::of(self.what, error)))
                }
                Err(_) => {
                    self.store.inner.pool.distrust();
                    Err(Fault::Store(StoreError::timed_out(self.what)))
                }
                Ok(Err(error)) => Err(Fault::Sql(error)),
            },
            Ok(End::RollBack(value)) => {
                tx.rollback().await;
                Ok(value)
            }
            Err(fault) => {
                // A connection that is dead or does not answer is closed instead, by dropping the transaction.
                if !matches!(&fault, Fault::Sql(error) if class(error) == Class::Lost)
                    && !matches!(fault, Fault::Store(StoreError::Unavailable { .. }))
                {
                    tx.rollback().await;
                }
                Err(fault)
            }
        };
        self.gate = None;
        match failed {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Sql(error)) => self.pause(error).await.map(|()| None),
            Err(Fault::Store(error)) => Err(error),
        }
    }

    /// Waits before a repetition, or gives up.
    async fn pause(&mut self, error: sqlx::Error) -> Result<(), StoreError> {
        self.gate = None;
        let class = class(&error);
        if matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) {
            // It was waited for already.
            return Err(StoreError::of(self.what, error));
        }
        if class == Class::Lost {
            self.store.inner.pool.distrust();
        }
        match self.repeats.next(class) {
            None => Err(StoreError::of(self.what, error)),
            Some(pause) => {
                metrics::transaction_repeated(class.as_str());
                tokio::time::sleep(pause).await;
                Ok(())
            }
        }
    }
}

impl Store {
    /// The attempts at one transaction, for the macros.
    pub(super) fn attempts(&self, what: &'static str, caller: Caller) -> Attempts<'_> {
        Attempts {
            store: self,
            what,
            caller,
            shape: Shape::Several,
            durable: Durable::AtOnce,
            repeats: Repeats::default(),
            gate: None,
        }
    }

    /// Begins a transaction that is not repeated.
    pub(super) async fn begin(&self, what: &'static str) -> Result<Tx, StoreError> {
        let conn = self.inner.pool.acquire(Use::Write).await.map_err(|error| StoreError::of(what, error))?;
        Tx::begin(conn, Durable::AtOnce).await.map_err(|error| StoreError::of(what, error))
    }
}

/// How often each kind of trouble has been met.
#[derive(Default)]
struct Repeats {
    contention: u32,
    taken: u32,
    lost: u32,
}

impl Repeats {
    /// The pause before the next attempt; `None` to give up.
    fn next(&mut self, class: Class) -> Option<Duration> {
        let (met, most) = match class {
            Class::Contention => (&mut self.contention, 5),
            Class::Taken => (&mut self.taken, 2),
            Class::Lost => (&mut self.lost, 1),
            Class::Data | Class::Denied | Class::Bug => return None,
        };
        *met += 1;
        if *met > most {
            return None;
        }
        let longest = if class == Class::Lost { 1 } else { 10_u64 << *met };
        Some(Duration::from_millis(rand::rng().random_range(0..longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_may_pass_is_repeated_and_only_so_often() {
        let count = |class| {
            let mut repeats = Repeats::default();
            std::iter::from_fn(|| repeats.next(class)).count()
        };
        assert_eq!(count(Class::Contention), 5);
        assert_eq!(count(Class::Taken), 2);
        assert_eq!(count(Class::Lost), 1);
        assert_eq!(count(Class::Data), 0);
        assert_eq!(count(Class::Denied), 0);
        assert_eq!(count(Class::Bug), 0);
    }
}
