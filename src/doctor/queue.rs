//! Work that waits or failed, and how the last runs ended.
//!
//! Invariant: what degrades `/readyz` and stands in the database is told here in the same words.

use std::time::Duration;

use super::Patient;
use super::deliveries::ago;
use super::finding::{Finding, Severity};
use crate::domain::run::{RunKind, RunState};
use crate::store::{RunFilter, Store, StoreError};
use crate::sync::report::{Reason, degraded};

/// A due job waits no longer than this where somebody works.
const STUCK: Duration = Duration::from_secs(10 * 60);

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let Some(store) = &patient.store else {
        return vec![Finding::skipped("this part", "the database cannot be used")];
    };
    let looked = async {
        let mut findings = vec![queue(store).await?];
        findings.push(full_runs(store).await?);
        if let Some(context) = &patient.context {
            findings.extend(degraded(context).await?.into_iter().filter_map(reason));
        }
        Ok::<_, StoreError>(findings)
    };
    looked.await.unwrap_or_else(|error| vec![Finding::of_error(Severity::Problem, "database_error", &error)])
}

async fn queue(store: &Store) -> Result<Finding, StoreError> {
    let queue = store.queue().await?;
    let due = queue.due_fast + queue.due_bulk;
    let oldest = queue.oldest_due_age.unwrap_or_default();
    if oldest > STUCK {
        let age = ago(i64::try_from(oldest.as_millis()).unwrap_or(i64::MAX));
        return Ok(Finding::problem(
            "queue_stuck",
            format!("{due} jobs are due, the oldest for {age}, and nobody does them"),
            "start customer-sync serve; if it runs, see the part Service for why it waits",
        ));
    }
    let rest = format!("{} are being done, {} wait for another try", queue.leased, queue.waiting);
    Ok(Finding::ok("queue", format!("{due} jobs are due, {rest}")))
}

async fn full_runs(store: &Store) -> Result<Finding, StoreError> {
    let filter = RunFilter { kind: Some(RunKind::Full), limit: 1, ..RunFilter::default() };
    let Some(run) = store.runs(&filter).await?.into_iter().next() else {
        let to_do =
            "start customer-sync serve, which begins with one (unless schedule.full is off), or run customer-sync sync";
        return Ok(Finding::warning("never_synced", "there was no full run yet, so not every customer is here", to_do));
    };
    let message = run.message.map(|message| format!(": {message}")).unwrap_or_default();
    let what = format!("the last full run ({}) {}{message}", run.id, words(run.state));
    Ok(match run.state {
        RunState::Partial | RunState::Cancelled => {
            Finding::warning("run_partial", what, "see customer-sync jobs for what failed, then run customer-sync sync")
        }
        RunState::Failed => Finding::problem("run_failed", what, "repair what it says, then run customer-sync sync"),
        RunState::Running if run.paused.is_some() => {
            let paused = run.paused.unwrap_or_default();
            Finding::warning(
                "run_waits",
                format!("{what}, but waits: {paused}"),
                "it goes on by itself when that is over",
            )
        }
        _ => Finding::ok("runs", what),
    })
}

const fn words(state: RunState) -> &'static str {
    match state {
        RunState::Running => "is under way",
        RunState::Held => "is held",
        RunState::Succeeded => "has succeeded",
        RunState::Partial => "left some customers out",
        RunState::Failed => "has failed",
        RunState::Cancelled => "was cancelled",
        RunState::Discarded => "was discarded",
        RunState::Superseded => "was taken over by a later one",
    }
}

/// A reason of `/readyz`. What a process knows only of itself says nothing here.
fn reason(Reason { code, message }: Reason) -> Option<Finding> {
    let finding = |severity, to_do: &str| Finding { severity, code, what: message, what_to_do: Some(to_do.to_owned()) };
    Some(match code {
        "failed_jobs" => {
            finding(Severity::Problem, "repair what they say, then run customer-sync jobs retry --all, or discard them")
        }
        "run_held" => finding(
            Severity::Problem,
            "look at the list (customer-sync runs show), then customer-sync runs approve or discard",
        ),
        "not_permitted" => {
            finding(Severity::Problem, "what is marked is read again by itself once the permission is there")
        }
        "suggestions_open" => finding(Severity::Warning, "run customer-sync suggestions and decide"),
        // Counted afresh under Permissions.
        _ => return None,
    })
}
