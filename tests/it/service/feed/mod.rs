//! What happened to customers, followed by other applications: the feed, its events, the history of one.

mod events;
mod pages;

use serde_json::Value;

/// The seqs of a page of changes.
fn seqs(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|change| change["seq"].as_i64().unwrap()).collect()
}
