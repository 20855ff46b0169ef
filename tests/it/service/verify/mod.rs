//! `verify`: finds every kind of planted difference and nothing else, writes nothing, and is not fooled by edits.

mod cli;
mod edits;
mod planted;
mod turns;

use std::time::Duration;

use customer_sync::app::look;
use customer_sync::domain::difference::{Difference, DifferenceKind};
use customer_sync::sync::Context;
use customer_sync::sync::verify::{self, Event, Report, Scope};

use super::Connected;
use crate::support::app::config;

/// Long enough for nothing: these tests let nothing move between two looks.
const AT_ONCE: Duration = Duration::from_millis(20);

impl Connected {
    /// What a command beside the service works with.
    pub(super) async fn beside(&self, settings: &[(&'static str, &str)]) -> Context {
        let (key, secret) = self.erpnext.key();
        let folder = tempfile::tempdir().unwrap();
        let config = config(&self.database.url, &self.erpnext.url(), &key, &secret, folder.path().to_owned(), settings);
        look(&config).await.unwrap()
    }
}

/// Compares; what was found is sorted by name and kind.
async fn compare(context: &Context, scope: &Scope, settle: Duration) -> (Report, Vec<Difference>) {
    let mut found = Vec::new();
    let report = verify::run(context, scope, settle, &mut |event| {
        if let Event::Found(difference) = event {
            found.push(difference);
        }
    })
    .await
    .unwrap()
    .unwrap_or_default();
    found.sort_by(|one, other| (&one.erpnext_id, one.kind).cmp(&(&other.erpnext_id, other.kind)));
    (report, found)
}

/// Names with what is wrong with them and in which fields.
fn told(found: &[Difference]) -> Vec<(String, DifferenceKind, Vec<&str>)> {
    found
        .iter()
        .map(|difference| {
            let fields = difference.fields.iter().map(|field| field.field.as_str()).collect();
            (difference.erpnext_id.clone(), difference.kind, fields)
        })
        .collect()
}
