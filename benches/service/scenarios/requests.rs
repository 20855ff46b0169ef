//! How many requests ERPNext gets: for many customers due at once, for the same trickling in, and for bursts of events.
//!
//! Invariant: every request that reached the stand-in counts, also those of the start. The database makes no difference,
//! so only the first of those asked for is used.

use std::time::Duration;

use customer_sync::simulator::Options;

use super::Setup;
use super::drain::work_off;
use crate::hooks;
use crate::load::{Until, send};
use crate::service::{Site, worked_off};
use crate::sheet::{Sheet, rate};

pub const NAME: &str = "requests to ERPNext";
pub const AT_ONCE: &str = "10,000 customers due at once";
pub const TRICKLING: &str = "trickling in at 20/s";
pub const BURST: &str = "20,000 events over 2,000 customers";
pub const PER_10_000: &str = "requests for 10,000 customers";
pub const FETCHES: &str = "fetches per customer";

/// Webhooks per second that trickle in.
const TRICKLE: u64 = 20;

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let Some(kind) = setup.kinds.first().copied() else { return Ok(()) };
    let on = kind.as_str();

    let site = Site::new(kind, 10_000, Options::default()).await?.migrated()?;
    let names = site.erpnext.names("Customer");
    site.erpnext.requests().reset();
    let service = work_off(&site, &names).await?;
    sheet.row(NAME, on, AT_ONCE).figure(PER_10_000, count(site.erpnext.requests().total()), "");

    let trickling = TRICKLE * setup.size(60, 10);
    site.erpnext.requests().reset();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(TRICKLE)?);
    for name in names.iter().take(usize::try_from(trickling)?) {
        tick.tick().await;
        service.webhook(name).await?;
    }
    let store = site.store().await?;
    worked_off(&store).await?;
    let requests = count(site.erpnext.requests().total()) * 10_000.0 / count(trickling);
    sheet.row(NAME, on, TRICKLING).figure(PER_10_000, requests, "");

    let before = service.metric("customer_sync_jobs_total", "").await?;
    // A save fires several webhooks, and people save twice: the events of one customer come together.
    let events: Vec<String> =
        names.iter().take(2_000).flat_map(|name| std::iter::repeat_n(name, 10)).cloned().collect();
    let address = service.address()?;
    send(address, hooks::requests(address, &events), 64, Until::AllSent).await?;
    worked_off(&store).await?;
    let jobs = service.metric("customer_sync_jobs_total", "").await? - before;
    sheet.row(NAME, on, BURST).figure(FETCHES, jobs / 2_000.0, "");
    store.close().await;
    Ok(())
}

fn count(count: u64) -> f64 {
    rate(count, Duration::from_secs(1))
}
