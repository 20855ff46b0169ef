//! Catch-up: asks ERPNext what changed since the last time, whatever became of the webhooks, and puts jobs for it.
//!
//! Invariant: it only puts jobs; workers stay the one write path. A watermark moves in the transaction that puts what it
//! stands for, so whatever ends a catch-up half way, the next one goes on from there. Where no full run has set the first
//! watermarks nothing is asked: everything would be new then, and that is the full run's work.
//!
//! One doctype in the order of a stamp is `feed`, which documents these are `feeds`, permissions that come back are
//! `unknown`. When it runs is decided by `sync::schedule`; what only a look at all names shows is the sweep's.

mod feed;
mod feeds;
mod first;
mod unknown;

use super::{Context, SyncError};
use crate::domain::hint::Doctype;
use crate::domain::stamp::latest_believed;
use crate::erpnext::Error;

pub use first::first_watermarks;

/// What one catch-up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Jobs put for what was new.
    pub put: u64,
    /// Jobs put to learn whether a permission is back, or because one is.
    pub tested: u64,
}

/// Catches up in every doctype. `None` before the first full run.
///
/// # Errors
/// What ERPNext or our database answered; what was put until then stays put.
pub async fn catch_up(context: &Context) -> Result<Option<CaughtUp>, SyncError> {
    let mut marks = context.store.watermarks().await?;
    if !marks.contains_key(Doctype::Customer.as_str()) {
        return Ok(None);
    }
    if feeds::ALL.iter().any(|feed| !marks.contains_key(feed.doctype)) {
        // A permission given later, or a version of ours that knows more doctypes.
        first_watermarks(context).await?;
        marks = context.store.watermarks().await?;
    }
    let mut put = 0;
    for feed in feeds::ALL {
        let Some(mark) = marks.get(feed.doctype).filter(|_mark| !context.site.is_refused(feed.doctype)) else {
            continue;
        };
        put += match feed.look(context, mark, &latest_believed(mark.now)).await {
            Err(SyncError::Erpnext(Error::Forbidden { .. })) if feed.is_optional() => {
                context.site.refused(feed.doctype);
                0
            }
            Err(SyncError::Erpnext(error)) => return Err(super::absence::pause(context, error)),
            looked => looked?,
        };
    }
    Ok(Some(CaughtUp { put, tested: unknown::test(context).await? }))
}
