//! The queue worked off: jobs that are due before the service starts, until none is left.
//!
//! Invariant: the stand-in answers as fast as it can, on the same cores; starting the service is part of the time.

use anyhow::ensure;
use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::simulator::Options;

use super::Setup;
use crate::databases::Kind;
use crate::service::{Service, Site, worked_off};
use crate::sheet::{Sheet, each, rate};

pub const NAME: &str = "queue to row";
pub const SINGLE: &str = "one customer per read";
pub const BATCHED: &str = "up to 200 per read";
pub const SPEED: &str = "customers";

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        single(*kind, setup, sheet).await?;
        batched(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn single(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let site = Site::new(kind, setup.size(5_000, 1_000), Options::default()).await?;
    let site = site
        .with("CUSTOMER_SYNC__WORKER__BATCH", "1")
        .with("CUSTOMER_SYNC__WORKER__BURST", "1000000")
        .with("CUSTOMER_SYNC__WORKER__CONCURRENCY", "16")
        .with("CUSTOMER_SYNC__ERPNEXT__CONCURRENCY", "32");
    measure(kind, SINGLE, site.migrated()?, sheet).await
}

async fn batched(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let site = Site::new(kind, setup.size(50_000, 10_000), Options::default()).await?;
    measure(kind, BATCHED, site.migrated()?, sheet).await
}

async fn measure(kind: Kind, case: &str, site: Site, sheet: &mut Sheet) -> anyhow::Result<()> {
    let names = site.erpnext.names("Customer");
    let service = work_off(&site, &names).await?;
    let (took, jobs) = (service.age(), u64::try_from(names.len())?);
    sheet
        .row(NAME, kind.as_str(), case)
        .figure(SPEED, rate(jobs, took), "/s")
        .figure("CPU per customer", each(service.cpu()?, jobs), "µs")
        .figure("peak memory", service.peak_memory()?, "MB");
    Ok(())
}

/// Puts a job for each name, then starts the service and waits until it has done them all.
pub async fn work_off(site: &Site, names: &[String]) -> anyhow::Result<Service> {
    let store = site.store().await?;
    let puts: Vec<Put> =
        names.iter().map(|name| Put::new(DocKey::customer(name), Lane::Fast, Cause::Webhook)).collect();
    for some in puts.chunks(1_000) {
        store.put(some).await?;
    }
    let service = site.serve()?;
    worked_off(&store).await?;
    let dead = store.dead_jobs(1).await?;
    ensure!(dead == 0, "a job failed");
    store.close().await;
    Ok(service)
}
