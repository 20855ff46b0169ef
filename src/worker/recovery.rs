//! Asks ERPNext whether it can be read: once at the start, then now and then while the site is paused or in trouble.
//!
//! Invariant: a wrong address, key or role is told within seconds of the start, before the first webhook; only a
//! successful probe resumes, and nobody has to restart anything after a key was repaired.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::erpnext::Error;
use crate::sync::Context;
use crate::sync::site::probe;

/// Runs until `stop`.
pub(super) async fn run(context: Context, every: Duration, stop: CancellationToken) {
    let work = async {
        loop {
            look(&context).await;
            context.site.until_probe().await;
            tokio::time::sleep(every).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

async fn look(context: &Context) {
    match probe(&context.client).await {
        Ok(()) => {
            context.site.resume();
            context.site.well();
        }
        Err(error @ (Error::Unauthorized { .. } | Error::Forbidden { .. })) => {
            context.site.pause(error.without_detail());
        }
        Err(error) => context.site.trouble(&error),
    }
}
