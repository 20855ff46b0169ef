//! Read models: what the service says about itself.
//!
//! Invariant: not ready means only that hints cannot be made durable or that the process is stopping; anything else that
//! is wrong is a reason, because a load balancer must not turn webhooks away then.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::absence::CUSTOMER_UNKNOWN;
use super::{Context, census, sweep};
use crate::domain::document::Unknown;
use crate::erpnext::BreakerState;
use crate::store::{Store, StoreError};

/// A fact of no meaning, written to learn whether writing works.
const META_WRITTEN: &str = "write_check";

/// Failed jobs are counted no further.
const MANY: i64 = 1_000;

/// Why the service is degraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DegradedReason)]
pub struct Reason {
    /// Stable word.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// All present reasons; empty when all is well.
///
/// # Errors
/// The database cannot make hints durable: not ready.
pub async fn degraded(context: &Context) -> Result<Vec<Reason>, StoreError> {
    context.store.ping().await?;
    let mut reasons = Vec::new();
    reasons.extend(erpnext_away(context));
    let questions = context.store.open_suggestions().await?;
    if questions > 0 {
        reasons.push(Reason { code: "suggestions_open", message: open_questions(questions) });
    }
    for (part, rows) in by_part(context.store.unknown_parts().await?) {
        reasons.push(Reason { code: "not_permitted", message: part_unreadable(&part, rows) });
    }
    if let Some(message) = census::warning(&census::hidden(&context.store).await?) {
        reasons.push(Reason { code: "hidden_rows", message });
    }
    if let Some(held) = sweep::held(context).await? {
        reasons.push(Reason { code: "run_held", message: held.message.unwrap_or_default() });
    }
    let dead = context.store.dead_jobs(MANY).await?;
    if dead > 0 {
        reasons.push(Reason { code: "failed_jobs", message: failed_jobs(dead) });
    }
    Ok(reasons)
}

/// Why ERPNext cannot be read. One cause is one reason: the one that tells most.
fn erpnext_away(context: &Context) -> Option<Reason> {
    if let Some(pause) = context.site.paused() {
        return Some(Reason { code: "paused", message: pause.reason });
    }
    if let Some(message) = context.site.troubled() {
        return Some(Reason { code: "erpnext_unreadable", message });
    }
    let message = "ERPNext failed several times in a row; it is left alone for some seconds".to_owned();
    matches!(context.client.breaker(), BreakerState::Open { .. }).then_some(Reason { code: "breaker_open", message })
}

fn open_questions(number: i64) -> String {
    let pairs = if number == 1 { "a pair".to_owned() } else { format!("{number} pairs") };
    format!("{pairs} of customers, one here and one in ERPNext, may be the same: somebody has to decide")
}

fn failed_jobs(dead: i64) -> String {
    let number = if dead < MANY { dead.to_string() } else { format!("{MANY} or more") };
    format!(
        "{number} customers, addresses or contacts could not be synced: the failures (Activity, or customer-sync jobs list) \
         tell which and why"
    )
}

/// Commits a small write.
///
/// # Errors
/// The database takes no writes.
pub async fn check_write(store: &Store) -> Result<(), StoreError> {
    // MariaDB writes nothing where the value stays the same.
    store.set_meta(META_WRITTEN, &uuid::Uuid::now_v7().to_string()).await
}

/// A row may lack several parts at once: counts the rows of each part.
fn by_part(stored: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for (parts, rows) in stored {
        for part in Unknown::parse(Some(&parts)).0 {
            *counts.entry(part).or_default() += rows;
        }
    }
    counts
}

/// What of the customers that ERPNext lists the sync user may not read, and what to do about it.
///
/// # Errors
/// The database's.
pub(super) async fn unreadable_parts(context: &Context) -> Result<Vec<String>, StoreError> {
    let parts = by_part(context.store.unknown_parts().await?).into_iter();
    let of_listed = parts.filter(|(part, _rows)| part != CUSTOMER_UNKNOWN);
    Ok(of_listed.map(|(part, rows)| part_unreadable(&part, rows)).collect())
}

/// That so many customers lack a part (a mark of [`Unknown`]), and what to do about it.
pub(super) fn part_unreadable(part: &str, rows: i64) -> String {
    let kept = "what we had of it is kept";
    let customers = if rows == 1 { "1 customer".to_owned() } else { format!("{rows} customers") };
    let field = |doctype: &str, field: &str| {
        format!(
            "the field {field} of {doctype} is not readable ({customers}): lower its permission level or give the \
             sync user's role that level in ERPNext's Role Permissions Manager; {kept}"
        )
    };
    match part.split_once("field:") {
        Some(("", name)) => field("Customer", name),
        Some(("address.", name)) => field("Address", name),
        Some(("contact.", name)) => field("Contact", name),
        _ if part == CUSTOMER_UNKNOWN => {
            format!("{customers} may not be read by the sync user (see User Permissions in ERPNext); {kept}")
        }
        _ => {
            let doctype = if part == "address" { "Address" } else { "Contact" };
            format!(
                "{doctype} is not readable ({customers}): give the sync user's role read permission on {doctype} in \
                 ERPNext's Role Permissions Manager; {kept}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_is_not_several() {
        assert!(open_questions(1).starts_with("a pair of customers, one here and one in ERPNext, may be the same"));
        assert!(open_questions(2).starts_with("2 pairs of customers"));
    }

    #[test]
    fn each_part_is_named_as_erpnext_names_it() {
        assert!(part_unreadable("contact", 3).starts_with("Contact is not readable (3 customers)"));
        assert!(
            part_unreadable("field:tax_id", 1).starts_with("the field tax_id of Customer is not readable (1 customer)")
        );
        assert!(part_unreadable("address.field:city", 2).contains("field city of Address"));
        assert!(part_unreadable("customer", 2).starts_with("2 customers may not be read"));
    }
}
