//! `customer-sync link`, `unlink` and `suggestions`.
//!
//! Invariant: a link is made by a worker from what it reads; this process works, too, until it is made or refused.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::say;
use super::sync::work_off;
use super::{block_on, load_quietly};
use crate::app::{Session, open_store};
use crate::config::Inputs;
use crate::domain::audit::Action;
use crate::domain::customer::CustomerId;
use crate::domain::suggestion::SuggestionState;
use crate::store::{Store, SuggestionRow};
use crate::sync::audit::by_command_line;
use crate::sync::links;

#[derive(Debug, Args)]
pub(super) struct Link {
    /// Id of the row (customers.id)
    id: CustomerId,

    /// ERPNext's name (ID) of the customer
    name: String,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Link {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let session = Session::open(&config).await?;
            by_command_line(&session.context().store, Action::CustomerLink, Some(self.id.to_string())).await?;
            let requested = links::link(session.context(), self.id, &self.name).await?;
            work_off(session, requested, self.json).await
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct Unlink {
    /// Id of the row (customers.id)
    id: CustomerId,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Unlink {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, false).await?;
            by_command_line(&store, Action::CustomerUnlink, Some(self.id.to_string())).await?;
            let name = links::unlink(&store, self.id, None).await?;
            store.close().await;
            if self.json {
                say(json!({"customer": self.id, "effect": "unlinked", "erpnext_id": name}))?;
            } else {
                say(format_args!(
                    "Customer {} is local now. {name} becomes a row of its own when serve or sync runs.",
                    self.id
                ))?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct Suggestions {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the questions that wait for you (the default)
    List {
        /// Which ones
        #[arg(long, value_enum, default_value = "open")]
        state: Which,
    },
    /// Yes: the row and the customer in ERPNext are the same
    Accept {
        /// Id of the suggestion
        id: i64,
    },
    /// No: they are not; the customer gets a row of its own once no question about it is left
    Reject {
        /// Id of the suggestion
        id: i64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Open,
    Accepted,
    Rejected,
    Done,
    All,
}

impl Which {
    const fn state(self) -> Option<SuggestionState> {
        match self {
            Self::Open => Some(SuggestionState::Open),
            Self::Accepted => Some(SuggestionState::Accepted),
            Self::Rejected => Some(SuggestionState::Rejected),
            Self::Done => Some(SuggestionState::Done),
            Self::All => None,
        }
    }
}

/// Suggestions that are read at once.
const PAGE: u32 = 500;

impl Suggestions {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, false).await?;
            let shown = match self.command.unwrap_or(Command::List { state: Which::Open }) {
                Command::List { state } => all(&store, state.state()).await?,
                Command::Accept { id } => {
                    by_command_line(&store, Action::SuggestionAccept, Some(id.to_string())).await?;
                    vec![links::decide(&store, id, true).await?]
                }
                Command::Reject { id } => {
                    by_command_line(&store, Action::SuggestionReject, Some(id.to_string())).await?;
                    vec![links::decide(&store, id, false).await?]
                }
            };
            store.close().await;
            if self.json {
                say(serde_json::to_string_pretty(&shown)?)?;
            } else {
                print(&shown)?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

async fn all(store: &Store, state: Option<SuggestionState>) -> anyhow::Result<Vec<SuggestionRow>> {
    let mut all: Vec<SuggestionRow> = Vec::new();
    loop {
        let page = store.suggestions(state, all.last().map_or(0, |row| row.id), PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn print(suggestions: &[SuggestionRow]) -> io::Result<()> {
    if suggestions.is_empty() {
        return say("There is nothing to decide.");
    }
    say(format_args!(
        "{:>6} {:<9} {:<9} {:<12} {:>9}  YOUR CUSTOMER / IN ERPNEXT",
        "ID", "STATE", "KIND", "MATCHED BY", "CUSTOMER"
    ))?;
    for row in suggestions {
        say(format_args!(
            "{:>6} {:<9} {:<9} {:<12} {:>9}  {} / {}",
            row.id,
            row.state.as_str(),
            row.kind.as_str(),
            row.matched_by,
            row.customer,
            row.customer_name,
            row.name
        ))?;
    }
    Ok(())
}
