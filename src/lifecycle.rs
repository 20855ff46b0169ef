//! Start and stop of everything that runs beside `main`: the only place that spawns tasks and listens for signals.
//!
//! Invariant: no task dies unnoticed. One that returns an error or panics stops the whole process with a failure, so
//! that a supervisor restarts it instead of leaving half a service behind.
//!
//! Stopping has two steps. *Soft*: every task sees [`Tasks::stop`] and finishes what it holds. *Hard*, after the
//! grace time or a second signal: tasks are dropped where they stand; leases and transactions make that safe.
//! What a task does when asked to stop is its own business and lives with it.

use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a hard stop waits for tasks to notice that they were dropped.
const HARD_STOP_WAIT: Duration = Duration::from_secs(1);

/// An error of any layer, as a task hands it over.
pub type TaskError = Box<dyn Error + Send + Sync>;

/// The tasks of one process (in tests: of one app). Cheap to clone; all clones are the same set.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    soft: CancellationToken,
    hard: CancellationToken,
    failure: Arc<Mutex<Option<Failure>>>,
}

/// The first task that died.
#[derive(Debug)]
pub struct Failure {
    /// Name given to [`Tasks::spawn`].
    pub task: &'static str,
    /// Why.
    pub error: TaskError,
}

/// Why the process ends.
#[derive(Debug)]
pub enum ExitReason {
    /// A signal or a call of [`Tasks::begin_stop`], and every task finished by itself.
    Stopped,
    /// As `Stopped`, but tasks had to be dropped: the grace time ran out or a second signal came.
    Forced,
    /// A task died; the others were stopped softly.
    Failed(Failure),
}

impl ExitReason {
    /// What `main` returns to the operating system. A forced stop is still a stop that was asked for.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Stopped | Self::Forced => ExitCode::SUCCESS,
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

/// What a task may return: nothing, or a result whose error stops the process.
pub trait TaskEnd: Send {
    /// The error, if the task failed.
    ///
    /// # Errors
    /// The task's own.
    fn into_result(self) -> Result<(), TaskError>;
}

impl TaskEnd for () {
    fn into_result(self) -> Result<(), TaskError> {
        Ok(())
    }
}

impl<E: Into<TaskError> + Send> TaskEnd for Result<(), E> {
    fn into_result(self) -> Result<(), TaskError> {
        self.map_err(Into::into)
    }
}

impl Tasks {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a future beside the others. `name` is what the log calls it if it dies.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future + Send + 'static,
        F::Output: TaskEnd,
    {
        #[expect(clippy::disallowed_methods, reason = "this is the one watched spawn that all others go through")]
        tokio::spawn(self.tracker.track_future(self.watched(name, future)));
    }

    /// As [`Tasks::spawn`], for a future that stays on the present thread; to be called inside that thread's `LocalSet`.
    pub fn spawn_local<F>(&self, name: &'static str, future: F)
    where
        F: Future + 'static,
        F::Output: TaskEnd,
    {
        tokio::task::spawn_local(self.tracker.track_future(self.watched(name, future)));
    }

    fn watched<F: Future<Output: TaskEnd>>(&self, name: &'static str, future: F) -> impl Future<Output = ()> + use<F> {
        let tasks = self.clone();
        async move {
            // Nothing of a panicked future is used again, so its state cannot be seen half changed.
            let running = AssertUnwindSafe(future).catch_unwind();
            match tasks.hard.run_until_cancelled(running).await {
                None => tracing::warn!(task = name, "dropped by the hard stop"),
                Some(Ok(end)) => match end.into_result() {
                    Ok(()) => tracing::debug!(task = name, "ended"),
                    Err(error) => tasks.fail(name, error),
                },
                Some(Err(panic)) => tasks.fail(name, format!("panicked: {}", panic_text(panic.as_ref())).into()),
            }
        }
    }

    /// A token that is cancelled when the soft stop begins. Dropping or cancelling it affects nobody else.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.soft.child_token()
    }

    /// Begins the soft stop, as a signal would.
    pub fn begin_stop(&self) {
        self.soft.cancel();
    }

    /// Waits for SIGTERM, SIGINT, [`Tasks::begin_stop`] or a dead task, then for the tasks to finish, at most `grace`.
    pub async fn run_until_stopped(&self, grace: Duration) -> ExitReason {
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => {
                let terminate = signals(terminate).map(|()| "SIGTERM");
                let interrupt = signals(interrupt).map(|()| "SIGINT");
                self.supervise(futures_util::stream::select(terminate, interrupt), grace).await
            }
            (Err(error), _) | (_, Err(error)) => {
                self.fail("signals", error.into());
                self.supervise(futures_util::stream::pending::<&'static str>(), grace).await
            }
        }
    }

    async fn supervise(&self, signals: impl Stream<Item = &'static str>, grace: Duration) -> ExitReason {
        let mut signals = std::pin::pin!(signals);
        tokio::select! {
            () = self.soft.cancelled() => {}
            Some(signal) = signals.next() => tracing::info!(signal, "stopping; a second signal stops at once"),
        }
        self.soft.cancel();
        self.tracker.close();
        let finished = tokio::select! {
            () = self.tracker.wait() => true,
            () = tokio::time::sleep(grace) => {
                tracing::warn!(seconds = grace.as_secs(), "tasks did not finish in time, stopping them");
                false
            }
            Some(signal) = signals.next() => {
                tracing::warn!(signal, "second signal, stopping at once");
                false
            }
        };
        if !finished {
            self.hard.cancel();
            if tokio::time::timeout(HARD_STOP_WAIT, self.tracker.wait()).await.is_err() {
                tracing::warn!(tasks = self.tracker.len(), "tasks are blocked and left behind");
            }
        }
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => ExitReason::Failed(failure),
            None if finished => ExitReason::Stopped,
            None => ExitReason::Forced,
        }
    }

    fn fail(&self, task: &'static str, error: TaskError) {
        tracing::error!(task, error = %chain(error.as_ref()), "task died, stopping the process");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Failure { task, error });
        self.soft.cancel();
    }
}

/// One item for each delivery of a signal.
fn signals(signal: tokio::signal::unix::Signal) -> impl Stream<Item = ()> {
    futures_util::stream::unfold(signal, async |mut signal| signal.recv().await.map(|()| ((), signal)))
}

/// The error and its causes on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const LONG: Duration = Duration::from_secs(600);

    fn no_signal() -> impl Stream<Item = &'static str> {
        stream::pending()
    }

    #[tokio::test]
    async fn a_signal_lets_tasks_finish() {
        let tasks = Tasks::new();
        let stop = tasks.stop();
        let (done, finished) = tokio::sync::oneshot::channel();
        tasks.spawn("worker", async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            let _ = done.send(());
        });
        let signals = stream::iter(["SIGTERM"]).chain(stream::pending());
        assert!(matches!(tasks.supervise(signals, LONG).await, ExitReason::Stopped));
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn sigterm_is_such_a_signal() {
        let tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.spawn("worker", async move { stop.cancelled().await });
        // `join!` polls the first future first, so the handler is in place before the signal comes.
        let kill = async {
            let own = std::process::id().to_string();
            std::process::Command::new("kill").args(["-s", "TERM", &own]).status().unwrap()
        };
        let (reason, killed) = tokio::join!(tasks.run_until_stopped(LONG), kill);
        assert!(killed.success() && matches!(reason, ExitReason::Stopped));
    }

    #[tokio::test]
    async fn a_second_signal_drops_them() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending::<()>());
        let signals = stream::iter(["SIGINT", "SIGINT"]).chain(stream::pending());
        assert!(matches!(tasks.supervise(signals, LONG).await, ExitReason::Forced));
        assert!(tasks.tracker.is_empty());
    }

    #[tokio::test]
    async fn the_grace_time_ends_a_soft_stop() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending::<()>());
        tasks.begin_stop();
        assert!(matches!(tasks.supervise(no_signal(), Duration::from_millis(1)).await, ExitReason::Forced));
        assert!(tasks.tracker.is_empty());
    }

    #[tokio::test]
    async fn an_error_stops_the_others_and_is_the_reason() {
        let tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.spawn("bystander", async move { stop.cancelled().await });
        tasks.spawn("doomed", async { Err::<(), _>(std::io::Error::other("disk full")) });
        let ExitReason::Failed(failure) = tasks.supervise(no_signal(), LONG).await else { panic!("not failed") };
        assert_eq!((failure.task, failure.error.to_string().as_str()), ("doomed", "disk full"));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_too() {
        let tasks = Tasks::new();
        let row = 7;
        tasks.spawn("doomed", async move {
            if row % 2 == 1 {
                panic!("row {row} is odd");
            }
        });
        let ExitReason::Failed(failure) = tasks.supervise(no_signal(), LONG).await else { panic!("not failed") };
        assert_eq!(failure.error.to_string(), "panicked: row 7 is odd");
    }

    #[tokio::test]
    async fn a_task_may_end_by_itself() {
        let tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.spawn("short", async {});
        tasks.tracker.close();
        tasks.tracker.wait().await;
        assert!(!stop.is_cancelled());
    }
}
