//! A person asks for one customer now: puts the job, and can wait for its end.
//!
//! Invariant: a request is a put like any other; who waits only looks, so leaving early changes nothing.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Context;
use crate::domain::customer::CustomerId;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::store::{JobState, StoreError};

/// How often a waiting caller looks whether its job has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A job that was put for a person.
#[derive(Debug)]
pub struct Requested {
    id: CustomerId,
    key: DocKey,
    last_change: Option<i64>,
}

/// How it ended.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Our id of the customer.
    pub customer: CustomerId,
    /// `updated`, `renamed`, `deleted` … as in the history; `unchanged`; or `failed`.
    pub effect: String,
    /// What is wrong and what to do, for a failed one.
    pub error: Option<String>,
}

/// Puts the job.
///
/// # Errors
/// The database's.
pub async fn customer(context: &Context, id: CustomerId, name: String) -> Result<Requested, StoreError> {
    let last_change = last_change(context, id).await?.map(|(seq, _kind)| seq);
    let key = DocKey::customer(name);
    let put = Put { key: key.clone(), lane: Lane::Fast, cause: Cause::Person, delivery_id: None, absent: false };
    context.store.put(&[put]).await?;
    Ok(Requested { id, key, last_change })
}

impl Requested {
    /// What a caller that does not wait is told.
    #[must_use]
    pub fn queued(&self) -> serde_json::Value {
        serde_json::json!({"customer": self.id, "job": {"doctype": self.key.doctype.as_str(), "name": self.key.name}})
    }

    /// Waits for the end of the job; `None` if it is not over by then.
    ///
    /// # Errors
    /// The database's.
    pub async fn finished(&self, context: &Context, within: Duration) -> Result<Option<Outcome>, StoreError> {
        let until = Instant::now() + within;
        loop {
            match context.store.job(&self.key).await? {
                None => return self.outcome(context).await.map(Some),
                Some(job) if job.state == JobState::Dead => {
                    let effect = "failed".to_owned();
                    return Ok(Some(Outcome { customer: self.id, effect, error: job.last_error }));
                }
                Some(_waiting) if Instant::now() >= until => return Ok(None),
                Some(_waiting) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn outcome(&self, context: &Context) -> Result<Outcome, StoreError> {
        let newest = last_change(context, self.id).await?;
        let effect = match newest {
            Some((seq, kind)) if Some(seq) != self.last_change => kind,
            Some(_) | None => "unchanged".to_owned(),
        };
        Ok(Outcome { customer: self.id, effect, error: None })
    }
}

async fn last_change(context: &Context, id: CustomerId) -> Result<Option<(i64, String)>, StoreError> {
    Ok(context.store.changes_of(id, 1).await?.into_iter().next().map(|change| (change.seq, change.kind)))
}
