//! From the start of the process to `/readyz` on a database with customers, and the memory of a service at rest.
//!
//! Invariant: readiness is asked over HTTP, as a load balancer would; the process is started anew for each sample.

use std::time::Duration;

use customer_sync::simulator::Options;

use super::Setup;
use crate::service::Site;
use crate::sheet::{Sheet, milliseconds, percentile};

pub const NAME: &str = "start and rest";
pub const EXISTING: &str = "10,000 customers";
pub const READY: &str = "start to ready, median";
pub const IDLE: &str = "memory at rest";

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        let site = Site::new(*kind, 10_000, Options::default()).await?.migrated()?;
        site.serve()?.full_run().await?;
        let mut times = Vec::new();
        for _start in 0..setup.size(20, 5) {
            let service = site.serve()?;
            while !service.is_ready().await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            times.push(service.age());
        }
        times.sort_unstable();
        let service = site.serve()?;
        tokio::time::sleep(Duration::from_secs(setup.size(30, 3))).await;
        sheet
            .row(NAME, kind.as_str(), EXISTING)
            .figure(READY, milliseconds(percentile(&times, 0.5)), "ms")
            .figure("worst", milliseconds(percentile(&times, 1.0)), "ms")
            .figure(IDLE, service.present_memory()?, "MB")
            .figure("of which not the program's file", service.own_memory()?, "MB");
    }
    Ok(())
}
