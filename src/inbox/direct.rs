//! Group commit straight into SQL: one writer takes whatever waits, up to a batch, and writes it in one transaction.
//!
//! Invariant: nobody is answered before the commit. There is no linger: measured, waiting even 1 ms for more costs a
//! lone sender five times its latency and gains a crowd nothing, because a crowd gathers while the last commit runs.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::desk::{Answers, Reply};
use super::{Failing, Item, Limits, Refusal, Wake};
use crate::domain::hint::Delivery;
use crate::store::{Store, StoreError};
use crate::telemetry::metrics;

/// The one writer of a process.
pub(super) struct Writer {
    store: Store,
    limits: Limits,
    wake: Wake,
    failing: Failing,
}

impl Writer {
    pub(super) fn new(store: Store, limits: Limits, wake: Wake, failing: Failing) -> Self {
        Self { store, limits, wake, failing }
    }

    /// Writes until `stop`, then what is still waiting, then ends.
    pub(super) async fn run(self, mut receiver: mpsc::Receiver<Item>, stop: CancellationToken) {
        let mut items = Vec::with_capacity(self.limits.batch);
        loop {
            let taken = tokio::select! {
                biased;
                taken = receiver.recv_many(&mut items, self.limits.batch) => taken,
                () = stop.cancelled(), if !receiver.is_closed() => {
                    receiver.close();
                    continue;
                }
            };
            if taken == 0 {
                return;
            }
            self.write(items.drain(..)).await;
        }
    }

    async fn write(&self, items: impl Iterator<Item = Item>) {
        // A caller that gave up was told to send again: its hint need not be written twice.
        let (deliveries, replies): (Vec<Delivery>, Vec<Reply>) =
            items.filter(|item| !item.reply.is_closed()).map(|item| (item.delivery, item.reply)).unzip();
        if deliveries.is_empty() {
            return;
        }
        metrics::committed(deliveries.len());
        let mut answers = Answers::default();
        match self.commit(&deliveries).await {
            Ok(()) => replies.into_iter().for_each(|reply| answers.add(reply, Ok(()))),
            Err(Refusal::Store(error)) if deliveries.len() > 1 && matches!(*error, StoreError::Refused { .. }) => {
                self.one_by_one(deliveries, replies, &mut answers).await;
            }
            Err(refusal) => {
                tracing::warn!(count = deliveries.len(), reason = %refusal, "webhooks refused: they could not be made durable");
                let shared = share(&refusal);
                replies.into_iter().for_each(|reply| answers.add(reply, Err(shared())));
            }
        }
        answers.send();
        self.wake.wake();
    }

    /// After the database refused a batch: one bad hint must not fail its neighbours.
    async fn one_by_one(&self, deliveries: Vec<Delivery>, replies: Vec<Reply>, answers: &mut Answers) {
        for (delivery, reply) in deliveries.into_iter().zip(replies) {
            let result = self.commit(std::slice::from_ref(&delivery)).await;
            if let Err(refusal) = &result {
                tracing::error!(delivery = %delivery.id, reason = %refusal, "the database refused this webhook");
            }
            answers.add(reply, result);
        }
    }

    async fn commit(&self, deliveries: &[Delivery]) -> Result<(), Refusal> {
        let result = match tokio::time::timeout(self.limits.answer_within, self.store.accept(deliveries)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::Store(Arc::new(error))),
            Err(_elapsed) => Err(Refusal::TimedOut),
        };
        self.failing.note(result.is_err());
        result
    }
}

/// One failure told to everybody who waited for that transaction.
fn share(refusal: &Refusal) -> impl Fn() -> Refusal {
    let store = match refusal {
        Refusal::Store(error) => Some(Arc::clone(error)),
        Refusal::Full | Refusal::TimedOut | Refusal::Stopping => None,
    };
    move || store.as_ref().map_or(Refusal::TimedOut, |error| Refusal::Store(Arc::clone(error)))
}
