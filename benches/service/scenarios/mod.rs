//! What is measured: one file per scenario, each fills its rows of the sheet.
//!
//! Invariant: a scenario starts what it needs, ends it, and leaves nothing for the next one. What it is compared with is
//! measured in the same scenario.

pub mod drain;
pub mod during;
pub mod feed;
pub mod full_run;
pub mod idle;
pub mod ingest;
pub mod latency;
pub mod look_up;
pub mod observe;
pub mod pace;
pub mod requests;
pub mod startup;

use clap::ValueEnum;

use super::databases::Kind;
use super::sheet::Sheet;

/// What all scenarios are told.
pub struct Setup {
    /// On which databases.
    pub kinds: Vec<Kind>,
    /// A rough look is enough.
    pub short: bool,
}

impl Setup {
    /// The first, or in a rough look the second.
    pub fn size<T>(&self, full: T, short: T) -> T {
        if self.short { short } else { full }
    }
}

/// Every scenario, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Acknowledged webhooks per second, with what they are compared with
    Ingest,
    /// Acknowledged webhooks while a first full run goes on
    During,
    /// From a webhook to the visible row while nothing else happens
    Latency,
    /// The queue worked off, customer by customer and in batches
    Drain,
    /// All customers, for the first time and with nothing changed; memory; the seed's way beside it
    FullRun,
    /// What a full run adds to the time that a real ERPNext needs itself
    Pace,
    /// Requests to ERPNext for many customers at once, trickling in, and for bursts of events
    Requests,
    /// What an hour without changes costs ERPNext
    Idle,
    /// The change feed to a hundred readers while two processes write
    Feed,
    /// What a scrape and the gauges cost while much waits
    Observe,
    /// Pages, searches and the export of a list of a million customers
    LookUp,
    /// Start to ready, and memory at rest
    Startup,
}

impl Scenario {
    /// Measures it.
    pub async fn run(self, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
        match self {
            Self::Ingest => ingest::run(setup, sheet).await,
            Self::During => during::run(setup, sheet).await,
            Self::Latency => latency::run(setup, sheet).await,
            Self::Drain => drain::run(setup, sheet).await,
            Self::FullRun => full_run::run(setup, sheet).await,
            Self::Pace => pace::run(setup, sheet).await,
            Self::Requests => requests::run(setup, sheet).await,
            Self::Idle => idle::run(setup, sheet).await,
            Self::Feed => feed::run(setup, sheet).await,
            Self::Observe => observe::run(setup, sheet).await,
            Self::LookUp => look_up::run(setup, sheet).await,
            Self::Startup => startup::run(setup, sheet).await,
        }
    }
}
