//! `customer-sync user add`, `list`, `role`, `passwd`, `sign-out`, `remove`.
//!
//! Invariant: a password is typed unseen or read from standard input; it is never an argument, which others on the machine
//! could see.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::output::{counted, say};
use super::token::RoleArgument;
use super::{block_on, load};
use crate::app::open_store;
use crate::config::{Config, Inputs};
use crate::domain::audit::Action;
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::store::{Store, UserRow};
use crate::sync::audit::by_command_line;
use crate::sync::passwords::Passwords;
use crate::sync::users::{self, UserError};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let somebody sign in; asks for the password, or reads it from standard input
    Add {
        /// The name to sign in with: letters, digits and . _ - + @
        name: String,
        /// What the user may do
        #[arg(long, value_enum)]
        role: RoleArgument,
    },
    /// Show all users: role, last sign-in
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Give a user another role; signs them out
    Role {
        /// The user's name
        name: String,
        /// What the user may do from now on
        #[arg(value_enum)]
        role: RoleArgument,
    },
    /// Give a user another password; signs them out
    Passwd {
        /// The user's name
        name: String,
    },
    /// End all sessions of a user
    SignOut {
        /// The user's name
        name: String,
    },
    /// Remove a user; signs them out
    Remove {
        /// The user's name
        name: String,
    },
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load(Inputs::of_process(path, Vec::new(), false))?;
        block_on(self.command.act(&config))
    }
}

impl Command {
    async fn act(self, config: &Config) -> anyhow::Result<ExitCode> {
        let store = open_store(config, false).await?;
        let passwords = Passwords::default();
        match self {
            Self::Add { name, role } => {
                let name = UserName::parse(&name)?;
                let password = password()?;
                by_command_line(&store, Action::UserAdd, None).await?;
                users::add(&store, &passwords, &name, role.into(), &password).await?;
                eprintln!("{name} can sign in now.");
            }
            Self::List { json } => list(&store, json).await?,
            Self::Role { name, role } => {
                let user = find(&store, &name).await?;
                let role: Role = role.into();
                by_command_line(&store, Action::UserChange, Some(user.id.to_string())).await?;
                users::set_role(&store, user.id, role).await?;
                eprintln!("{} is {} now.", user.name, role.as_str());
            }
            Self::Passwd { name } => {
                let user = find(&store, &name).await?;
                let password = password()?;
                by_command_line(&store, Action::UserChange, Some(user.id.to_string())).await?;
                users::set_password(&store, &passwords, user.id, &password).await?;
                eprintln!("{} has a new password now.", user.name);
            }
            Self::SignOut { name } => {
                let user = find(&store, &name).await?;
                by_command_line(&store, Action::UserSignOut, Some(user.id.to_string())).await?;
                let ended = store.end_sessions(user.id).await?;
                eprintln!("{} of {} ended.", counted(ended, "session"), user.name);
            }
            Self::Remove { name } => {
                let user = find(&store, &name).await?;
                by_command_line(&store, Action::UserRemove, Some(user.id.to_string())).await?;
                users::remove(&store, user.id).await?;
                eprintln!("{} cannot sign in any more.", user.name);
            }
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    for user in store.users().await? {
        if json {
            say(serde_json::to_string(&user)?)?;
        } else {
            let last = user
                .signed_in_at
                .as_deref()
                .map_or_else(|| "never signed in".to_owned(), |at| format!("signed in {at}"));
            say(format!("{:<8}  {}  ({last})", user.role, user.name))?;
        }
    }
    Ok(())
}

async fn find(store: &Store, name: &str) -> anyhow::Result<UserRow> {
    let name = UserName::parse(name)?;
    let user = store.users().await?.into_iter().find(|user| user.name == name.as_str());
    user.ok_or(UserError::Unknown).context("customer-sync user list shows all")
}

/// Typed twice on a terminal, else the first line of standard input.
fn password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("the password cannot be read from standard input")?;
        return Ok(text.lines().next().unwrap_or_default().to_owned());
    }
    let password = rpassword::prompt_password("Password: ").context("the password cannot be read")?;
    if rpassword::prompt_password("Once more: ").context("the password cannot be read")? != password {
        bail!("the two are not the same");
    }
    Ok(password)
}
