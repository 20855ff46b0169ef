//! The change feed while two processes write: a hundred readers, half of them calls that wait, half of them streams.
//!
//! Invariant: what a reader is given is looked at: each `seq` once and in order, or it counts as missed; each must come to
//! the end. Webhooks come faster than the target asks; how many a second came is told, because a busy machine may not
//! manage it. The delay is from `changed_at`, which the writing transaction notes, until a reader has the change; every
//! sixteenth is timed. SQLite has no second process that writes, so it is left out.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use customer_sync::simulator::Options;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::Setup;
use crate::databases::Kind;
use crate::hooks;
use crate::load::{Until, send};
use crate::reader::Reader;
use crate::service::{Service, Site};
use crate::sheet::{Sheet, count, each, milliseconds, percentile, rate};

pub const NAME: &str = "change feed";
pub const CASE: &str = "100 readers, two processes";
pub const SPEED: &str = "changes to each reader";
pub const DELAY: &str = "delay p99";
pub const MISSED: &str = "missed";

const READERS: usize = 100;
/// Webhooks in a tenth of a second, for both processes together: four times what the target asks.
const PER_TICK: usize = 400;
const TICK: Duration = Duration::from_millis(100);
/// How long readers may be behind at the end.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in setup.kinds.iter().filter(|kind| **kind != Kind::Sqlite) {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let site = Site::new(kind, setup.size(18_000, 3_000), Options::default()).await?;
    // All readers call from one address, with two tokens.
    let site = site.with("CUSTOMER_SYNC__ACCESS__CALLS_PER_SECOND", "1000000").migrated()?;
    site.serve()?.full_run().await?;
    let services = [site.serve()?, site.serve()?];
    let names = site.erpnext.names("Customer");
    let [one, _two] = &services;
    let after = one.get("/api/changes?after=last").await?["last"].as_i64().context("the feed has an end")?;
    let until = after + i64::try_from(names.len())?;
    let cpu = || services.iter().map(Service::cpu).sum::<anyhow::Result<Duration>>();
    let before = cpu()?;

    let mut reading = JoinSet::new();
    for (service, streams) in (0..READERS).map(|number| (&services[number % 2], number % 4 < 2)) {
        let reader = Reader::new(service.client(), after, until);
        reading.spawn(if streams { Box::pin(reader.stream()) as Reading } else { Box::pin(reader.wait()) });
    }
    let sent = write(&site, &services, &names).await?;
    let (mut delays, mut missed, mut slowest) = (Vec::new(), 0, Duration::ZERO);
    let end = tokio::time::Instant::now() + PATIENCE;
    while let Ok(Some(read)) = tokio::time::timeout_at(end, reading.join_next()).await {
        let reader = read??;
        delays.extend(reader.delays());
        missed += reader.missed();
        slowest = slowest.max(reader.took());
    }
    ensure!(reading.is_empty(), "{} readers did not come to the end", reading.len());
    let delivered = u64::try_from(names.len() * READERS)?;
    delays.sort_unstable();
    let of = |share| milliseconds(percentile(&delays, share));
    let speed = rate(u64::try_from(names.len())?, slowest);
    let peak = services.iter().map(Service::peak_memory).collect::<anyhow::Result<Vec<f64>>>()?;
    sheet
        .row(NAME, kind.as_str(), CASE)
        .figure("webhooks sent", sent, "/s")
        .figure(SPEED, speed, "/s")
        .figure("delay p50", of(0.5), "ms")
        .figure(DELAY, of(0.99), "ms")
        .figure(MISSED, count(missed), "")
        .figure("CPU per delivery", each(cpu()? - before, delivered), "µs")
        .figure("peak memory", peak.into_iter().fold(0.0, f64::max), "MB");
    Ok(())
}

type Reading = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Reader>> + Send>>;

/// Changes each customer once, and tells both processes by webhooks; how many a second were sent.
async fn write(site: &Site, services: &[Service; 2], names: &[String]) -> anyhow::Result<f64> {
    let [one, two] = [services[0].address()?, services[1].address()?];
    let began = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for some in names.chunks(PER_TICK) {
        ticks.tick().await;
        for name in some {
            let changed = site.erpnext.set_value("Customer", name, json!({"website": "https://benchmark.example/"}));
            ensure!(changed.is_ok(), "{name} cannot be changed");
        }
        let (mine, yours) = some.split_at(some.len() / 2);
        let sent = |to, names| send(to, hooks::requests(to, names), 4, Until::AllSent);
        let (first, second) = tokio::try_join!(sent(one, mine), sent(two, yours))?;
        ensure!(first.refused() + second.refused() == 0.0, "webhooks are refused");
    }
    Ok(rate(u64::try_from(names.len())?, began.elapsed()))
}
