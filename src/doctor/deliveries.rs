//! What webhooks have delivered: the failed attempts in ERPNext's log, and the last verified one of each kind in ours. Only a
//! delivery proves address, TLS and secret together.
//!
//! Invariant: of a log's error only its last line is shown (the exception, never a document), of a body only the words that
//! say where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::finding::Finding;
use crate::domain::hint::Doctype;
use crate::erpnext::{Client, Error, List, Work};
use crate::store::{LatestDelivery, Store};

/// So many of the newest attempts are looked at.
const ATTEMPTS: usize = 200;
/// An error's last line is shown so far.
const SHOWN: usize = 200;

/// The Webhooks of these names whose last attempt failed.
pub(super) async fn log(client: &Client, names: &[&str]) -> Vec<Finding> {
    if names.is_empty() {
        return Vec::new();
    }
    let list = List {
        doctype: "Webhook Request Log",
        parent: None,
        fields: &["name", "webhook", "creation", "error"],
        filters: json!([["webhook", "in", names]]),
        or_filters: Value::Null,
        order_by: "creation desc",
        limit: ATTEMPTS,
    };
    let attempts = match client.list(&list, Work::Interactive).await {
        Ok(attempts) => attempts,
        Err(Error::Forbidden { .. }) => {
            return vec![Finding::skipped("the Webhook Request Log", "the sync user may not read it")];
        }
        Err(error) => return vec![Finding::skipped("the Webhook Request Log", &error.without_detail())],
    };
    let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
    for attempt in &attempts {
        let text = |field: &str| attempt.get(field).and_then(Value::as_str).unwrap_or_default();
        newest.entry(text("webhook")).or_insert(text("error"));
    }
    newest
        .into_iter()
        .filter(|(_name, error)| !error.trim().is_empty())
        .map(|(name, error)| failing(name, error))
        .collect()
}

fn failing(name: &str, error: &str) -> Finding {
    let line: String = error.trim().lines().next_back().unwrap_or_default().trim().chars().take(SHOWN).collect();
    if line.contains("401") {
        return Finding::problem(
            "webhook_wrong_secret",
            format!("the last attempt of the Webhook \"{name}\" was refused with 401: its secret is not ours"),
            "write the same secret into the Webhook's Webhook Secret and into ERPNEXT_WEBHOOK_SECRET (customer-sync setup \
             --take-over writes ours into all of them), then start serve again",
        );
    }
    Finding::problem(
        "webhook_failing",
        format!("the last attempt of the Webhook \"{name}\" failed: {line}"),
        "ERPNext gives up after three attempts; see that ERPNext's server reaches our address, and what answers there",
    )
}

/// The last verified webhook of each doctype.
pub(super) async fn verified(store: Option<&Store>) -> Vec<Finding> {
    let Some(store) = store else {
        return vec![Finding::skipped("what webhooks have delivered", "the database cannot be used")];
    };
    let latest = match store.latest_deliveries().await {
        Ok(latest) => latest,
        Err(error) => return vec![Finding::skipped("what webhooks have delivered", &error.to_string())],
    };
    let last_of = |doctype: Doctype| {
        latest.iter().filter(|delivery| delivery.doctype == doctype.as_str()).max_by_key(|one| one.received_at)
    };
    let told: Vec<String> = Doctype::ALL
        .into_iter()
        .rev()
        .map(|doctype| match last_of(doctype) {
            Some(delivery) => format!("{doctype} {} ago", ago(delivery.now - delivery.received_at)),
            None => format!("{doctype} never"),
        })
        .collect();
    let told = format!("last verified webhook: {}", told.join(", "));
    let mut findings = vec![match last_of(Doctype::Customer) {
        Some(_) => Finding::ok("deliveries", told),
        None => Finding::warning(
            "nothing_delivered",
            format!("no webhook of a Customer has arrived with a right signature yet ({told})"),
            "save any customer in ERPNext and look again; if it stays so, compare the Webhooks' address and secret with \
             PUBLIC_URL and ERPNEXT_WEBHOOK_SECRET (customer-sync setup proves them by a round trip)",
        ),
    }];
    let sites: BTreeSet<String> = latest.iter().filter_map(|delivery| word(delivery, "site")).collect();
    if sites.len() > 1 {
        let sites: Vec<&str> = sites.iter().map(String::as_str).collect();
        findings.push(Finding::warning(
            "two_sites",
            format!("webhooks come from several sites: {}", sites.join(", ")),
            "disable the Webhooks in the one that is a copy (a restored backup, a staging system)",
        ));
    }
    findings
}

/// A word that our template puts into a body.
pub(super) fn word(delivery: &LatestDelivery, key: &str) -> Option<String> {
    let body: Value = serde_json::from_str(&delivery.body).ok()?;
    body.get(key)?.as_str().map(str::to_owned)
}

/// Milliseconds as people say them.
pub(super) fn ago(milliseconds: i64) -> String {
    let seconds = Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_signature_is_told_from_other_failures() {
        let trace =
            "Traceback (most recent call last):\nrequests.exceptions.HTTPError: 401 Client Error for url: http://x\n";
        assert_eq!(failing("w", trace).code, "webhook_wrong_secret");
        let other = failing("w", "Traceback\nrequests.exceptions.ConnectionError: refused");
        assert_eq!(other.code, "webhook_failing");
        assert!(other.what.ends_with("ConnectionError: refused"), "{}", other.what);
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        assert_eq!([-5, 90_000, 200_000, 10_000_000, 300_000_000].map(ago), ["0 s", "90 s", "3 min", "2 h", "3 days"]);
    }
}
