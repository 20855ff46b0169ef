//! A full run of 100,000 customers, end to end from the stand-in: each customer becomes a job, is read by list calls,
//! compared, and written where it differs. Then the same with nothing changed.
//!
//! Invariant: the seed's way gets its documents for nothing and writes into the same database, in the same minute; rows
//! written by the second run are counted by looking at the tables, not by asking the service.

use anyhow::ensure;
use customer_sync::simulator::Options;

use super::Setup;
use crate::databases::Kind;
use crate::seed_way::SeedWay;
use crate::service::Site;
use crate::sheet::{Sheet, each, rate};
use crate::sql::Sql;

pub const NAME: &str = "full run";
pub const FIRST: &str = "first";
pub const AGAIN: &str = "nothing changed";
pub const SEED_FIRST: &str = "seed way, first";
pub const SEED_AGAIN: &str = "seed way, again";
pub const SPEED: &str = "customers";
pub const PEAK: &str = "peak memory";
pub const WRITTEN: &str = "rows written";

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let customers = setup.size(100_000, 10_000);
    let site = Site::new(kind, customers, Options::default()).await?;
    let service = site.serve()?;
    let sql = Sql::open(&site.database.url).await?;

    let before = service.cpu()?;
    let (run, took) = service.full_run().await?;
    ensure!(run["created"] == customers, "every customer is new: {run}");
    let customers = u64::try_from(customers)?;
    sheet
        .row(NAME, kind.as_str(), FIRST)
        .figure(SPEED, rate(customers, took), "/s")
        .figure("CPU per customer", each(service.cpu()? - before, customers), "µs")
        .figure(PEAK, service.peak_memory()?, "MB");

    let (before, traces) = (service.cpu()?, Traces::of(&sql).await?);
    let (_run, took) = service.full_run().await?;
    sheet
        .row(NAME, kind.as_str(), AGAIN)
        .figure(SPEED, rate(customers, took), "/s")
        .figure("CPU per customer", each(service.cpu()? - before, customers), "µs")
        .figure(PEAK, service.peak_memory()?, "MB")
        .figure(WRITTEN, traces.rows_written_until(&Traces::of(&sql).await?), "");
    drop(service);

    let names = site.erpnext.names("Customer");
    let few = names.iter().take(setup.size(5_000, 1_000));
    let documents: Vec<_> = few.filter_map(|name| site.erpnext.document("Customer", name)).collect();
    let seed = SeedWay::new(&site.database.url, &documents).await?;
    let count = u64::try_from(documents.len())?;
    for case in [SEED_FIRST, SEED_AGAIN] {
        let took = seed.run().await?;
        sheet.row(NAME, kind.as_str(), case).figure(SPEED, rate(count, took), "/s");
    }
    Ok(())
}

/// What a write to a public table leaves behind.
struct Traces {
    customers: i64,
    changes: i64,
    newest: Option<String>,
}

impl Traces {
    async fn of(sql: &Sql) -> anyhow::Result<Self> {
        let char = if matches!(sql, Sql::Mariadb(_)) { "CHAR" } else { "TEXT" };
        let count = |table: &str| format!("SELECT CAST(COUNT(*) AS {char}) FROM {table}");
        Ok(Self {
            customers: sql.count(&count("customers")).await?,
            changes: sql.count(&count("customer_changes")).await?,
            newest: sql.text(&format!("SELECT CAST(MAX(updated_at) AS {char}) FROM customers"), &[]).await?,
        })
    }

    /// Each written row has its change; a row that was touched without one counts as one.
    fn rows_written_until(&self, later: &Self) -> f64 {
        let counted = (later.customers - self.customers).abs().max((later.changes - self.changes).abs());
        let touched = i64::from(later.newest != self.newest);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let rows = counted.max(touched) as f64;
        rows
    }
}
