//! Read models: what the service says about itself.
//!
//! Invariant: not ready means only that hints cannot be made durable or that the process is stopping; anything else that
//! is wrong is a reason, because a load balancer must not turn webhooks away then.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Context;
use crate::domain::document::Unknown;
use crate::erpnext::BreakerState;
use crate::store::StoreError;

/// A fact of no meaning, written to learn whether writing works.
const META_WRITTEN: &str = "write_check";

/// Why the service is degraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    if let Some(pause) = context.site.paused() {
        reasons.push(Reason { code: "paused", message: pause.reason });
    }
    if let Some(message) = context.site.troubled() {
        reasons.push(Reason { code: "erpnext_unreadable", message });
    }
    if let BreakerState::Open { .. } = context.client.breaker() {
        let message = "ERPNext failed several times in a row; it is left alone for some seconds".to_owned();
        reasons.push(Reason { code: "breaker_open", message });
    }
    for (part, rows) in by_part(context.store.unknown_parts().await?) {
        reasons.push(Reason { code: "not_permitted", message: not_permitted(&part, rows) });
    }
    Ok(reasons)
}

/// Commits a small write.
///
/// # Errors
/// The database takes no writes.
pub async fn check_write(context: &Context) -> Result<(), StoreError> {
    // MariaDB writes nothing where the value stays the same.
    context.store.set_meta(META_WRITTEN, &uuid::Uuid::now_v7().to_string()).await
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

fn not_permitted(part: &str, rows: i64) -> String {
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
        _ if part == super::absence::CUSTOMER_UNKNOWN => {
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
    fn each_part_is_named_as_erpnext_names_it() {
        assert!(not_permitted("contact", 3).starts_with("Contact is not readable (3 customers)"));
        assert!(
            not_permitted("field:tax_id", 1).starts_with("the field tax_id of Customer is not readable (1 customer)")
        );
        assert!(not_permitted("address.field:city", 2).contains("field city of Address"));
        assert!(not_permitted("customer", 2).starts_with("2 customers may not be read"));
    }
}
