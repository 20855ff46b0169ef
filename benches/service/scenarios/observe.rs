//! What watching costs while much waits: a scrape of `/metrics`, and the measuring of the gauges behind it.
//!
//! Invariant: ERPNext is away, so that the due jobs stay due. The gauges are measured by the service's own query, asked
//! from here on a connection of its own; the service asks it every 5 s.

use std::time::{Duration, Instant};

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::simulator::Options;

use super::Setup;
use crate::databases::Kind;
use crate::hooks;
use crate::service::Site;
use crate::sheet::{Sheet, each, milliseconds, percentile};

pub const NAME: &str = "watching";

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let site = Site::new(kind, 0, Options::default()).await?.migrated()?;
    site.erpnext.take_down().await;
    let store = site.store().await?;
    let names = hooks::invented(setup.size(200_000, 20_000));
    for some in names.chunks(5_000) {
        let puts: Vec<Put> =
            some.iter().map(|name| Put::new(DocKey::customer(name), Lane::Fast, Cause::Webhook)).collect();
        store.put(&puts).await?;
    }
    let service = site.serve()?;
    let mut gauges = Vec::new();
    for _measuring in 0..setup.size(20, 5) {
        let began = Instant::now();
        store.depth().await?;
        gauges.push(began.elapsed());
    }
    store.close().await;
    let (scrapes, before) = (setup.size(200, 50), service.cpu()?);
    let mut times = Vec::new();
    for _scrape in 0..scrapes {
        let began = Instant::now();
        service.metric("customer_sync_jobs", "").await?;
        times.push(began.elapsed());
    }
    let cpu = service.cpu()? - before;
    gauges.sort_unstable();
    times.sort_unstable();
    let of = |sorted: &[Duration], share| milliseconds(percentile(sorted, share));
    sheet
        .row(NAME, kind.as_str(), setup.size("200,000 jobs due", "20,000 jobs due"))
        .figure("scrape p50", of(&times, 0.5), "ms")
        .figure("scrape p99", of(&times, 0.99), "ms")
        .figure("CPU per scrape", each(cpu, scrapes), "µs")
        .figure("gauges, median", of(&gauges, 0.5), "ms");
    Ok(())
}
