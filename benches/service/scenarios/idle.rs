//! An hour in which nothing changes: what catch-up and sweeps cost ERPNext.
//!
//! Invariant: the schedules are the defaults, sixty times as quick (every 0.5 s instead of 30 s, and so on), for one minute;
//! the scheduler decides itself when it slows down. Only the 65 minutes below the watermark, which catch-up reads again for
//! as long after the last change, are real: no seeded customer lies in them. The stand-in takes what such calls took on a
//! real ERPNext 15 (an idle catch-up 55 ms, a page of 5,000 names 47 ms). The database makes no difference, so only the
//! first of those asked for is used.

use std::time::Duration;

use customer_sync::simulator::{Options, Pace};

use super::Setup;
use crate::service::Site;
use crate::sheet::{Sheet, count};

pub const NAME: &str = "an hour without changes";
pub const SERVER_TIME: &str = "ERPNext's server time";

/// More processes than a real one has: that makes nothing cheaper, only the run before the hour shorter.
const PACE: Pace = Pace { per_call: Duration::from_micros(18_300), per_row: Duration::from_nanos(5_800), processes: 8 };

/// So many seconds of the hour pass in one.
const TIMES: u32 = 60;

pub fn case(setup: &Setup) -> &'static str {
    setup.size("100,000 customers", "10,000 customers")
}

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let Some(kind) = setup.kinds.first().copied() else { return Ok(()) };
    let options = Options { pace: Some(PACE), ..Options::default() };
    let site = Site::new(kind, setup.size(100_000, 10_000), options).await?.migrated()?;
    site.serve()?.full_run().await?;

    let site = site
        .with("CUSTOMER_SYNC__SCHEDULE__CATCH_UP", "500ms")
        .with("CUSTOMER_SYNC__SCHEDULE__CATCH_UP_SLOWEST", "5s")
        .with("CUSTOMER_SYNC__SCHEDULE__SWEEP", "1min");
    let hour = Duration::from_secs(3_600) / TIMES;
    let service = site.serve()?;
    site.erpnext.requests().reset();
    // The sweep is due at the end of the minute: it must begin, and end.
    tokio::time::sleep(hour + Duration::from_secs(5)).await;
    drop(service);
    let requests = site.erpnext.requests();
    sheet.row(NAME, kind.as_str(), case(setup)).figure("requests", count(requests.total()), "").figure(
        SERVER_TIME,
        requests.busy().as_secs_f64(),
        "s",
    );
    Ok(())
}
