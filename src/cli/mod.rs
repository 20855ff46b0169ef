//! The command line. Prints and asks; decides nothing.
//!
//! Invariant: whatever is wrong is told on standard error with what to do about it, and the exit code is not zero.

#![expect(clippy::print_stderr, reason = "printing is what this layer is for")]

mod demo;
mod doctor;
mod dry_run;
mod erase;
mod jobs;
mod links;
mod migrate;
mod output;
mod progress;
mod runs;
mod schedules;
mod serve;
mod setup;
mod sweeps;
mod sync;
mod token;
mod user;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Inputs, LogFilter};
use crate::telemetry::logging;

/// Keeps the customers of an ERPNext site in your own SQL database: right now and always right.
///
/// Settings come from customer-sync.toml in the working folder (or --config), then from the environment
/// (CUSTOMER_SYNC__SECTION__KEY, or the short names that the README lists), then from flags.
#[derive(Debug, Parser)]
#[command(name = "customer-sync", version, about, long_about, propagate_version = true)]
struct Cli {
    /// Configuration file [default: customer-sync.toml in the working folder, if there is one]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive webhooks and keep the customers table up to date
    Serve(serve::Arguments),
    /// Show all of it without an ERPNext: starts a stand-in with customers, and the real service beside it
    Demo(demo::Arguments),
    /// Connect an ERPNext: make role, user, key and Webhooks there, and prove that webhooks arrive
    ///
    /// Needs the API key of a user with the role System Manager, for this call only: in ERPNEXT_ADMIN_KEY as KEY:SECRET, or
    /// in a file. Shows first what it would do. Running it again changes nothing but repairs what drifted. Without an
    /// administrator's key it prints what to click, with the templates to paste.
    Setup(setup::Arguments),
    /// Look at everything that sync depends on, and say what is wrong and what to do
    ///
    /// Looks at configuration, database, ERPNext, permissions, webhooks, receiver, queue, schedules and disk, within half a
    /// minute. It changes nothing: ERPNext is only read, and the database gets the write test that /readyz uses. The exit
    /// code is 0 where no problem was found (there may be warnings), else 1. No secret is printed. With an administrator's
    /// key in ERPNEXT_ADMIN_KEY (KEY:SECRET, used for this call only) it looks at the Webhooks in ERPNext, too.
    Doctor(doctor::Arguments),
    /// Sync all customers now, or one, and wait for the end
    ///
    /// Starts a full run, or joins the one that is running, and works on it in this process until it is over, beside
    /// `serve` or without it. The exit code is 0 only if every customer was synced. Ctrl-C stops this process alone: the
    /// run goes on when `sync` or `serve` is started again, or in one that is running.
    Sync(sync::Arguments),
    /// Compare our customers with ERPNext's, value by value, and tell what differs; no customer is written
    ///
    /// What differs is looked at a second time before it is told, so that edits that go on meanwhile are no difference.
    /// The exit code is 0 if all customers are equal, 1 if some differ or cannot be stored, 2 if they could not be compared.
    Verify(verify::Arguments),
    /// Look at full runs, sweeps and catch-ups; start a sweep, decide about a held one, cancel one
    Runs(runs::Arguments),
    /// Create the tables or bring them up to date
    Migrate(migrate::Arguments),
    /// Look at jobs that failed; retry or discard them
    Jobs(jobs::Arguments),
    /// Link a customer that you had before to one in ERPNext
    Link(links::Link),
    /// Take a link away: the customer becomes local again, the one in ERPNext gets a row of its own
    Unlink(links::Unlink),
    /// Decide which of your customers and ERPNext's are the same where that is not clear
    Suggestions(links::Suggestions),
    /// Erase the personal data of one customer for good, and never fill it again
    ///
    /// Empties the row, its addresses, contacts and history, the stored documents and webhooks that name it. The row keeps
    /// its id, and a keyed hash of its name keeps ERPNext from filling it again. ERPNext itself is not changed. There is no
    /// way back. The exit code is 0 also where the customer was erased before.
    Erase(erase::Arguments),
    /// Show or control what runs by itself: catch-up, sweep, full run, pruning, verifying
    Schedules(schedules::Arguments),
    /// Manage the tokens of the API
    Token(token::Arguments),
    /// Manage the people who may sign in
    User(user::Arguments),
}

/// Runs the command of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let config = cli.config;
    let result = match cli.command {
        Command::Serve(arguments) => arguments.run(config),
        Command::Demo(arguments) => arguments.run(),
        Command::Setup(arguments) => arguments.run(config),
        Command::Doctor(arguments) => arguments.run(config),
        Command::Sync(arguments) => arguments.run(config),
        Command::Verify(arguments) => Ok(arguments.run(config)),
        Command::Runs(arguments) => arguments.run(config),
        Command::Migrate(arguments) => arguments.run(config),
        Command::Jobs(arguments) => arguments.run(config),
        Command::Link(arguments) => arguments.run(config),
        Command::Unlink(arguments) => arguments.run(config),
        Command::Suggestions(arguments) => arguments.run(config),
        Command::Erase(arguments) => arguments.run(config),
        Command::Schedules(arguments) => arguments.run(config),
        Command::Token(arguments) => arguments.run(config),
        Command::User(arguments) => arguments.run(config),
    };
    result.unwrap_or_else(|error| {
        eprintln!("customer-sync: {}", told(&error));
        ExitCode::FAILURE
    })
}

/// The error with its causes, each said once: many errors already have their cause's words in their own.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        before if before.contains(&cause) => said,
        before => format!("{before}: {cause}"),
    })
}

/// The configuration of this process; starts the log as it says.
fn load(inputs: Inputs) -> anyhow::Result<Config> {
    let config = Config::load(inputs)?;
    logging::init(config.log.level.directives(), config.log.format.json())?;
    Ok(config)
}

/// The same for a command that shows its progress: unless the user asked for more, only what is wrong is logged.
fn load_quietly(inputs: Inputs) -> anyhow::Result<Config> {
    let config = Config::load(inputs)?;
    let level = if config.log.level == LogFilter::default() { "warn" } else { config.log.level.directives() };
    logging::init(level, config.log.format.json())?;
    Ok(config)
}

/// A runtime for one command.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}
