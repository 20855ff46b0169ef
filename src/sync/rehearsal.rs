//! Deciding about customers as a worker would, without a job and without writing: what dry runs and `verify` share.
//!
//! Invariant: only reads. Deciding writes nothing by itself (`sync::customer`), and no claim in here is in any queue.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::error::Disposition;
use super::{Context, Decision, SyncError, customer};
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, Claim, DocKey, Lane};
use crate::erpnext::{List, Work};

/// Customers that are read together.
pub(super) const BATCH: usize = 200;
/// Longer than any batch: nothing is leased here.
const NO_HURRY: Duration = Duration::from_secs(3600);

/// A job that is in no queue. `absent` says that no list shows the document.
pub(super) fn claim(name: &str, lane: Lane, cause: Cause, absent: bool) -> Claim {
    Claim {
        key: DocKey::customer(name),
        lane,
        token: 0,
        generation: 0,
        attempts: 0,
        cause,
        delivery_id: None,
        absent,
        run: None,
        modified: None,
    }
}

/// A decision for each claim, in the same order; what ERPNext refuses as a whole is halved until only the one at fault has
/// failed.
///
/// # Errors
/// ERPNext or the database could not answer.
pub(super) async fn decide(context: &Context, claims: &[Claim]) -> Result<Vec<Decision>, SyncError> {
    let mut decisions = Vec::with_capacity(claims.len());
    let mut batches = vec![claims];
    while let Some(batch) = batches.pop() {
        if batch.is_empty() {
            continue;
        }
        // Boxed: this future is large, and it is built deep inside others.
        match Box::pin(customer::decide(context, batch, Work::Bulk, Instant::now() + NO_HURRY)).await {
            Ok(decided) => decisions.extend(decided),
            Err(error) if !matches!(error.disposition(), Disposition::Split(_)) => return Err(error),
            Err(error) if batch.len() == 1 => decisions.push(Decision::Failed(error)),
            Err(_refused) => {
                let (first, second) = batch.split_at(batch.len() / 2);
                batches.extend([second, first]);
            }
        }
    }
    Ok(decisions)
}

/// Names behind `after` that ERPNext lists, in its order.
///
/// # Errors
/// ERPNext's.
pub(super) async fn names_behind(
    context: &Context,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, SyncError> {
    names(context, after.map_or(json!([]), |name| json!([["name", ">", name]])), limit).await
}

/// Which of these names ERPNext lists, in its own spelling.
///
/// # Errors
/// ERPNext's.
pub(super) async fn names_among(context: &Context, among: &[String]) -> Result<Vec<String>, SyncError> {
    names(context, json!([["name", "in", among]]), 0).await
}

/// Names that ERPNext lists, in its order; `limit` 0 for all that match.
async fn names(context: &Context, filters: Value, limit: usize) -> Result<Vec<String>, SyncError> {
    let list = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["name"],
        filters,
        or_filters: Value::Null,
        order_by: "name asc",
        limit,
    };
    let rows = context.client.list(&list, Work::Bulk).await?;
    Ok(rows.iter().filter_map(|row| row.get("name").and_then(Value::as_str).map(str::to_owned)).collect())
}
