//! Acknowledged webhooks per second: the service, and beside it servers that store nothing or commit one INSERT each.
//!
//! Invariant: ERPNext is away (its connections are refused), so that acknowledging alone is measured and the queue only
//! grows; logging, metrics and coalescing are on. *Distinct names* makes a job for every webhook; with *one name* all
//! webhooks meet in one row. CPU is that of the service's process; a database server's own comes on top.

use std::net::SocketAddr;
use std::time::Duration;

use customer_sync::simulator::Options;

use super::Setup;
use crate::baseline::{Baseline, NOTHING};
use crate::databases::{Kind, fresh};
use crate::load::{Outcome, Until, send};
use crate::process;
use crate::service::Site;
use crate::sheet::{Row, Sheet, each};
use crate::{hooks, load};

pub const NAME: &str = "acknowledgements";
pub const CONNECTIONS: [usize; 3] = [1, 64, 256];
pub const STORE_NOTHING: &str = "store nothing";
pub const ONE_COMMIT: &str = "one commit per request";
pub const DISTINCT: &str = "the service, distinct names";
pub const ONE_NAME: &str = "the service, one name";
pub const ACKS: &str = "acks";
pub const P99: &str = "p99";
pub const CPU: &str = "CPU per ack";
pub const PEAK: &str = "peak memory";

/// The row of a kind of server at that number of connections.
pub fn case(server: &str, connections: usize) -> String {
    format!("{server}, {connections} conn.")
}

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        baselines(*kind, setup, sheet).await?;
        service(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn baselines(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let names = hooks::invented(1_000);
    for (case_name, stores) in [(STORE_NOTHING, false), (ONE_COMMIT, true)] {
        for connections in CONNECTIONS {
            let database = fresh(kind).await;
            let baseline = Baseline::start(if stores { &database.url } else { NOTHING })?;
            let (pid, own) = (baseline.pid(), std::process::id());
            let (before, own_before) = (process::cpu(pid)?, process::cpu(own)?);
            let outcome = closed_loop(baseline.address, &names, connections, setup).await?;
            let (cpu, own_cpu) = (process::cpu(pid)? - before, process::cpu(own)? - own_before);
            let case = case(case_name, connections);
            let row = speed(sheet.row(NAME, kind.as_str(), &case), &outcome, cpu);
            let row = row.figure(PEAK, process::peak_memory(pid)?, "MB");
            if !stores {
                row.figure("generator's CPU per request", each(own_cpu, outcome.all), "µs");
            }
        }
    }
    Ok(())
}

async fn service(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for (case_name, names) in [(DISTINCT, setup.size(100_000, 20_000)), (ONE_NAME, 1)] {
        let names = hooks::invented(names);
        for connections in CONNECTIONS {
            let site = Site::new(kind, 0, Options::default()).await?.migrated()?;
            let service = site.serve()?;
            site.erpnext.take_down().await;
            let before = service.cpu()?;
            let outcome = closed_loop(service.address()?, &names, connections, setup).await?;
            let cpu = service.cpu()? - before;
            let case = case(case_name, connections);
            let row = speed(sheet.row(NAME, kind.as_str(), &case), &outcome, cpu);
            row.figure(PEAK, service.peak_memory()?, "MB");
        }
    }
    Ok(())
}

async fn closed_loop(
    to: SocketAddr,
    names: &[String],
    connections: usize,
    setup: &Setup,
) -> anyhow::Result<load::Outcome> {
    let lasting = Until::Passed(Duration::from_secs(setup.size(5, 1)));
    send(to, hooks::requests(to, names), connections, lasting).await
}

/// The figures that every server has. CPU counts from the first request, so it is shared by all of them.
fn speed<'a>(row: Row<'a>, outcome: &Outcome, cpu: Duration) -> Row<'a> {
    row.figure(ACKS, outcome.rate(), "/s")
        .figure("p50", outcome.latency(0.5), "ms")
        .figure(P99, outcome.latency(0.99), "ms")
        .figure(CPU, each(cpu, outcome.all), "µs")
        .figure("refused", outcome.refused(), "")
}
