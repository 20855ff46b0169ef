//! Works the queue: claims due jobs, reads their documents in batches, applies what was decided.
//!
//! Invariant: a job is worked on only under a lease that outlasts the next request by a margin; a lease that runs out
//! returns by itself. One claim loop per process; how much runs at once is bounded by permits, how often ERPNext is
//! read for few customers by a token bucket.
//! What a job means is `sync`'s business; what becomes of a failed one is decided in `outcome`.

mod bucket;
mod claims;
mod conductor;
mod dispatch;
mod indexer;
mod outcome;
mod recovery;
mod scheduler;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::inbox::Wake;
use crate::lifecycle::Tasks;
use crate::store::Store;
use crate::sync::Context;

pub use outcome::RetryPolicy;
pub use scheduler::Scheduler;

/// How the queue is worked.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Batches worked on at once in this process.
    pub concurrency: usize,
    /// Customers read from ERPNext at once: 1 to 200.
    pub batch: u32,
    /// How long a claimed job is ours.
    pub lease: Duration,
    /// What must remain of a lease before ERPNext is asked: its read time-out and a margin.
    pub lease_margin: Duration,
    /// Reads of less than a full batch that may go at once after a quiet time.
    pub burst: u32,
    /// Once the burst is used up: how long due customers gather before they are read together.
    pub gather: Duration,
    /// How long a paused site is left alone before it is probed again.
    pub probe_every: Duration,
    /// How failures are retried, of jobs and of full runs that are needed.
    pub retry: RetryPolicy,
    /// Whether a finished full run makes a sweep start.
    pub sweep_after_full: bool,
}

/// Starts the claim loop and the prober.
pub fn start(context: Context, settings: Settings, wake: Wake, tasks: &Tasks, stop: CancellationToken) {
    tasks.spawn("site prober", recovery::run(context.clone(), settings.probe_every, stop.clone()));
    tasks.spawn("worker", claims::ClaimLoop::new(context, settings, wake, tasks.clone()).run(stop));
}

/// Starts what keeps the index of words.
pub fn start_indexer(store: Store, tasks: &Tasks, stop: CancellationToken) {
    tasks.spawn("indexer", indexer::run(store, stop));
}

/// Starts the conductor of runs. `jobs` wakes the claim loop of this process.
pub fn start_conductor(context: Context, settings: Settings, jobs: Wake, tasks: &Tasks, stop: CancellationToken) {
    let conductor = conductor::Conductor { context, jobs, tasks: tasks.clone(), settings };
    tasks.spawn("conductor", conductor.run(stop));
}
