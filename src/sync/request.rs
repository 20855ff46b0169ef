//! A person asks for one customer now, by our id or by ERPNext's name: puts the job, and can wait for its end.
//!
//! Invariant: a request is a put like any other; who waits only looks, so leaving early changes nothing.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use super::absence::CUSTOMER_UNKNOWN;
use super::report::part_unreadable;
use super::{Context, SyncError, erase};
use crate::domain::customer::CustomerId;
use crate::domain::document::Unknown;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::erpnext::{Error, Work};
use crate::store::{JobState, StoreError};

/// How often a waiting caller looks whether its job has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A job that was put for a person.
#[derive(Debug)]
pub struct Requested {
    /// Our row, if there was one before.
    id: Option<CustomerId>,
    key: DocKey,
    last_change: Option<i64>,
    /// ERPNext does not show it to the sync user.
    forbidden: bool,
}

/// That it was put.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueuedSync)]
pub struct Queued<'a> {
    /// Our id of the customer; null where it has no row yet.
    #[schema(value_type = Option<i64>)]
    pub customer: Option<CustomerId>,
    /// The job.
    pub job: &'a DocKey,
}

/// How it ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncOutcome)]
pub struct Outcome {
    /// Our id of the customer; null where it has no row.
    #[schema(value_type = Option<i64>)]
    pub customer: Option<CustomerId>,
    /// `updated`, `renamed`, `deleted` … as in the history; `unchanged`; `skipped` for one that got no row;
    /// `erased` for one that was erased, and gets none again;
    /// `not_permitted` for one that the sync user may not read; or `failed`.
    pub effect: String,
    /// What is wrong and what to do, for one that was not read, or not all of it.
    pub error: Option<String>,
}

/// Puts the job.
///
/// # Errors
/// The database's.
pub async fn customer(context: &Context, id: CustomerId, name: String) -> Result<Requested, StoreError> {
    let key = DocKey::customer(name);
    let requested = watch(context, id, key.clone()).await?;
    context.store.put(&[Put::new(key, Lane::Fast, Cause::Person)]).await?;
    Ok(requested)
}

/// Looks what has happened to the customer so far, before somebody else puts the job.
///
/// # Errors
/// The database's.
pub async fn watch(context: &Context, id: CustomerId, key: DocKey) -> Result<Requested, StoreError> {
    let last_change = last_change(context, id).await?.map(|(seq, _kind)| seq);
    Ok(Requested { id: Some(id), key, last_change, forbidden: false })
}

/// Puts the job of the customer that ERPNext calls so; `None` where neither ERPNext nor we know one of that name.
///
/// # Errors
/// ERPNext's, and the database's.
pub async fn named(context: &Context, name: &str) -> Result<Option<Requested>, SyncError> {
    let (document, forbidden) = match context.client.get(Doctype::Customer.as_str(), name, Work::Interactive).await {
        Ok(document) => (document, false),
        // There may be one; the job finds out what that means.
        Err(Error::Forbidden { .. }) => (Some([("name".to_owned(), name.into())].into_iter().collect()), true),
        Err(error) => return Err(error.into()),
    };
    let true_name = document.as_ref().and_then(|document| document.get("name")?.as_str()).unwrap_or(name);
    let row = context.store.held(&[true_name.to_owned()], &[]).await?.into_iter().next();
    if document.is_none() && row.is_none() {
        return Ok(None);
    }
    let id = row.map(|row| row.seen.id);
    let last_change = match id {
        Some(id) => last_change(context, id).await?.map(|(seq, _kind)| seq),
        None => None,
    };
    let key = DocKey::customer(true_name);
    let put = Put { absent: document.is_none(), ..Put::new(key.clone(), Lane::Fast, Cause::Person) };
    context.store.put(&[put]).await?;
    Ok(Some(Requested { id, key, last_change, forbidden }))
}

impl Requested {
    /// What a caller that does not wait is told.
    #[must_use]
    pub fn queued(&self) -> Queued<'_> {
        Queued { customer: self.id, job: &self.key }
    }

    /// The name of the document, as the job has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.key.name
    }

    /// Why the job was not done the last time; `None` where it did not fail, or is over.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_error(&self, context: &Context) -> Result<Option<String>, StoreError> {
        Ok(context.store.job(&self.key).await?.and_then(|job| job.last_error))
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
        let row = context.store.held(std::slice::from_ref(&self.key.name), &[]).await?.into_iter().next();
        let unknown = row.as_ref().map(|row| row.unknown.clone()).unwrap_or_default();
        let customer = self.id.or_else(|| row.map(|row| row.seen.id));
        let error = unreadable(&unknown);
        if unknown.has(CUSTOMER_UNKNOWN) || (customer.is_none() && self.forbidden) {
            let error = error.or_else(|| Some(part_unreadable(CUSTOMER_UNKNOWN, 1)));
            return Ok(Outcome { customer, effect: "not_permitted".to_owned(), error });
        }
        let Some(id) = customer else {
            let name = std::slice::from_ref(&self.key.name);
            if let Some(erased) =
                erase::known::erased_names(context, self.key.doctype, name).await?.remove(&self.key.name)
            {
                return Ok(Outcome { customer: Some(erased.customer), effect: "erased".to_owned(), error: None });
            }
            return Ok(Outcome { customer: None, effect: "skipped".to_owned(), error: None });
        };
        let effect = match last_change(context, id).await? {
            Some((seq, kind)) if Some(seq) != self.last_change => kind,
            Some(_) | None => "unchanged".to_owned(),
        };
        Ok(Outcome { customer: Some(id), effect, error })
    }
}

/// What the sync user may not read of one customer, and what to do about it.
fn unreadable(unknown: &Unknown) -> Option<String> {
    let told: Vec<String> = unknown.0.iter().map(|part| part_unreadable(part, 1)).collect();
    (!told.is_empty()).then(|| told.join(". "))
}

async fn last_change(context: &Context, id: CustomerId) -> Result<Option<(i64, String)>, StoreError> {
    Ok(context.store.changes_of(id, None, 1).await?.into_iter().next().map(|change| (change.seq, change.kind)))
}
