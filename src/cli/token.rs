//! `customer-sync token create`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::output::say;
use super::{block_on, load};
use crate::app::open_store;
use crate::config::Inputs;
use crate::domain::role::Role;
use crate::sync::tokens;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it; it cannot be shown again
    Create {
        /// What its holder may do
        #[arg(long, value_enum)]
        role: RoleArgument,
        /// Who or what holds it
        #[arg(long, default_value = "token")]
        name: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    /// Reads
    Viewer,
    /// Also syncs
    Operator,
    /// Everything
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Viewer => Self::Viewer,
            RoleArgument::Operator => Self::Operator,
            RoleArgument::Admin => Self::Admin,
        }
    }
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let Command::Create { role, name } = self.command;
        let config = load(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, false).await?;
            let token = tokens::create(&store, &name, role.into()).await?;
            say(token)?;
            eprintln!("Keep it now: only its hash is stored, it cannot be shown again.");
            store.close().await;
            Ok(ExitCode::SUCCESS)
        })
    }
}
