//! Durable acceptance of hints: whoever calls [`Inbox::accept`] gets its answer only after the commit.
//!
//! Invariant: `Ok` means the delivery and its job are on disk. An error means that nothing of it is promised; a hint
//! that was written all the same (the caller had given up waiting) is harmless, because it is only a hint.
//! How a batch is written lives in `direct`, how its
//! answers find their callers in `desk`; which deliveries make jobs is `sync::receive`'s decision.

mod desk;
mod direct;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::domain::hint::Delivery;
use crate::lifecycle::Tasks;
use crate::store::{Store, StoreError};

use desk::{Desk, Reply};

/// Wakes the workers of this process as soon as jobs were put; other processes find them by polling.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Tells the claim loop that a job may be due.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for the next [`Wake::wake`]; one that came before counts.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

/// Why a delivery was not accepted. The sender shall try again.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// More hints wait for the database than the channel holds.
    #[error("more webhooks are waiting to be written than the queue in memory holds; come back in a moment")]
    Full,
    /// The database did not answer in time.
    #[error("the database did not confirm the webhook in time; come back in a moment")]
    TimedOut,
    /// The process is stopping.
    #[error("the service is stopping")]
    Stopping,
    /// The database refused or could not be reached.
    #[error("the webhook could not be written: {0}")]
    Store(#[source] Arc<StoreError>),
}

impl Refusal {
    /// Metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TimedOut => "timed_out",
            Self::Stopping => "stopping",
            Self::Store(error) => error.label(),
        }
    }
}

/// One delivery on its way to the database, with the caller that waits for it.
struct Item {
    delivery: Delivery,
    reply: Reply,
}

/// Bounds of the inbox.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Deliveries that may wait in memory; beyond it callers are refused at once.
    pub waiting: usize,
    /// Deliveries written in one transaction at most.
    pub batch: usize,
    /// How long a caller waits at most before it is told to come back (ERPNext gives up after five seconds).
    pub answer_within: Duration,
}

/// Handle for callers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox {
    sender: mpsc::Sender<Item>,
    answer_within: Duration,
    failing: Failing,
    desk: Option<Desk>,
}

/// Whether the last write failed; shared with the writer.
#[derive(Debug, Clone, Default)]
struct Failing(Arc<AtomicBool>);

impl Failing {
    fn note(&self, failed: bool) {
        self.0.store(failed, Ordering::Relaxed);
    }
}

impl Inbox {
    /// Starts the one writer. It ends after `stop` is cancelled and everything accepted before has been answered.
    #[must_use]
    pub fn start(store: Store, limits: Limits, wake: Wake, tasks: &Tasks, stop: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::channel(limits.waiting);
        let failing = Failing::default();
        let writer = direct::Writer::new(store, limits, wake, failing.clone());
        tasks.spawn("inbox", writer.run(receiver, stop));
        Self { sender, answer_within: limits.answer_within, failing, desk: None }
    }

    /// A handle for callers of the present thread only, who are then answered together. To be made once per thread, inside
    /// the thread's `LocalSet`.
    #[must_use]
    pub fn on_this_thread(&self, tasks: &Tasks) -> Self {
        let (desk, batches) = mpsc::unbounded_channel();
        tasks.spawn_local("inbox answers", desk::serve(batches));
        Self { desk: Some(desk), ..self.clone() }
    }

    /// Whether the last write failed. A database that answers reads may still take no writes: its disk may be full.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.0.load(Ordering::Relaxed)
    }

    /// Somebody found out that the database takes writes again.
    pub fn recovered(&self) {
        self.failing.note(false);
    }

    /// Makes the delivery durable.
    ///
    /// # Errors
    /// [`Refusal`], within [`Limits::answer_within`] in any case; the caller answers 503 with Retry-After.
    pub async fn accept(&self, delivery: Delivery) -> Result<(), Refusal> {
        let (reply, answer) = Reply::new(self.desk.clone());
        self.sender.try_send(Item { delivery, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Full,
            mpsc::error::TrySendError::Closed(_) => Refusal::Stopping,
        })?;
        match tokio::time::timeout(self.answer_within, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_gone)) => Err(Refusal::Stopping),
            Err(_elapsed) => Err(Refusal::TimedOut),
        }
    }
}
