//! The first watermarks: where catch-up begins.
//!
//! Invariant: a watermark is read before the first full run lists anything, so that what changes during that run is above
//! it; one that is there is never touched.

use super::super::{Context, SyncError};
use super::feeds;
use crate::domain::stamp::{BEFORE_ALL, latest_believed};
use crate::erpnext::Error;

/// Sets the watermark of every doctype that has none to the newest stamp that ERPNext has. To be called before a full run
/// lists names.
///
/// # Errors
/// What ERPNext or our database answered; some watermarks may be set by then.
pub async fn first_watermarks(context: &Context) -> Result<(), SyncError> {
    let known = context.store.watermarks().await?;
    let believed = latest_believed(context.store.now().await?);
    for feed in feeds::ALL {
        if known.contains_key(feed.doctype) || context.site.is_refused(feed.doctype) {
            continue;
        }
        match feed.newest(context, &believed).await {
            Ok(newest) => {
                let stamp = newest.unwrap_or_else(|| BEFORE_ALL.to_owned());
                context.store.set_first_watermarks(&[(feed.doctype, stamp)]).await?;
            }
            Err(SyncError::Erpnext(Error::Forbidden { .. })) if feed.is_optional() => {
                context.site.refused(feed.doctype);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
