//! All that is known of one customer, for a page that shows it to a person.
//!
//! Invariant: only reads, each of them bounded. A customer whose row is gone has no dossier, though its history is kept
//! (`/api/customers/{id}/changes`).

use super::report::part_unreadable;
use super::{Context, edit, lookup};
use crate::domain::customer::CustomerId;
use crate::domain::suggestion::SuggestionState;
use crate::store::{
    Background, ChangeRow, CustomerDetail, DeliveryFilter, DeliveryRange, DeliveryRow, FormerName, JobRow, JobState,
    StoreError, SuggestionRow,
};

/// Changes on one page of the history.
pub const CHANGES: u32 = 25;
/// Webhooks that are shown.
const DELIVERIES: u32 = 10;
/// Documents of which a job is looked for: its own, and so many of its addresses and contacts.
const JOBS: usize = 20;

/// A customer and what is around it.
#[derive(Debug)]
pub struct Dossier {
    /// The customer.
    pub customer: CustomerDetail,
    /// Where it is seen in ERPNext.
    pub address: Option<String>,
    /// What is wrong with it at the moment, in sentences.
    pub troubles: Vec<String>,
    /// What ERPNext sent last.
    pub background: Option<Background>,
    /// Its former names in ERPNext.
    pub former_names: Vec<FormerName>,
    /// What happened to it, the newest first.
    pub changes: Vec<ChangeRow>,
    /// The `seq` behind which older changes are.
    pub older: Option<i64>,
    /// Documents of ERPNext that it may be.
    pub questions: Vec<SuggestionRow>,
    /// What is still to be done about it.
    pub jobs: Vec<JobRow>,
    /// The last webhooks about it.
    pub deliveries: Vec<DeliveryRow>,
}

/// The dossier of a customer, with its history before that `seq`; `None` where there is no such row.
///
/// # Errors
/// The database's.
pub async fn of(context: &Context, id: CustomerId, before: Option<i64>) -> Result<Option<Dossier>, StoreError> {
    let store = &context.store;
    let Some(customer) = store.customer(id).await? else { return Ok(None) };
    let documents = lookup::documents(&customer);
    let mut jobs = Vec::new();
    for document in documents.iter().take(JOBS) {
        jobs.extend(store.job(document).await?);
    }
    let mut changes = store.changes_of(id, before, CHANGES + 1).await?;
    let more = changes.len() > CHANGES as usize;
    changes.truncate(CHANGES as usize);
    let questions = store.suggestions_of(&[id]).await?;
    let about = DeliveryFilter { about: Some(documents), ..DeliveryFilter::default() };
    let background = store.background(id).await?;
    Ok(Some(Dossier {
        troubles: troubles(&jobs, background.as_ref()),
        address: customer.row.customer.erpnext_id.as_deref().map(|name| edit::address(context, name)),
        background,
        former_names: store.former_names(id).await?,
        older: changes.last().filter(|_| more).map(|change| change.seq),
        changes,
        questions: questions.into_iter().filter(|question| question.state == SuggestionState::Open).collect(),
        jobs,
        deliveries: store.deliveries(&about, &DeliveryRange::default(), DELIVERIES).await?.rows,
        customer,
    }))
}

fn troubles(jobs: &[JobRow], background: Option<&Background>) -> Vec<String> {
    let failed = jobs.iter().filter_map(|job| {
        let error = job.last_error.as_deref()?;
        let what = if job.state == JobState::Dead { "could not be read" } else { "could not be read yet" };
        Some(format!("{} {} {what}: {error}", job.key.doctype, job.key.name))
    });
    let unreadable =
        background.into_iter().flat_map(|found| found.unknown.0.iter().map(|part| part_unreadable(part, 1)));
    failed.chain(unreadable).chain(background.into_iter().flat_map(|found| found.problems.clone())).collect()
}
