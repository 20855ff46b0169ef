//! How many requests ERPNext gets: for many customers due at once, for the same trickling in, and for bursts of events.
//!
//! Invariant: every request that reached the stand-in counts, also those of the start. The database makes no difference,
//! so only the first of those asked for is used. *Trickling in* is shorter than 10,000 customers would take and scaled up:
//! the burst at its beginning then weighs more than it would.
//!
//! A *burst* is what ERPNext sends for one act of a person: events of one customer that come together. 2,000 acts with ten
//! events each follow one another, and each customer may be fetched hardly more than once. *Taking turns* is the worst order of
//! the same events, every customer's ten being spread over the whole time: a fetch for each of them that comes after the last
//! fetch has begun is right, so this is shown, and judged by nothing.

use std::time::Duration;

use customer_sync::simulator::Options;
use customer_sync::store::Store;

use super::Setup;
use super::drain::work_off;
use crate::hooks;
use crate::load::{Until, send};
use crate::service::{Service, Site, worked_off};
use crate::sheet::{Sheet, count};

pub const NAME: &str = "requests to ERPNext";
pub const AT_ONCE: &str = "10,000 customers due at once";
pub const TRICKLING: &str = "trickling in at 20/s";
pub const BURST: &str = "20,000 events over 2,000 customers";
pub const TURNS: &str = "20,000 events over 2,000 customers, taking turns";
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

    let trickling = TRICKLE * setup.size(200, 10);
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

    let (together, turns) = events(&names);
    for (case, events) in [(BURST, together), (TURNS, turns)] {
        let fetches = fetches(&service, &store, &events).await?;
        sheet.row(NAME, on, case).figure(FETCHES, fetches / 2_000.0, "");
    }
    store.close().await;
    Ok(())
}

/// Ten events for each of 2,000 customers: those of one customer together, and by turns.
fn events(names: &[String]) -> (Vec<String>, Vec<String>) {
    let customers = || names.iter().take(2_000);
    let together = customers().flat_map(|name| std::iter::repeat_n(name, 10)).cloned().collect();
    let turns = std::iter::repeat_n((), 10).flat_map(|()| customers()).cloned().collect();
    (together, turns)
}

/// Sends the events as fast as they are acknowledged; how many fetches of a customer they caused.
async fn fetches(service: &Service, store: &Store, events: &[String]) -> anyhow::Result<f64> {
    let before = service.metric("customer_sync_jobs_total", "").await?;
    let address = service.address()?;
    send(address, hooks::requests(address, events), 64, Until::AllSent).await?;
    worked_off(store).await?;
    Ok(service.metric("customer_sync_jobs_total", "").await? - before)
}
