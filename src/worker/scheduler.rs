//! Acts on schedules that are due: catch-up and pruning at once, sweeps and full runs by starting them.
//!
//! Invariant: a turn is taken by compare-and-set and kept with signs of life, so of all replicas one acts, and a crashed
//! one is replaced within seconds. While ERPNext is paused or not answering it is not asked; when it is back, catch-up is
//! due at once. When a task is due is `sync::schedule`'s business; started runs are conducted elsewhere.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::config::Retention;
use crate::domain::run::{RunCause, RunKind, RunState};
use crate::erpnext::{self, BreakerState};
use crate::inbox::Wake;
use crate::lifecycle::Tasks;
use crate::store::{ScheduleRow, StoreError, Turn};
use crate::sync::catch_up::{CaughtUp, catch_up};
use crate::sync::error::Disposition;
use crate::sync::prune::prune;
use crate::sync::schedule::{Task, Timetable};
use crate::sync::verify::{self, turn::Turned};
use crate::sync::{Context, SyncError, needed, runs};
use crate::telemetry::metrics;

/// How late orders and other processes' changes are noticed.
const TICK: Duration = Duration::from_millis(500);
/// How soon to look again where another process was faster.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a process may give no sign of life before another one acts.
const BUSY_FOR: Duration = Duration::from_secs(15);
/// How soon to look whether drift was repaired, or whether what a comparison waits for is over.
const VERIFY_AGAIN: Duration = Duration::from_secs(30 * 60);
/// However long ERPNext asks us to wait, after this it is seen whether that still holds.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// The scheduler of one process. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    /// What the use cases need.
    pub context: Context,
    /// When what runs; its rows are there.
    pub timetable: Arc<Timetable>,
    /// What pruning keeps.
    pub retention: Arc<Retention>,
    /// How customers are compared.
    pub verify: verify::turn::Settings,
    /// Told when jobs were put.
    pub wake: Wake,
    /// Where turns run.
    pub tasks: Tasks,
}

/// How a turn ended.
struct Ended {
    /// For people: what was done, or what failed.
    result: Result<String, String>,
    /// Turns in a row without anything to do, this one included.
    idle: u32,
    /// At least so long until the next one, where that is not its schedule's business.
    not_before: Duration,
    /// At most so long, in the same way.
    within: Duration,
}

impl Ended {
    /// So, and with nothing to add to its schedule.
    const fn with(result: Result<String, String>) -> Self {
        Self { result, idle: 0, not_before: Duration::ZERO, within: Duration::MAX }
    }
}

impl Scheduler {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                let wait = self.look(&stop).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the schedules cannot be read; tried again");
                    TICK
                });
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.context.schedules.woken() => {}
                    () = self.context.site.back() => self.erpnext_is_back().await,
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    }

    /// Begins what is due; how long until the next look.
    async fn look(&self, stop: &CancellationToken) -> Result<Duration, StoreError> {
        let mut wait = TICK;
        for row in self.context.store.schedules().await? {
            let Some((task, due_in)) = Task::parse(&row.name).zip(row.due_in()) else { continue };
            if matches!(task, Task::CatchUp | Task::Verify) && !self.may_ask() {
                continue;
            }
            if !due_in.is_zero() {
                wait = wait.min(due_in);
            } else if let Some(turn) = self.context.store.take_schedule(task.as_str(), BUSY_FOR).await? {
                let (scheduler, stop) = (self.clone(), stop.clone());
                self.tasks.spawn("schedule", async move { scheduler.turn(task, &row, turn, &stop).await });
            } else {
                wait = LOOK_AGAIN;
            }
        }
        Ok(wait.max(LOOK_AGAIN))
    }

    fn may_ask(&self) -> bool {
        let breaker_open = matches!(self.context.client.breaker(), BreakerState::Open { .. });
        self.context.site.paused().is_none() && !breaker_open
    }

    async fn erpnext_is_back(&self) {
        if self.timetable.is_on(Task::CatchUp)
            && let Err(error) = self.context.store.due_now(Task::CatchUp.as_str()).await
        {
            tracing::warn!(%error, "catch-up could not be asked for; it comes by itself later");
        }
    }

    async fn turn(&self, task: Task, before: &ScheduleRow, turn: Turn, stop: &CancellationToken) {
        let ended = tokio::select! {
            // A defect must end the turn, not the service.
            ended = guarded(self.act(task, before)) => Some(ended.unwrap_or_else(|| self.panicked(task, before))),
            () = self.lose(&turn) => {
                tracing::warn!(schedule = task.as_str(), "another process has taken this over");
                return;
            }
            // What was put is put; whoever is left goes on.
            () = stop.cancelled() => None,
        };
        tracing::debug!(schedule = task.as_str(), result = ?ended.as_ref().map(|ended| &ended.result), "schedule done");
        // While the database is away it is tried again for as long as the turn is ours.
        let until = Instant::now() + BUSY_FOR;
        while let Err(error) = self.finish(task, before, &turn, ended.as_ref()).await {
            tracing::warn!(%error, schedule = task.as_str(), "the end of a scheduled turn could not be noted");
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Returns when the turn is somebody else's.
    async fn lose(&self, turn: &Turn) {
        let mut pause = BUSY_FOR / 3;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.context.store.keep_schedule(turn, BUSY_FOR).await {
                Ok(true) => BUSY_FOR / 3,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "no sign of life could be given; tried again");
                    TICK
                }
            };
        }
    }

    async fn finish(
        &self,
        task: Task,
        before: &ScheduleRow,
        turn: &Turn,
        ended: Option<&Ended>,
    ) -> Result<(), StoreError> {
        let Some(Ended { result, idle, not_before, within }) = ended else {
            let result = before.last_result.as_deref().unwrap_or("interrupted");
            self.context.store.finish_schedule(turn, Some(Duration::ZERO), before.idle, Err(result)).await?;
            return Ok(());
        };
        let limited = self.context.client.budget().is_some();
        let next_in = self.timetable.next_in(task, self.context.store.now().await?, *idle, limited);
        let next_in = next_in.map(|next_in| next_in.max(*not_before).min(*within));
        let result = result.as_deref().map_err(String::as_str);
        self.context.store.finish_schedule(turn, next_in, *idle, result).await?;
        Ok(())
    }

    /// The end of a turn in which a defect of ours showed itself; the panic's own words are in the log.
    fn panicked(&self, task: Task, before: &ScheduleRow) -> Ended {
        let error = SyncError::Panicked;
        tracing::error!(schedule = task.as_str(), label = error.label(), "a scheduled turn failed; the next one comes");
        if let Some(kind) = task.run_kind() {
            metrics::run(kind, RunState::Failed);
        }
        Ended { idle: before.idle, ..Ended::with(Err(error.to_string())) }
    }

    async fn act(&self, task: Task, before: &ScheduleRow) -> Ended {
        let done = Ended::with;
        let store = &self.context.store;
        match task {
            Task::CatchUp => self.catch_up(before).await,
            Task::Sweep => done(told(self.start(RunKind::Sweep, RunCause::Schedule).await)),
            Task::Full => done(told(self.full_run().await)),
            Task::Prune => done(told(prune(store, &self.retention).await.map(|pruned| {
                let rows = pruned.deliveries + pruned.changes + pruned.runs;
                let erased =
                    if pruned.erased > 0 { format!(", {} tombstones erased", pruned.erased) } else { String::new() };
                format!("{rows} {} forgotten{erased}", if rows == 1 { "row" } else { "rows" })
            }))),
            Task::Verify => self.verify().await,
        }
    }

    async fn full_run(&self) -> Result<String, StoreError> {
        self.start(RunKind::Full, needed::cause_of_next(&self.context.store).await?).await
    }

    async fn start(&self, kind: RunKind, cause: RunCause) -> Result<String, StoreError> {
        let started = runs::start(&self.context, kind, cause).await?;
        Ok(if started.joined { format!("run {} goes on", started.run) } else { format!("started run {}", started.run) })
    }

    async fn verify(&self) -> Ended {
        let soon = |result: String| Ended { within: VERIFY_AGAIN, ..Ended::with(Ok(result)) };
        match Box::pin(verify::turn::turn(&self.context, self.verify)).await {
            Ok(Turned::Waits(reason)) => soon(reason.to_owned()),
            Ok(Turned::Equal(checked)) => Ended::with(Ok(format!("{checked} customers compared, all equal"))),
            Ok(Turned::Drift { drift, checked, repaired }) => {
                let result = format!("{drift} differences in {checked} customers");
                if repaired { soon(format!("{result}; a full run repairs them")) } else { Ended::with(Ok(result)) }
            }
            Err(error) => {
                let error = self.context.site.judge(error).without_detail();
                tracing::warn!(%error, "customers could not be compared with ERPNext; tried again by itself");
                Ended::with(Err(error))
            }
        }
    }

    async fn catch_up(&self, before: &ScheduleRow) -> Ended {
        let began = Instant::now();
        let done = |result: &str, idle| Ended { idle, ..Ended::with(Ok(result.to_owned())) };
        match catch_up(&self.context).await {
            Ok(None) => done("waits for the first full run", 0),
            Ok(Some(CaughtUp { put, tested })) => {
                self.context.site.well();
                if put + tested > 0 {
                    self.wake.wake();
                }
                if put == 0 {
                    return done("nothing new", before.idle.saturating_add(1));
                }
                self.note(Ok(put), began.elapsed()).await;
                done(&format!("{put} {} to read", if put == 1 { "document" } else { "documents" }), 0)
            }
            Err(error) => self.failed(before, error, began.elapsed()).await,
        }
    }

    async fn failed(&self, before: &ScheduleRow, error: SyncError, took: Duration) -> Ended {
        let error = self.context.site.judge(error);
        match &error {
            // What ERPNext refuses is no trouble with the site: asking again whether it answers would not help.
            SyncError::Erpnext(error) if error.disposition() != erpnext::Disposition::Split => {
                self.context.site.trouble(error);
            }
            _ => {}
        }
        let result = error.without_detail();
        let only_waits =
            matches!(error.disposition(), Disposition::Snooze(_)) && !matches!(error, SyncError::Paused(_));
        // A night without ERPNext is one row in the history, not a thousand; waiting for a turn is no failure.
        if !only_waits && before.last_result.as_ref() != Some(&result) {
            tracing::warn!(label = error.label(), error = %result, "catch-up failed; it is tried again by itself");
            self.note(Err(&result), took).await;
        }
        let not_before = match error.disposition() {
            Disposition::Snooze(pause) | Disposition::Retry(Some(pause)) => pause.min(LONGEST_PAUSE),
            Disposition::Retry(None) | Disposition::Split(_) | Disposition::Permanent => Duration::ZERO,
        };
        Ended { idle: before.idle, not_before, ..Ended::with(Err(result)) }
    }

    async fn note(&self, ended: Result<u64, &str>, took: Duration) {
        let state = if ended.is_ok() { RunState::Succeeded } else { RunState::Failed };
        metrics::run(RunKind::CatchUp, state);
        metrics::run_took(RunKind::CatchUp, took);
        if let Err(error) = self.context.store.note_catch_up(ended, took).await {
            tracing::warn!(%error, "a catch-up could not be noted in the history of runs");
        }
    }
}

/// What comes of it; `None` where it panicked.
async fn guarded<T>(act: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(act).catch_unwind().await.ok()
}

fn told(result: Result<String, StoreError>) -> Result<String, String> {
    result.map_err(|error| {
        tracing::warn!(%error, "a scheduled turn failed; the next one comes by itself");
        error.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_turn_and_nothing_else() {
        let act = async |panics: bool| {
            assert!(!panics, "a defect");
            "done"
        };
        assert_eq!(guarded(act(false)).await, Some("done"));
        assert_eq!(guarded(act(true)).await, None);
    }
}
