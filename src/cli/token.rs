//! `customer-sync token create`, `list`, `revoke`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};

use super::output::say;
use super::{block_on, load};
use crate::app::open_store;
use crate::config::{Config, Inputs};
use crate::domain::audit::Action;
use crate::domain::role::Role;
use crate::store::{ListedToken, Store};
use crate::sync::{audit, tokens};

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
        /// How long it is good, like "90d" or "12h" [default: for ever]
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires: Option<Duration>,
    },
    /// Show all tokens (not the secrets): role, age, last use
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Make a token useless at once
    Revoke {
        /// Its id, as `token list` shows it
        id: i64,
    },
}

/// The roles as the command line takes them.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleArgument {
    /// Reads
    Viewer,
    /// Also syncs, retries and links
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

/// A time to live. Days are of 24 hours.
fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time like 90d, 12h or 30min".to_owned();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?);
    let seconds = match unit {
        "d" => 24 * 3600,
        "h" => 3600,
        "min" => 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_not_a_number| wrong())?;
    let time = number.checked_mul(seconds).map(Duration::from_secs).filter(|time| !time.is_zero());
    time.ok_or_else(wrong)
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
        match self {
            Self::Create { role, name, expires } => {
                if !tokens::is_name(&name) {
                    bail!("the name must be one line of 1 to {} characters, one of them visible", tokens::LONGEST_NAME);
                }
                audit::by_command_line(&store, Action::TokenCreate, None).await?;
                let issued = tokens::issue(&store, &name, role.into(), expires).await?;
                say(issued.plain)?;
                eprintln!("Keep it now: only its hash is stored, it cannot be shown again.");
            }
            Self::List { json } => list(&store, json).await?,
            Self::Revoke { id } => {
                audit::by_command_line(&store, Action::TokenRevoke, Some(id.to_string())).await?;
                if !store.delete_token(id).await? {
                    bail!("there is no token {id}; customer-sync token list shows all");
                }
                eprintln!("The token {id} is refused from now on.");
            }
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    for token in store.tokens().await? {
        if json {
            say(serde_json::to_string(&token)?)?;
        } else {
            say(line(&token))?;
        }
    }
    Ok(())
}

fn line(token: &ListedToken) -> String {
    let used = token.last_used_at.as_deref().map_or_else(|| "never used".to_owned(), |at| format!("used {at}"));
    let end = match (&token.expires_at, token.expired) {
        (None, _) => String::new(),
        (Some(at), false) => format!(", expires {at}"),
        (Some(at), true) => format!(", expired {at}"),
    };
    format!("{:>4}  {:<8}  {}  (made {}, {used}{end})", token.id, token.role, token.name, token.created_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_unit_and_some_length() {
        assert_eq!(lifetime("90d"), Ok(Duration::from_secs(90 * 24 * 3600)));
        assert_eq!(lifetime("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(lifetime("5min"), Ok(Duration::from_secs(300)));
        for wrong in ["", "90", "d", "0d", "-1d", "1 d", "1y", "99999999999999999999d", "999999999999999999d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
