//! The claim loop: waits for a permit, for due jobs and for a reason to read now, then hands a batch on.
//!
//! Invariant: no put is missed. A wake-up that comes while the loop looks into the queue is remembered by [`Wake`], and
//! what other processes put is found by polling.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::bucket::Bucket;
use super::dispatch::{Dispatch, Lease};
use crate::domain::job::{Claim, Lane};
use crate::erpnext::BreakerState;
use crate::inbox::Wake;
use crate::lifecycle::Tasks;
use crate::store::StoreError;
use crate::sync::Context;

/// Jobs put by other processes are found this late at most.
const POLL: Duration = Duration::from_millis(500);

/// While few customers gather, this often it is looked whether a full batch is due.
const GATHER_LOOK: Duration = Duration::from_millis(200);

/// How long to wait when other processes took what was due.
const NOTHING_FOR_US: Duration = Duration::from_millis(20);

/// How long to leave a database alone that cannot be reached.
const DATABASE_AWAY: Duration = Duration::from_secs(1);

pub(super) struct ClaimLoop {
    context: Context,
    settings: Settings,
    wake: Wake,
    tasks: Tasks,
    permits: Arc<Semaphore>,
    bucket: Bucket,
    /// Whether the fast lane took the last token. It pays for one read of bulk work, too: webhooks that take every token
    /// as it comes must not keep the last jobs of a run, or what catch-up found, waiting for ever.
    bulk_may_follow: bool,
}

impl ClaimLoop {
    pub(super) fn new(context: Context, settings: Settings, wake: Wake, tasks: Tasks) -> Self {
        let bucket = Bucket::new(settings.burst, settings.gather, Instant::now());
        let permits = Arc::new(Semaphore::new(settings.concurrency));
        Self { context, settings, wake, tasks, permits, bucket, bulk_may_follow: false }
    }

    /// Claims until `stop`, then waits for the batches that are under way.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let permits = Arc::clone(&self.permits);
        while let Some(permit) = unless(&stop, Arc::clone(&permits).acquire_owned()).await {
            let Ok(permit) = permit else { break };
            if unless(&stop, self.context.site.until_not_paused()).await.is_none() {
                break;
            }
            if let BreakerState::Open { retry_after } = self.context.client.breaker() {
                // What is claimed now could only be handed back.
                drop(permit);
                if unless(&stop, tokio::time::sleep(retry_after)).await.is_none() {
                    break;
                }
                continue;
            }
            match self.next_batch(self.may_take_bulk(), &stop).await {
                Ok(Next::Batch(lease)) => {
                    let dispatch = Dispatch::new(self.context.clone(), self.settings, self.wake.clone(), lease.until);
                    self.tasks.spawn("batch", async move {
                        dispatch.work(lease.claims).await;
                        drop(permit);
                    });
                }
                Ok(Next::LookAgain) => {}
                Ok(Next::Stop) => break,
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be read; tried again");
                    if unless(&stop, tokio::time::sleep(DATABASE_AWAY)).await.is_none() {
                        break;
                    }
                }
            }
        }
        let all = u32::try_from(self.settings.concurrency).unwrap_or(u32::MAX);
        drop(self.permits.acquire_many(all).await);
    }

    /// The last permit is kept for webhooks and people: bulk work never makes them wait for the end of its batches.
    fn may_take_bulk(&self) -> bool {
        self.settings.concurrency == 1 || self.permits.available_permits() > 0
    }

    /// What to do with a permit.
    async fn next_batch(&mut self, bulk: bool, stop: &CancellationToken) -> Result<Next, StoreError> {
        let due_in = self.context.store.next_due_in().await?.unwrap_or(POLL).min(POLL);
        if !due_in.is_zero() {
            return Ok(self.idle(due_in, stop).await);
        }
        let wait = self.bucket.wait(Instant::now());
        let gathering = !wait.is_zero() && self.context.store.due(self.settings.batch).await? < self.settings.batch;
        let following = gathering && bulk && std::mem::take(&mut self.bulk_may_follow);
        if gathering && !following {
            let gathered = unless(stop, tokio::time::sleep(wait.min(GATHER_LOOK))).await;
            return Ok(if gathered.is_some() { Next::LookAgain } else { Next::Stop });
        }
        let until = Instant::now() + self.settings.lease;
        let claims = if following { self.claim_both().await? } else { self.claim(bulk).await? };
        if claims.is_empty() {
            // Others took what was due, or it is bulk work and must wait for a second permit.
            let freed = async {
                tokio::select! {
                    _freed = self.permits.acquire(), if !bulk => {}
                    () = self.wake.woken() => {}
                    () = tokio::time::sleep(if bulk { NOTHING_FOR_US } else { POLL }) => {}
                }
            };
            return Ok(if unless(stop, freed).await.is_some() { Next::LookAgain } else { Next::Stop });
        }
        if !following && claims.len() < usize::try_from(self.settings.batch).unwrap_or(usize::MAX) {
            self.bucket.take(Instant::now());
            self.bulk_may_follow = claims.iter().any(|claim| claim.lane == Lane::Fast);
        }
        Ok(Next::Batch(Lease { claims, until }))
    }

    /// Either lane, never both in one batch: a webhook does not wait for the reading of two hundred others.
    async fn claim(&self, bulk: bool) -> Result<Vec<Claim>, StoreError> {
        let Settings { batch, lease, .. } = self.settings;
        let store = &self.context.store;
        if bulk { store.claim_one_lane(batch, lease).await } else { store.claim(batch, 0, lease).await }
    }

    /// Both lanes, the fast one first.
    async fn claim_both(&self) -> Result<Vec<Claim>, StoreError> {
        let Settings { batch, lease, .. } = self.settings;
        self.context.store.claim(batch, batch, lease).await
    }

    async fn idle(&self, at_most: Duration, stop: &CancellationToken) -> Next {
        let woken = async {
            tokio::select! {
                () = self.wake.woken() => {}
                () = tokio::time::sleep(at_most) => {}
            }
        };
        if unless(stop, woken).await.is_some() { Next::LookAgain } else { Next::Stop }
    }
}

/// What the claim loop does next.
enum Next {
    Batch(Lease),
    LookAgain,
    Stop,
}

/// The future's output, or `None` if `stop` came first.
async fn unless<F: Future>(stop: &CancellationToken, future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        output = future => Some(output),
    }
}
