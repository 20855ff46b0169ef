//! What runs by itself, and when next.
//!
//! Invariant: times are computed from the database's clock, so that all replicas agree; which of them acts is decided by
//! the row in `sync_schedules`. Acting is `worker::scheduler`'s business.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::config;
use crate::domain::run::RunKind;
use crate::domain::schedule::{Schedule, Zone};
use crate::domain::time::iso;
use crate::store::{NewSchedule, ScheduleRow, Store, StoreError};

/// Idle catch-ups in a row after which they become rarer (ten minutes of them by default).
const PATIENCE: u32 = 20;

/// How much rarer catch-up is at least where ERPNext limits the rate. An idle one costs it about 55 ms of server time, and
/// a limit is often one for the whole day: with the default of 30 s it is then 16 s a day instead of 160 s.
const SPARING: u32 = 10;

/// Something that runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Task {
    /// What changed since the last time.
    CatchUp,
    /// All names against ours.
    Sweep,
    /// Every customer anew.
    Full,
    /// Old history is forgotten.
    Prune,
    /// Some customers are compared with ERPNext, value by value.
    Verify,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 5] = [Self::CatchUp, Self::Sweep, Self::Full, Self::Prune, Self::Verify];

    /// The name of its schedule: in the configuration, the API and `sync_schedules`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CatchUp => "catch_up",
            Self::Sweep => "sweep",
            Self::Full => "full",
            Self::Prune => "prune",
            Self::Verify => "verify",
        }
    }

    /// What it runs; `None` where it leaves no run behind.
    #[must_use]
    pub const fn run_kind(self) -> Option<RunKind> {
        match self {
            Self::CatchUp => Some(RunKind::CatchUp),
            Self::Sweep => Some(RunKind::Sweep),
            Self::Full => Some(RunKind::Full),
            Self::Prune | Self::Verify => None,
        }
    }

    /// The task of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.as_str() == name)
    }
}

/// When each task runs, as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable(config::Schedule);

impl Timetable {
    /// The configured one.
    #[must_use]
    pub const fn new(config: config::Schedule) -> Self {
        Self(config)
    }

    /// Whether the task ever runs by itself.
    #[must_use]
    pub fn is_on(&self, task: Task) -> bool {
        *self.of(task) != Schedule::Off
    }

    /// Sees that there is a row for each task. What this process clears up at its start is due at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn prepare(&self, store: &Store) -> Result<(), StoreError> {
        let now = store.now().await?;
        let rows: Vec<NewSchedule> = Task::ALL
            .into_iter()
            .map(|task| NewSchedule {
                name: task.as_str(),
                spec: self.of(task).describe(self.zone()),
                next_at: self.of(task).next(now, self.zone()),
            })
            .collect();
        store.ensure_schedules(&rows).await?;
        for task in [Task::CatchUp, Task::Prune] {
            if self.is_on(task) {
                store.due_now(task.as_str()).await?;
            }
        }
        Ok(())
    }

    /// How long after `now` (milliseconds since 1970 UTC) a task is due again; `None` for never. `idle` turns in a row
    /// found nothing to do; `limited` where ERPNext limits the rate.
    #[must_use]
    pub fn next_in(&self, task: Task, now: i64, idle: u32, limited: bool) -> Option<Duration> {
        if let (Task::CatchUp, Schedule::Every(interval)) = (task, self.of(task)) {
            return Some(self.slowed_down(*interval, idle, limited));
        }
        let next = self.of(task).next(now, self.zone())?;
        Some(Duration::from_millis(u64::try_from(next - now).unwrap_or(0)))
    }

    /// Doubled for every idle turn after the first twenty, and ten times as long where the rate is limited; never longer
    /// than the slowest that is configured, nor shorter than the interval itself.
    fn slowed_down(&self, interval: Duration, idle: u32, limited: bool) -> Duration {
        let doubled = 2_u32.checked_pow(idle.saturating_sub(PATIENCE)).unwrap_or(u32::MAX);
        let factor = doubled.max(if limited { SPARING } else { 1 });
        interval.saturating_mul(factor).min(self.0.catch_up_slowest).max(interval)
    }

    const fn of(&self, task: Task) -> &Schedule {
        match task {
            Task::CatchUp => &self.0.catch_up,
            Task::Sweep => &self.0.sweep,
            Task::Full => &self.0.full,
            Task::Prune => &self.0.prune,
            Task::Verify => &self.0.verify,
        }
    }

    const fn zone(&self) -> &Zone {
        &self.0.time_zone
    }
}

/// A schedule as API and command line show it; times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Schedule)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// When it runs, as configured.
    pub schedule: String,
    /// `off`, `paused`, `running`, `due` or `waiting`.
    pub state: &'static str,
    /// When it is due; null where that is never, or while it runs.
    pub next_at: Option<String>,
    /// When it was begun last.
    pub last_started_at: Option<String>,
    /// When it ended last.
    pub last_finished_at: Option<String>,
    /// How it ended last.
    pub last_result: Option<String>,
}

impl From<ScheduleRow> for Shown {
    fn from(row: ScheduleRow) -> Self {
        let state = match row.due_in() {
            _ if row.busy => "running",
            _ if row.paused => "paused",
            None => "off",
            Some(Duration::ZERO) => "due",
            Some(_) => "waiting",
        };
        Self {
            name: row.name,
            schedule: row.spec,
            state,
            next_at: row.next_at.map(iso),
            last_started_at: row.last_started_at.map(iso),
            last_finished_at: row.last_finished_at.map(iso),
            last_result: row.last_result,
        }
    }
}

/// All schedules as they stand.
///
/// # Errors
/// The database's.
pub async fn list(store: &Store) -> Result<Vec<Shown>, StoreError> {
    let rows = store.schedules().await?;
    Ok(rows.into_iter().filter(|row| Task::parse(&row.name).is_some()).map(Shown::from).collect())
}

/// What a person may do to a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Not any more, until it is resumed.
    Pause,
    /// As configured again.
    Resume,
    /// Once now, also where it is off.
    Run,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    /// It is as was ordered.
    Done(Shown),
    /// It is paused, so it cannot be run.
    Paused,
    /// No process has made it yet.
    Unknown,
}

/// Carries out an order; [`super::Context::schedules`] makes a scheduler of this process see it at once.
///
/// # Errors
/// The database's.
pub async fn order(store: &Store, task: Task, order: Order) -> Result<Ordered, StoreError> {
    let name = task.as_str();
    let done = match order {
        Order::Pause => store.pause_schedule(name).await?,
        Order::Resume => store.resume_schedule(name).await?,
        Order::Run => store.due_now(name).await?,
    };
    Ok(match list(store).await?.into_iter().find(|shown| shown.name == name) {
        Some(shown) if done => Ordered::Done(shown),
        Some(_) => Ordered::Paused,
        None => Ordered::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable(interval: u64) -> Timetable {
        let catch_up = Schedule::Every(Duration::from_secs(interval));
        Timetable::new(config::Schedule { catch_up, ..config::Schedule::default() })
    }

    #[test]
    fn an_idle_catch_up_becomes_rare_and_never_rarer_than_configured() {
        let seconds = |idle| timetable(30).next_in(Task::CatchUp, 0, idle, false).unwrap().as_secs();
        assert_eq!([0, 20, 21, 22, 23, 24, 99].map(seconds), [30, 30, 60, 120, 240, 300, 300]);
    }

    #[test]
    fn a_limited_rate_is_spared() {
        let seconds = |interval, idle| timetable(interval).next_in(Task::CatchUp, 0, idle, true).unwrap().as_secs();
        assert_eq!((seconds(5, 0), seconds(5, 24), seconds(30, 0)), (50, 80, 300));
        assert_eq!(seconds(900, 0), 900, "never more often than configured");
    }

    #[test]
    fn the_others_follow_their_schedule() {
        let next = |task| timetable(30).next_in(task, 0, 99, true);
        assert_eq!(next(Task::Sweep), Some(Duration::from_secs(3600)));
        assert_eq!(next(Task::Full), Some(Duration::from_secs(3 * 3600)));
        let off = Timetable::new(config::Schedule { full: Schedule::Off, ..config::Schedule::default() });
        assert_eq!((off.next_in(Task::Full, 0, 0, false), off.is_on(Task::Full)), (None, false));
    }
}
