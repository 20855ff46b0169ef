//! `customer-sync schedules`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};

use super::output::say;
use super::{block_on, load};
use crate::app::open_store;
use crate::config::Inputs;
use crate::domain::audit::Action;
use crate::store::Store;
use crate::sync::audit::by_command_line;
use crate::sync::schedule::{self, Order, Ordered, Shown, Task};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show when each of them ran and when it runs next (the default)
    List,
    /// Keep one from running until it is resumed; what is under way goes on
    Pause {
        /// Which one
        #[arg(value_enum)]
        name: Name,
    },
    /// Let a paused one run again
    Resume {
        /// Which one
        #[arg(value_enum)]
        name: Name,
    },
    /// Run one now, also one that is off; a running `serve` does it within a second
    Run {
        /// Which one
        #[arg(value_enum)]
        name: Name,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Asks ERPNext what changed since the last time
    #[value(name = "catch_up", alias = "catch-up")]
    CatchUp,
    /// Compares all names with ERPNext's
    Sweep,
    /// Reads every customer anew
    Full,
    /// Forgets old history
    Prune,
}

impl From<Name> for Task {
    fn from(name: Name) -> Self {
        match name {
            Name::CatchUp => Self::CatchUp,
            Name::Sweep => Self::Sweep,
            Name::Full => Self::Full,
            Name::Prune => Self::Prune,
        }
    }
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, false).await?;
            let shown = carry_out(&store, self.command.unwrap_or(Command::List)).await?;
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

async fn carry_out(store: &Store, command: Command) -> anyhow::Result<Vec<Shown>> {
    let (name, order, action) = match command {
        Command::List => return Ok(schedule::list(store).await?),
        Command::Pause { name } => (name, Order::Pause, Action::SchedulePause),
        Command::Resume { name } => (name, Order::Resume, Action::ScheduleResume),
        Command::Run { name } => (name, Order::Run, Action::ScheduleRun),
    };
    let task = Task::from(name);
    by_command_line(store, action, Some(task.as_str().to_owned())).await?;
    match schedule::order(store, task, order).await? {
        Ordered::Done(shown) => Ok(vec![shown]),
        Ordered::Paused => bail!("{0} is paused; resume it first: customer-sync schedules resume {0}", task.as_str()),
        Ordered::Unknown => bail!("nothing has been scheduled in this database yet; start `customer-sync serve` once"),
    }
}

fn print(schedules: &[Shown]) -> io::Result<()> {
    if schedules.is_empty() {
        return say("Nothing has been scheduled in this database yet; start `customer-sync serve` once.");
    }
    let never = || "-".to_owned();
    say(format_args!("{:<9} {:<24} {:<8} {:<24} {:<24} LAST RESULT", "NAME", "SCHEDULE", "STATE", "NEXT", "LAST"))?;
    for schedule in schedules {
        say(format_args!(
            "{:<9} {:<24} {:<8} {:<24} {:<24} {}",
            schedule.name,
            schedule.schedule,
            schedule.state,
            schedule.next_at.clone().unwrap_or_else(never),
            schedule.last_started_at.clone().unwrap_or_else(never),
            schedule.last_result.clone().unwrap_or_else(never),
        ))?;
    }
    Ok(())
}
