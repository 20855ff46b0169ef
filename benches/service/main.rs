//! The benchmark of the whole service: the shipped binary as a process of its own, real databases, a stand-in ERPNext.
//!
//! ```text
//! cargo bench                            everything (about 25 minutes), a table on standard output
//! cargo bench -- ingest full-run         some scenarios
//! cargo bench -- --short --on sqlite     a rough look, for development
//! cargo bench -- --readme                everything, and the table goes into the README
//! ```
//!
//! Invariant: what a figure is compared with runs in the same process order on the same machine minutes apart; only such
//! ratios are judged (`targets`). Load generator and stand-in live in this process, never in the one that is measured.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

#[path = "../../tests/it/support/binary.rs"]
#[expect(dead_code, reason = "tests also kill what they started")]
#[expect(clippy::unwrap_used, clippy::panic, reason = "shared with the tests, where a panic is the way to fail")]
mod binary;
#[path = "../../tests/it/support/databases/mod.rs"]
#[expect(dead_code, unused_imports, reason = "tests also stop, crash and proxy servers")]
#[expect(clippy::expect_used, clippy::panic, reason = "shared with the tests, where a panic is the way to fail")]
mod databases;

mod baseline;
mod hooks;
mod load;
mod machine;
mod process;
mod reader;
mod readme;
mod reasons;
mod report;
mod scenarios;
mod seed_way;
mod service;
mod sheet;
mod sql;
mod table;
mod targets;
mod visitor;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use databases::Kind;
use report::Report;
use scenarios::{Scenario, Setup};
use sheet::Sheet;

/// Measures the service and says which of its targets are reached.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure [default: everything]
    scenarios: Vec<Scenario>,
    /// Only on these databases [default: all three]
    #[arg(long, value_delimiter = ',')]
    on: Vec<On>,
    /// Small and rough, for development
    #[arg(long)]
    short: bool,
    /// Where the figures go as JSON
    #[arg(long, value_name = "FILE", default_value = "target/benchmark.json")]
    json: PathBuf,
    /// Put the report into the README, too
    #[arg(long, conflicts_with_all = ["short", "scenarios", "on"])]
    readme: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the server that others are compared with, at that database (used by the benchmark itself)
    #[arg(long, hide = true, value_name = "DATABASE")]
    baseline: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
    Mariadb,
}

impl From<On> for Kind {
    fn from(on: On) -> Self {
        match on {
            On::Sqlite => Self::Sqlite,
            On::Postgres => Self::Postgres,
            On::Mariadb => Self::Mariadb,
        }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Whoever installed one before has installed the same.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    if let Some(database) = &arguments.baseline {
        return baseline::serve(database);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(arguments))
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
    let kinds = if arguments.on.is_empty() {
        Kind::ALL.to_vec()
    } else {
        arguments.on.iter().copied().map(Kind::from).collect()
    };
    if arguments.readme {
        readme::check()?;
    }
    let setup = Setup { kinds, short: arguments.short };
    let mut sheet = Sheet::default();
    let asked = |scenario: &Scenario| arguments.scenarios.is_empty() || arguments.scenarios.contains(scenario);
    for scenario in Scenario::value_variants().iter().filter(|scenario| asked(scenario)) {
        let began = Instant::now();
        eprintln!("{scenario:?} …");
        scenario.run(&setup, &mut sheet).await.with_context(|| format!("{scenario:?} failed"))?;
        eprintln!("{scenario:?} took {:.0} s", began.elapsed().as_secs_f64());
        // After each one: an hour's figures must not go with a scenario that fails.
        write_json(&arguments.json, &Report::new(&sheet, arguments.short))?;
    }
    let report = Report::new(&sheet, arguments.short).markdown();
    println!("{report}");
    if arguments.readme { readme::replace(&report) } else { Ok(()) }
}

fn write_json(file: &Path, report: &Report<'_>) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, report.json()?).with_context(|| format!("{} cannot be written", file.display()))
}
