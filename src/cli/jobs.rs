//! `customer-sync jobs`: what failed and why, and trying or dropping it.
//!
//! Invariant: "everything" is asked for by `--all` and never meant by leaving something out. Works on the database alone,
//! so it helps also while the service is down.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::output::{counted, say};
use super::{block_on, load};
use crate::app::open_store;
use crate::config::Inputs;
use crate::domain::audit::Action as Deed;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey};
use crate::store::{JobFilter, JobRow, Selection, States, Store};
use crate::sync::audit::by_command_line;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List jobs: those that failed, unless --state says otherwise
    List(List),
    /// Show one job with all that is known of it
    Show {
        /// Name of the document in ERPNext
        name: String,
        /// Kind of the document: Customer, Address or Contact
        #[arg(long, default_value = "Customer", value_parser = word::<Doctype>)]
        doctype: Doctype,
        #[command(flatten)]
        output: Output,
    },
    /// Try jobs again at once, with all their attempts
    Retry(Action),
    /// Drop jobs; their documents are read again when something next asks for them
    Discard(Action),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    filter: Filter,

    /// How many to show at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Action {
    /// Names of the documents in ERPNext (customers, unless --doctype says otherwise)
    #[arg(conflicts_with = "all")]
    names: Vec<String>,

    /// All jobs that match the filter; without one, all that failed
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Filter {
    /// Where the jobs stand: failed (which is dead or waiting after a failure), dead, waiting, due, leased or all
    #[arg(long, default_value = "failed", value_parser = word::<States>)]
    state: States,

    /// Only jobs of this kind of document: Customer, Address or Contact
    #[arg(long, value_parser = word::<Doctype>)]
    doctype: Option<Doctype>,

    /// Only jobs with this error label, as the list shows it
    #[arg(long)]
    label: Option<String>,

    /// Only jobs with this text in their name or error
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Only jobs that were asked for by: webhook, person, full, catch_up or sweep
    #[arg(long, value_parser = word::<Cause>)]
    cause: Option<Cause>,
}

#[derive(Debug, Clone, Copy, Args)]
struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The words of the API.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

impl From<Filter> for JobFilter {
    fn from(Filter { state, doctype, label, search, cause }: Filter) -> Self {
        Self { state, doctype, label, text: search, cause }
    }
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, false).await?;
            let done = match self.command.unwrap_or(Command::List(self.list)) {
                Command::List(list) => list.run(&store).await,
                Command::Show { name, doctype, output } => show(&store, DocKey { doctype, name }, output).await,
                Command::Retry(action) => {
                    let (jobs, report) = action.asked()?;
                    by_command_line(&store, Deed::JobsRetry, None).await?;
                    report.print("retried", store.retry_jobs(&jobs).await?)
                }
                Command::Discard(action) => {
                    let (jobs, report) = action.asked()?;
                    by_command_line(&store, Deed::JobsDiscard, None).await?;
                    report.print("discarded", store.discard_jobs(&jobs).await?)
                }
            };
            store.close().await;
            done
        })
    }
}

impl List {
    async fn run(self, store: &Store) -> anyhow::Result<ExitCode> {
        let filter = JobFilter::from(self.filter);
        let jobs = store.jobs(&filter, None, self.limit).await?;
        let total = store.job_count(&filter).await?;
        if self.output.json {
            say(format_args!("{:#}", json!({"data": jobs, "total": total})))?;
            return Ok(ExitCode::SUCCESS);
        }
        for job in &jobs {
            say(line(job))?;
            if let Some(error) = &job.last_error {
                say(format_args!("    {error}"))?;
            }
        }
        let more = total.saturating_sub(u64::try_from(jobs.len()).unwrap_or(u64::MAX));
        match (total, more) {
            (0, _) => say("No job matches.")?,
            (total, 0) => say(format_args!("{}.", counted(total, "job")))?,
            (total, more) => say(format_args!("{}; {more} more are not shown (--limit).", counted(total, "job")))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn show(store: &Store, key: DocKey, output: Output) -> anyhow::Result<ExitCode> {
    let Some(job) = store.job(&key).await? else {
        eprintln!("There is no job for the {} {}: nothing is left to do for it.", key.doctype, key.name);
        return Ok(ExitCode::FAILURE);
    };
    let job = serde_json::to_value(job)?;
    if output.json {
        say(format_args!("{job:#}"))?;
    } else if let Value::Object(fields) = &job {
        for (field, value) in fields.iter().filter(|(_field, value)| !value.is_null()) {
            say(format_args!("{field:<12} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Action {
    /// The jobs that are meant, and what is needed to tell what became of them.
    fn asked(self) -> anyhow::Result<(Selection, Report)> {
        let Self { names, all, filter, output } = self;
        let report = Report { named: names.len(), output };
        let filter = JobFilter::from(filter);
        if all {
            return Ok((Selection::All(filter), report));
        }
        if names.is_empty() {
            bail!("name the documents whose jobs are meant, or say --all for all that match");
        }
        let doctype = filter.doctype.unwrap_or(Doctype::Customer);
        if (JobFilter { doctype: None, ..filter }) != JobFilter::default() {
            bail!("--state, --label, --search and --cause choose among all jobs: they go with --all, not with names");
        }
        Ok((Selection::Keys(names.into_iter().map(|name| DocKey { doctype, name }).collect()), report))
    }
}

struct Report {
    named: usize,
    output: Output,
}

impl Report {
    fn print(self, done: &str, count: u64) -> anyhow::Result<ExitCode> {
        if self.output.json {
            say(format_args!("{:#}", json!({ done: count })))?;
        } else {
            say(format_args!("{} {done}.", counted(count, "job")))?;
        }
        let missed = self.named.saturating_sub(usize::try_from(count)?);
        if missed > 0 {
            eprintln!("{missed} of those named have no job, or a worker is at it.");
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(job: &JobRow) -> String {
    let label = job.error_label.as_deref().unwrap_or_default();
    let next = job.next_at.as_deref().map(|at| format!(", next at {at}")).unwrap_or_default();
    let attempts = counted(job.attempts, "attempt");
    format!("{:<7} {:<8} {}  ({attempts}{next}) {label}", job.state.as_str(), job.key.doctype.as_str(), job.key.name)
}
