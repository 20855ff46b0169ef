//! `customer-sync serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{block_on, load};
use crate::app::App;
use crate::config::{Inputs, Override};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Address and port to serve on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// The database may go on with another ERPNext site than the one that filled it
    #[arg(long)]
    new_site: bool,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let listen = self.listen.map(|value| Override { setting: "server.listen", flag: "--listen", value });
        let config = load(Inputs::of_process(path, listen.into_iter().collect(), true))?;
        block_on(async {
            let app = App::start(&config, self.new_site).await?;
            Ok(app.run().await.exit_code())
        })
    }
}
