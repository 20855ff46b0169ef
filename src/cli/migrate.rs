//! `customer-sync migrate`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::say;
use super::{block_on, load};
use crate::app::open_store;
use crate::config::Inputs;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Take over a customers table that is already there: adds what it lacks, keeps its rows and ids
    #[arg(long)]
    adopt: bool,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let config = load(Inputs::of_process(path, Vec::new(), false))?;
        block_on(async {
            let store = open_store(&config, self.adopt).await?;
            say(format_args!("The tables in {} are up to date.", store.dialect().as_str()))?;
            store.close().await;
            Ok(ExitCode::SUCCESS)
        })
    }
}
