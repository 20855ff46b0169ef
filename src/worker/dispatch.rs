//! Works one claimed batch to its end: reads, decides, applies; halves what ERPNext refuses as a whole.
//!
//! Invariant: every claimed job ends in exactly one way: settled in the transaction that wrote its rows, handed back, or
//! left to the end of its lease. This is the only place that turns a failure's disposition into the end of a job.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use super::Settings;
use crate::domain::hint::{Doctype, arrived_at};
use crate::domain::job::{Cause, Claim, Lane, Outcome, Put};
use crate::domain::plan::{Applied, Unit, Write};
use crate::erpnext::{self, BreakerState, Work};
use crate::inbox::Wake;
use crate::store::StoreError;
use crate::sync::error::{Disposition, SplitEnd};
use crate::sync::{Context, Decision, SyncError, customer, expand, site};
use crate::telemetry::clock;
use crate::telemetry::metrics::{self, JobEnd};

/// How long to wait before a transaction is tried again while the database is away.
const DATABASE_AWAY: Duration = Duration::from_millis(500);

/// Claimed jobs, and until when they are ours.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) claims: Vec<Claim>,
    pub(super) until: Instant,
}

/// Works one batch; made anew for each.
pub(super) struct Dispatch {
    context: Context,
    settings: Settings,
    wake: Wake,
    until: Instant,
    /// Whether ERPNext accepts our requests for other customers; asked at most once per batch.
    request_accepted: Option<bool>,
}

impl Dispatch {
    pub(super) fn new(context: Context, settings: Settings, wake: Wake, until: Instant) -> Self {
        Self { context, settings, wake, until, request_accepted: None }
    }

    /// Works all claims to their end.
    pub(super) async fn work(mut self, claims: Vec<Claim>) {
        for claim in &claims {
            let (delivery, doctype, name) = (claim.delivery_id.as_deref(), claim.key.doctype.as_str(), &claim.key.name);
            tracing::debug!(delivery, doctype, name, attempt = claim.attempts + 1, "job claimed");
        }
        let work = if claims.iter().all(|claim| claim.lane == Lane::Bulk) { Work::Bulk } else { Work::Interactive };
        // Addresses and Contacts first: the customers that they expand to may then go with the next batch.
        for doctype in Doctype::ALL {
            let of_doctype: Vec<Claim> = claims.iter().filter(|claim| claim.key.doctype == doctype).cloned().collect();
            let mut batches = vec![of_doctype];
            while let Some(batch) = batches.pop() {
                if !batch.is_empty() {
                    batches.extend(self.batch(doctype, batch, work).await);
                }
            }
        }
    }

    /// Works one batch of one doctype; returns the halves of what ERPNext refused as a whole.
    async fn batch(&mut self, doctype: Doctype, batch: Vec<Claim>, work: Work) -> Vec<Vec<Claim>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left < self.settings.lease_margin || self.context.site.paused().is_some() {
            self.hand_back(&batch).await;
            return Vec::new();
        }
        let started = Instant::now();
        let enough = started + (left - self.settings.lease_margin);
        let deciding = async {
            match doctype {
                Doctype::Customer => customer::decide(&self.context, &batch, work, enough).await,
                Doctype::Address | Doctype::Contact => expand::expand(&self.context, doctype, &batch, work).await,
            }
        };
        // A document that makes us panic must not stop the others; halving finds it. Nothing was written yet.
        let decided = AssertUnwindSafe(deciding).catch_unwind().await.unwrap_or_else(|_panic| Err(SyncError::Panicked));
        match decided {
            Ok(decisions) => {
                self.context.site.well();
                self.apply(batch, decisions).await;
                tracing::debug!(elapsed_ms = started.elapsed().as_millis(), "batch done");
            }
            Err(error) => return self.failed(batch, error).await,
        }
        Vec::new()
    }

    /// A failure of the whole batch.
    async fn failed(&mut self, batch: Vec<Claim>, error: SyncError) -> Vec<Vec<Claim>> {
        let error = self.context.site.judge(error);
        match error.disposition() {
            Disposition::Split(_) if batch.len() > 1 => {
                let mut first = batch;
                let second = first.split_off(first.len() / 2);
                tracing::debug!(label = error.label(), "ERPNext refused a batch; halved");
                return vec![second, first];
            }
            Disposition::Split(SplitEnd::Dead) if !self.accepts_our_request(&batch).await => {
                let hint = self.context.rules.filter.as_ref().map_or("", |_filter| {
                    "; sync.filter may name a field, doctype or value that ERPNext does not have, or the sync user may not read"
                });
                let reason =
                    format!("ERPNext refuses our request for every customer: {}{hint}", error.without_detail());
                self.context.site.pause(reason);
                self.hand_back(&batch).await;
            }
            Disposition::Snooze(_) if matches!(error, SyncError::Paused(_)) => self.hand_back(&batch).await,
            _ => {
                match &error {
                    // Trouble with the site is logged when it begins and when it ends, not with every job that meets it.
                    SyncError::Erpnext(error) if !matches!(error.disposition(), erpnext::Disposition::Split) => {
                        self.context.site.trouble(error);
                    }
                    error => {
                        let told = error.without_detail();
                        tracing::warn!(jobs = batch.len(), label = error.label(), error = %told, "a batch could not be read");
                    }
                }
                for claim in &batch {
                    let delivery = claim.delivery_id.as_deref();
                    tracing::debug!(delivery, label = error.label(), "job not done: its batch could not be read");
                }
                batch.iter().for_each(|_claim| metrics::job_error(error.label()));
                let down = self.is_down();
                let outcomes = batch.iter().map(|claim| self.settings.retry.outcome(claim, &error, down)).collect();
                self.settle(batch, outcomes).await;
            }
        }
        Vec::new()
    }

    /// Whether the same read works for some other customer: tells a poisoned document from a request of ours that
    /// this ERPNext never accepts.
    async fn accepts_our_request(&mut self, batch: &[Claim]) -> bool {
        if let Some(accepted) = self.request_accepted {
            return accepted;
        }
        let avoid: Vec<&str> = batch.iter().map(|claim| claim.key.name.as_str()).collect();
        let filter = self.context.rules.filter.as_ref();
        let answer = site::read_another(&self.context.client, filter, &avoid).await.map_err(SyncError::from);
        let accepted = answer.map_or_else(|error| error.disposition() != Disposition::Split(SplitEnd::Dead), |()| true);
        self.request_accepted = Some(accepted);
        accepted
    }

    /// Whether the breaker has opened: then no single job is to blame for not having been read.
    fn is_down(&self) -> bool {
        matches!(self.context.client.breaker(), BreakerState::Open { .. })
    }

    async fn hand_back(&self, batch: &[Claim]) {
        if let Err(error) = self.context.store.release(batch).await {
            tracing::warn!(%error, jobs = batch.len(), "jobs could not be handed back; their lease will end");
        }
    }

    async fn settle(&self, batch: Vec<Claim>, outcomes: Vec<Outcome>) {
        let units = batch
            .into_iter()
            .zip(outcomes)
            .map(|(claim, outcome)| Unit { claim, writes: Vec::new(), puts: Vec::new(), outcome })
            .collect();
        self.write(units).await;
    }

    async fn apply(&self, batch: Vec<Claim>, decisions: Vec<Decision>) {
        let unit = |(claim, decision): (Claim, Decision)| match decision {
            Decision::Write { writes, puts } => Unit { claim, writes, puts, outcome: Outcome::Done },
            Decision::Skipped => Unit { claim, writes: Vec::new(), puts: Vec::new(), outcome: Outcome::Skipped },
            Decision::Erased(forget) => {
                Unit { claim, writes: vec![Write::Forget(forget)], puts: Vec::new(), outcome: Outcome::Skipped }
            }
            Decision::NotPermitted(writes) => Unit { claim, writes, puts: Vec::new(), outcome: Outcome::NotPermitted },
            Decision::Again => Unit { claim, writes: Vec::new(), puts: Vec::new(), outcome: Outcome::Again },
            Decision::After(puts, error) => self.failure(claim, puts, error),
            Decision::Failed(error) => self.failure(claim, Vec::new(), error),
        };
        self.write(batch.into_iter().zip(decisions).map(unit).collect()).await;
    }

    /// The unit of a job that could not be decided.
    fn failure(&self, claim: Claim, puts: Vec<Put>, error: SyncError) -> Unit {
        let error = self.context.site.judge(error);
        log_failure(&claim, &error);
        metrics::job_error(error.label());
        let outcome = self.settings.retry.outcome(&claim, &error, self.is_down());
        Unit { claim, writes: Vec::new(), puts, outcome }
    }

    /// The one write path. While the database is away it is tried again for as long as the lease lasts.
    async fn write(&self, units: Vec<Unit>) {
        let told: Vec<Told> = units.iter().map(Told::of).collect();
        let claimed = self.until.checked_sub(self.settings.lease).unwrap_or(self.until);
        let more = units.iter().any(|unit| !unit.puts.is_empty() || unit.outcome == Outcome::Again);
        loop {
            match self.context.store.apply(&units).await {
                Ok(applied) => {
                    applied.iter().zip(&told).for_each(|(result, told)| told.report(result, claimed.elapsed()));
                    let stale = applied.iter().any(|result| matches!(result, Applied::Stale));
                    if more || stale {
                        self.wake.wake();
                    }
                    return;
                }
                Err(error @ StoreError::Unavailable { .. }) if Instant::now() + DATABASE_AWAY < self.until => {
                    tracing::warn!(%error, "the database is away; the batch waits");
                    tokio::time::sleep(DATABASE_AWAY).await;
                }
                Err(error) => {
                    tracing::error!(%error, jobs = units.len(), "the batch could not be written; its lease will end");
                    return;
                }
            }
        }
    }
}

fn log_failure(claim: &Claim, error: &SyncError) {
    let (delivery, attempt, label) = (claim.delivery_id.as_deref(), claim.attempts + 1, error.label());
    let told = error.without_detail();
    if error.was_told() {
        tracing::debug!(delivery, attempt, label, error = %told, "job failed");
    } else {
        tracing::warn!(delivery, attempt, label, error = %told, "job failed");
    }
}

/// What is told about a unit once it was applied.
struct Told {
    end: JobEnd,
    attempts: u64,
    cause: Cause,
    delivery: Option<String>,
}

impl Told {
    fn of(unit: &Unit) -> Self {
        let Unit { claim, outcome, .. } = unit;
        Self {
            end: JobEnd::of(outcome),
            attempts: claim.attempts.unsigned_abs() + 1,
            cause: claim.cause,
            delivery: claim.delivery_id.clone(),
        }
    }

    /// Tells log and metrics what became of it, `took` after the claim.
    fn report(&self, applied: &Applied, took: Duration) {
        let (outcome, delivery) = (self.end.as_str(), self.delivery.as_deref());
        match applied {
            Applied::Written(rows) => {
                metrics::job(self.end, self.attempts, took);
                if rows.is_empty() {
                    tracing::debug!(delivery, outcome, "job settled without a change");
                } else if let Some(arrived) = delivery.and_then(arrived_at) {
                    // Clocks of two machines may differ: a lag below zero is none.
                    metrics::webhook_to_row(clock::now().duration_since(arrived).unwrap_or_default());
                }
                for (customer, effect) in rows {
                    metrics::row(*effect);
                    if effect.is_change() {
                        metrics::change(self.cause);
                    }
                    tracing::debug!(customer, effect = effect.as_str(), delivery, "customer settled");
                }
            }
            Applied::Refused(error) => {
                metrics::job(JobEnd::Dead, self.attempts, took);
                metrics::job_error(error.label);
                tracing::error!(delivery, "the database refuses this customer; its job is dead and tells the reason");
                tracing::debug!(delivery, error = %error.message, "what the database refuses");
            }
            Applied::Stale => {
                metrics::job(JobEnd::Stale, self.attempts, took);
                tracing::debug!(delivery, "the row changed meanwhile; done again");
            }
            Applied::LeaseLost => {
                metrics::lease_lost();
                tracing::info!(delivery, "the lease was lost; whoever holds the job now does it");
            }
        }
    }
}
