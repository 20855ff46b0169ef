//! Acknowledged webhooks while a first full run goes on.
//!
//! Invariant: the run is at work from the first webhook to the last, and the webhooks are about customers that the run
//! reads, too: two hundred of them over and over, because with many names the workers would leave the run alone for the
//! webhooks' sake. Stand-in and load generator share the cores with the service and the database, so nothing here is idle.

use std::time::Duration;

use anyhow::ensure;
use customer_sync::simulator::Options;

use super::Setup;
use crate::databases::Kind;
use crate::hooks;
use crate::load::{Until, send};
use crate::service::{Service, Site};
use crate::sheet::{Sheet, each, rate};

pub const NAME: &str = "acknowledgements during a first run";
pub const CASE: &str = "64 conn.";
pub const P99: &str = "p99";

/// Customers that the webhooks are about, spread over the whole run.
const NAMES: usize = 200;

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let site = Site::new(kind, setup.size(100_000, 20_000), Options::default()).await?.migrated()?;
    let names = site.erpnext.names("Customer");
    let names: Vec<String> = names.iter().step_by(names.len() / NAMES).cloned().collect();
    let service = site.serve()?;
    let address = service.address()?;
    service.begin_full_run().await?;
    while done(&service).await? == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (done_before, cpu) = (done(&service).await?, service.cpu()?);
    let lasting = Duration::from_secs(setup.size(5, 1));
    let outcome = send(address, hooks::requests(address, &names), 64, Until::Passed(lasting)).await?;
    let cpu = service.cpu()? - cpu;
    let meanwhile = done(&service).await? - done_before;
    let run = service.newest_full_run().await?;
    ensure!(run["state"] == "running", "the run ended too early to be measured beside: {run}");
    sheet
        .row(NAME, kind.as_str(), CASE)
        .figure("acks", outcome.rate(), "/s")
        .figure("p50", outcome.latency(0.5), "ms")
        .figure(P99, outcome.latency(0.99), "ms")
        .figure("refused", outcome.refused(), "")
        .figure("customers of the run", rate(meanwhile, lasting + lasting / 10), "/s")
        .figure("CPU of everything per ack", each(cpu, outcome.all), "µs");
    Ok(())
}

/// Customers that the newest full run is done with.
async fn done(service: &Service) -> anyhow::Result<u64> {
    let run = service.newest_full_run().await?;
    Ok(run["processed"].as_u64().unwrap_or_default())
}
