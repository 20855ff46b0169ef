//! A first full run from an ERPNext as fast as a real one: what the service adds to the time that ERPNext needs itself.
//!
//! Invariant: the stand-in takes what was measured on a real ERPNext 15 with two processes (62 single GETs per second with
//! one connection, 125 with eight; 5,000 whole rows in 216 ms; the real one: 60, 116, 235 ms). ERPNext's own time is what
//! its processes were busy, divided by their number: no client can be faster.

use std::time::Duration;

use anyhow::ensure;
use customer_sync::simulator::{Options, Pace};

use super::Setup;
use crate::databases::Kind;
use crate::service::Site;
use crate::sheet::{Sheet, each, rate};

pub const NAME: &str = "full run at a real ERPNext's pace";
pub const FIRST: &str = "first";
pub const ADDED: &str = "added to ERPNext's own time";

const PACE: Pace = Pace { per_call: Duration::from_millis(16), per_row: Duration::from_micros(40), processes: 2 };

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let customers = setup.size(20_000, 4_000);
    let site = Site::new(kind, customers, Options { pace: Some(PACE), ..Options::default() }).await?.migrated()?;
    let service = site.serve()?;
    site.erpnext.requests().reset();
    let before = service.cpu()?;
    let (run, took) = service.full_run().await?;
    ensure!(run["created"] == customers, "every customer is new: {run}");
    let own = site.erpnext.requests().busy() / u32::try_from(PACE.processes)?;
    let customers = u64::try_from(customers)?;
    sheet
        .row(NAME, kind.as_str(), FIRST)
        .figure("customers", rate(customers, took), "/s")
        .figure("took", took.as_secs_f64(), "s")
        .figure("ERPNext's own time", own.as_secs_f64(), "s")
        .figure(ADDED, (took.div_duration_f64(own) - 1.0) * 100.0, "%")
        .figure("CPU per customer", each(service.cpu()? - before, customers), "µs");
    Ok(())
}
