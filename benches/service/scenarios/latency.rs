//! From a webhook to the visible row while nothing else happens: the time from sending the webhook until a reader of the
//! database sees the new value.
//!
//! Invariant: ERPNext's own answers are part of the figure, and told beside it: what the stand-in worked for each webhook,
//! halved, because a real one answers two calls at a time. The burst is set high, because a lone webhook finds it full,
//! while this scenario asks again and again.

use std::time::{Duration, Instant};

use anyhow::ensure;
use customer_sync::simulator::Options;
use serde_json::json;

use super::Setup;
use crate::databases::Kind;
use crate::service::{Service, Site};
use crate::sheet::{Sheet, milliseconds, percentile};
use crate::sql::Sql;

pub const NAME: &str = "webhook to row";
pub const IDLE: &str = "idle";
pub const P50: &str = "p50";
pub const P99: &str = "p99";
pub const ERPNEXT: &str = "of which ERPNext's answers";

const VISIBLE: &str = "SELECT website FROM customers WHERE erpnext_id = ?";

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let site = Site::new(kind, 1_000, Options::default()).await?.with("CUSTOMER_SYNC__WORKER__BURST", "100000");
    let site = site.migrated()?;
    let service = site.serve()?;
    service.full_run().await?;
    let sql = Sql::open(&site.database.url).await?;
    let mut latencies = Vec::new();
    site.erpnext.requests().reset();
    for (index, name) in site.erpnext.names("Customer").iter().take(setup.size(500, 50)).enumerate() {
        latencies.push(one(&site, &service, &sql, name, index).await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    latencies.sort_unstable();
    let of = |share| milliseconds(percentile(&latencies, share));
    let erpnext = site.erpnext.requests().busy() / u32::try_from(latencies.len())? / 2;
    sheet
        .row(NAME, kind.as_str(), IDLE)
        .figure(P50, of(0.5), "ms")
        .figure(P99, of(0.99), "ms")
        .figure("worst", of(1.0), "ms")
        .figure(ERPNEXT, milliseconds(Some(erpnext)), "ms");
    Ok(())
}

async fn one(site: &Site, service: &Service, sql: &Sql, name: &str, index: usize) -> anyhow::Result<Duration> {
    let website = format!("https://benchmark.example/{index}");
    let silent = site.erpnext.set_value("Customer", name, json!({"website": website}));
    ensure!(silent.is_ok(), "{name} cannot be changed");
    let sent = Instant::now();
    service.webhook(name).await?;
    while sql.text(VISIBLE, &[name]).await?.as_ref() != Some(&website) {
        ensure!(sent.elapsed() < Duration::from_secs(60), "{name} does not change");
        // Finer than the runtime's timer.
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(sent.elapsed())
}
