//! `customer-sync erase`.
//!
//! Invariant: whoever is about to be erased is shown before, and where nobody can be asked only `--yes` goes on.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::output::{ask, remark, say};
use super::{block_on, load_quietly};
use crate::app::open_store;
use crate::config::Inputs;
use crate::domain::audit::Action;
use crate::domain::customer::CustomerId;
use crate::store::{CustomerRow, Store};
use crate::sync::audit::by_command_line;
use crate::sync::erase;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Id of the row (customers.id), or ERPNext's name (ID) of the customer
    customer: String,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load_quietly(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, false).await?;
            let id = erase::find(&store, &self.customer).await?;
            if !self.yes && !agreed(&store, id).await? {
                remark("Nothing was changed.");
                return Ok(ExitCode::FAILURE);
            }
            by_command_line(&store, Action::CustomerErase, Some(id.to_string())).await?;
            let outcome = erase::erase(&store, id).await?;
            store.close().await;
            if self.json {
                say(serde_json::to_string(&outcome)?)?;
            } else if outcome.effect == "erased" {
                say(format_args!("Customer {id} is erased. What ERPNext has of it is still there."))?;
            } else {
                say(format_args!("Customer {id} was erased before; nothing was changed."))?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Shows who is meant and asks; one that is erased already needs no answer.
async fn agreed(store: &Store, id: CustomerId) -> anyhow::Result<bool> {
    let Some(CustomerRow { customer, erased_at, .. }) = store.customer(id).await?.map(|detail| detail.row) else {
        return Ok(true);
    };
    if erased_at.is_some() {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("nothing was changed: nobody can be asked here, so add --yes to erase customer {id}");
    }
    let name = customer.erpnext_id.map_or_else(String::new, |name| format!(", in ERPNext {name}"));
    remark(format_args!("Customer {id} is {}{name}.", customer.name));
    remark("Its values, addresses, contacts and history are erased for good, and ERPNext never fills them again.");
    Ok(ask("Erase it?")?)
}
