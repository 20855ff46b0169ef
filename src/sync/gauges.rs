//! Keeps the gauges at their present values: queue, breaker, pause.
//!
//! Invariant: a scrape costs nothing; what must be asked from the database is asked here, on a timer.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Context, census};
use crate::domain::hint::Doctype;
use crate::domain::job::Lane;
use crate::erpnext::BreakerState;
use crate::telemetry::metrics::{self, Exporter};

/// How old a gauge may be.
const EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub async fn keep(context: Context, exporter: Exporter, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        metrics::paused(context.site.paused().is_some());
        metrics::breaker(matches!(context.client.breaker(), BreakerState::Open { .. }));
        match context.store.queue().await {
            Ok(queue) => {
                metrics::queue(Lane::Fast, queue.due_fast.unsigned_abs());
                metrics::queue(Lane::Bulk, queue.due_bulk.unsigned_abs());
                metrics::queue_health(queue.dead.unsigned_abs(), queue.oldest_due_age.unwrap_or_default());
            }
            Err(error) => tracing::debug!(%error, "the queue could not be measured"),
        }
        match census::hidden(&context.store).await {
            Ok(hidden) => {
                for doctype in Doctype::ALL {
                    metrics::hidden(doctype, hidden.get(doctype.as_str()).copied().unwrap_or_default());
                }
            }
            Err(error) => tracing::debug!(%error, "what is hidden is not known"),
        }
        exporter.upkeep();
    }
}
