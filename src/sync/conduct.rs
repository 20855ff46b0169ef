//! What everybody needs who conducts a run: asking ERPNext with patience, putting jobs under the lead, waiting for them.
//!
//! Invariant: what may pass (an outage, a rate limit, a refused key) is waited for, with the reason noted in the run; what
//! cannot pass ends the conducting with [`Halt::Failed`]. A lead that is lost ends it with [`Halt::Lost`] and without a
//! further write. Keeping the lease alive meanwhile is `worker::conductor`'s.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Disposition, SplitEnd};
use super::{Context, SyncError, absence};
use crate::domain::job::Put;
use crate::domain::run::RunState;
use crate::erpnext::BreakerState;
use crate::inbox::Wake;
use crate::store::{Lead, RunRow, StoreError};

/// After so long without a sign of life a run is taken over.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a sign of life is given.
pub const KEEP_EVERY: Duration = Duration::from_secs(5);
/// Trouble that lasts no longer is not worth telling.
const PATIENCE: Duration = Duration::from_secs(3);
/// Jobs of which none has ended for so long are stuck behind something.
const STALLED: Duration = Duration::from_secs(10);
/// The first and the longest wait before ERPNext is asked again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How often it is looked how many jobs are left.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Unfinished jobs with which the next page waits.
pub const AHEAD: u32 = 8_000;

/// Shorter trouble than this is no reason to let another process try.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// The hands of a run's conductor.
pub struct Conduct {
    /// What every use case needs.
    pub context: Context,
    /// The right to conduct.
    pub lead: Lead,
    lease: Duration,
    jobs: Wake,
    gives_way_after: Duration,
    /// As the run's row has it.
    paused: Mutex<Option<String>>,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The state that it is in from then on.
    pub state: RunState,
    /// What a person should know about it.
    pub message: Option<String>,
}

/// Why a run is not conducted any further.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// It was cancelled, or somebody else conducts it.
    #[error("the run is over or conducted by another process")]
    Lost,
    /// This process cannot read ERPNext for a while now; another one perhaps can.
    #[error("this process cannot read ERPNext, so another may conduct the run")]
    GivesWay,
    /// It cannot go on, or not at the moment (our own database): the disposition tells.
    #[error(transparent)]
    Failed(#[from] SyncError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Conduct {
    /// For the holder of that lead; `jobs` wakes the workers of this process, which probes a paused site `probe_every`.
    #[must_use]
    pub fn new(context: Context, row: &RunRow, lead: Lead, lease: Duration, jobs: Wake, probe_every: Duration) -> Self {
        let gives_way_after = (probe_every * 2).max(LEAST_PATIENCE);
        Self { context, lead, lease, jobs, gives_way_after, paused: Mutex::new(row.paused.clone()) }
    }

    /// Asks ERPNext until it answers.
    ///
    /// # Errors
    /// What ERPNext refuses for good; [`Halt::GivesWay`] where it cannot be read for a while; and the database's.
    pub async fn ask<T, E, A>(&self, question: impl Fn() -> A) -> Result<T, Halt>
    where
        E: Into<SyncError>,
        A: Future<Output = Result<T, E>>,
    {
        let mut trouble: Option<Instant> = None;
        let mut wait = BACK_OFF.0;
        loop {
            if let Some(pause) = self.context.site.paused() {
                self.note_pause(Some(&pause.reason)).await?;
                let resumed = tokio::time::timeout(self.gives_way_after, self.context.site.until_not_paused());
                resumed.await.map_err(|_too_long| Halt::GivesWay)?;
            }
            let error = match question().await {
                Ok(answer) => {
                    self.context.site.well();
                    self.note_pause(None).await?;
                    return Ok(answer);
                }
                Err(error) => match error.into() {
                    SyncError::Erpnext(error) => absence::pause(&self.context, error),
                    error => error,
                },
            };
            let at_least = match error.disposition() {
                Disposition::Permanent | Disposition::Split(SplitEnd::Dead) => return Err(error.into()),
                _ if matches!(error, SyncError::Store(_)) => return Err(error.into()),
                Disposition::Snooze(after) => after,
                Disposition::Retry(asked) => asked.unwrap_or_default().max(wait),
                Disposition::Split(SplitEnd::Attempt) => wait,
            };
            if let SyncError::Erpnext(error) = &error {
                self.context.site.trouble(error);
            }
            let troubled_for = trouble.get_or_insert_with(Instant::now).elapsed();
            if troubled_for + at_least > PATIENCE {
                self.note_pause(Some(&error.to_string())).await?;
            }
            // A rate limit is the same for all processes; a network or an address that is locked out is not.
            if troubled_for > self.gives_way_after && self.context.site.troubled().is_some() {
                return Err(Halt::GivesWay);
            }
            tokio::time::sleep(at_least).await;
            wait = (wait * 2).min(BACK_OFF.1);
        }
    }

    /// Puts the jobs of one page and notes the progress, in one transaction; see [`crate::store::Store::put_for_run`].
    ///
    /// # Errors
    /// [`Halt::Lost`], and the database's.
    pub async fn put(&self, puts: &[Put], position: &str, listed: usize, listed_all: bool) -> Result<(), Halt> {
        let listed = i64::try_from(listed).unwrap_or(i64::MAX);
        let store = &self.context.store;
        held(store.put_for_run(&self.lead, self.lease, puts, position, listed, listed_all).await?)?;
        self.jobs.wake();
        Ok(())
    }

    /// Notes how many documents there are to go through.
    ///
    /// # Errors
    /// [`Halt::Lost`], and the database's.
    pub async fn set_total(&self, total: i64) -> Result<(), Halt> {
        held(self.context.store.set_total(&self.lead, total).await?)
    }

    /// The run as it is now.
    ///
    /// # Errors
    /// [`Halt::Lost`], and the database's.
    pub async fn look(&self) -> Result<RunRow, Halt> {
        let row = self.context.store.run(self.lead.run).await?;
        row.filter(|row| row.state == RunState::Running).ok_or(Halt::Lost)
    }

    /// Waits until at most so many of the run's jobs are left; the run as it is then.
    ///
    /// # Errors
    /// [`Halt::Lost`], and the database's.
    pub async fn until_left(&self, at_most: i64) -> Result<RunRow, Halt> {
        let (mut processed, mut since) = (-1, Instant::now());
        loop {
            let row = self.look().await?;
            if row.left <= at_most {
                self.note_pause(None).await?;
                return Ok(row);
            }
            if row.counts.processed() != processed {
                (processed, since) = (row.counts.processed(), Instant::now());
                self.note_pause(None).await?;
            } else if let Some(reason) = self.obstacle(since.elapsed()).await? {
                self.note_pause(Some(&reason)).await?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until there are not too many due jobs, whoever put them: for a run that owns none.
    ///
    /// # Errors
    /// [`Halt::Lost`], and the database's.
    pub async fn until_room(&self) -> Result<(), Halt> {
        let since = Instant::now();
        while self.context.store.due(AHEAD + 1).await? > AHEAD {
            self.look().await?;
            let obstacle = self.obstacle(since.elapsed()).await?;
            let busy = || (since.elapsed() > PATIENCE).then(|| format!("more than {AHEAD} jobs have to be done first"));
            if let Some(reason) = obstacle.or_else(busy) {
                self.note_pause(Some(&reason)).await?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.note_pause(None).await
    }

    /// Why no job has ended for so long.
    async fn obstacle(&self, stalled: Duration) -> Result<Option<String>, StoreError> {
        if let Some(pause) = self.context.site.paused() {
            return Ok(Some(pause.reason));
        }
        if stalled > PATIENCE && !matches!(self.context.client.breaker(), BreakerState::Closed) {
            return Ok(self.context.site.troubled());
        }
        if stalled > STALLED { self.context.store.run_waits_for(self.lead.run).await } else { Ok(None) }
    }

    /// Notes in the run why it does not go on, or that it does; writes only what is new.
    ///
    /// # Errors
    /// [`Halt::Lost`], and the database's.
    pub async fn note_pause(&self, reason: Option<&str>) -> Result<(), Halt> {
        if self.paused.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == reason {
            return Ok(());
        }
        held(self.context.store.note_pause(&self.lead, reason).await?)?;
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = reason.map(str::to_owned);
        Ok(())
    }
}

fn held(lead: bool) -> Result<(), Halt> {
    if lead { Ok(()) } else { Err(Halt::Lost) }
}
