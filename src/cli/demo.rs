//! `customer-sync demo`: all of it without an ERPNext, on this machine, in a temporary folder.
//!
//! Invariant: the service is the real one, configured as by a user; only ERPNext is a stand-in.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rand::seq::IndexedRandom as _;
use serde_json::json;

use super::block_on;
use crate::app::App;
use crate::config::environment::temporary_folder;
use crate::config::{Config, Inputs, Override};
use crate::domain::role::Role;
use crate::domain::user::UserName;
use crate::simulator::{Options, Simulator};
use crate::store::Store;
use crate::sync::passwords::Passwords;
use crate::sync::{tokens, users};
use crate::telemetry::logging;

/// Who signs in.
const USER: &str = "demo";

/// How often somebody edits a customer in the stand-in.
const EDIT_EVERY: Duration = Duration::from_secs(2);

/// How often the progress of the first hints is shown.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Customers that the stand-in has at the start
    #[arg(long, default_value_t = 3000)]
    customers: usize,

    /// Address and port of the service
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,

    /// Address and port of the stand-in ERPNext [default: a free port]
    #[arg(long, default_value = "127.0.0.1:0", hide_default_value = true, value_name = "ADDRESS")]
    erpnext: SocketAddr,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(async {
            let folder = Folder::new()?;
            let erpnext = Simulator::start(Options { listen: self.erpnext, ..Options::default() }).await?;
            erpnext.seed_customers(self.customers);
            let secret = format!("{:032x}", rand::random::<u128>());
            let config = config(&erpnext, &secret, &self.listen, folder.path())?;
            logging::init(config.log.level.directives(), config.log.format.json())?;
            let app = App::start(&config, false).await?;
            let service = format!("http://{}", app.address());
            let webhooks = format!("{service}/webhooks/erpnext");
            erpnext.register_webhooks(&webhooks, &secret)?;
            let token = tokens::create(app.store(), "demo", Role::Admin).await?;
            let password = add_user(app.store()).await?;
            introduce(&service, &password, &erpnext.url(), &token, folder.path())?;
            let (tasks, stop) = (app.tasks().clone(), app.tasks().stop());
            let live = live(erpnext.clone(), app.store().clone());
            app.tasks().spawn("demo", async move {
                // An error means that nobody reads any longer what the demo prints, as after `demo | head`.
                if let Some(Err(_closed)) = stop.run_until_cancelled(live).await {
                    tasks.begin_stop();
                }
            });
            let reason = app.run().await;
            erpnext.stop().await;
            Ok(reason.exit_code())
        })
    }
}

/// The temporary folder, removed when the demo ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = temporary_folder().join(format!("customer-sync-demo-{:08x}", rand::random::<u32>()));
        std::fs::create_dir_all(&path).with_context(|| format!("the folder {} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("The folder {} could not be removed: {error}", self.0.display());
        }
    }
}

/// The configuration of a user who knows only the stand-in: nothing of this machine's environment counts.
fn config(erpnext: &Simulator, secret: &str, listen: &str, folder: &Path) -> anyhow::Result<Config> {
    let (key, key_secret) = erpnext.key();
    let settings = [
        ("server.listen", "--listen", listen.to_owned()),
        ("data_dir", "demo", folder.display().to_string()),
        ("erpnext.url", "demo", erpnext.url()),
        ("erpnext.api_key", "demo", key),
        ("erpnext.api_secret", "demo", key_secret),
        ("webhook.secrets", "demo", secret.to_owned()),
        ("log.level", "demo", "warn".to_owned()),
    ];
    let overrides = settings.into_iter().map(|(setting, flag, value)| Override { setting, flag, value }).collect();
    Ok(Config::load(Inputs { overrides, folder: folder.to_owned(), ..Inputs::default() })?)
}

/// Adds the one user of the demo, and gives the password.
async fn add_user(store: &Store) -> anyhow::Result<String> {
    let password = format!("{:012x}", rand::random::<u64>() >> 16);
    users::add(store, &Passwords::default(), &UserName::parse(USER)?, Role::Admin, &password).await?;
    Ok(password)
}

fn introduce(service: &str, password: &str, erpnext: &str, token: &str, folder: &Path) -> io::Result<()> {
    // Whether nobody reads is noticed later, where the demo can end in order.
    super::output::say(format!(
        "Open {service} and sign in as {USER} with the password {password}\n\
         \n\
         A stand-in ERPNext runs at {erpnext}.\n\
         SQLite: {database}\n\
         Token (admin): {token}\n\
         \n\
         Or try, in another terminal:\n\
         \n\
         \x20 curl -s -H 'Authorization: Bearer {token}' '{service}/api/customers?limit=2'\n\
         \x20 curl -s -H 'Authorization: Bearer {token}' -X POST '{service}/api/customers/1/sync?wait=30'\n\
         \x20 curl -s {service}/readyz\n\
         \n\
         Ctrl-C ends it and removes everything.\n",
        database = folder.join("customer-sync.db").display(),
    ))
}

/// Prints a line; where `println!` would panic because nobody reads any longer, it is an error.
fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// A working day at the stand-in: every customer is announced once, then somebody edits one now and then.
async fn live(erpnext: Simulator, store: Store) -> io::Result<()> {
    let names = erpnext.names("Customer");
    erpnext.announce_customers();
    loop {
        let rows = store.customer_count().await.unwrap_or_default();
        say(&format!("{rows} of {} customers are in the table", names.len()))?;
        if rows >= u64::try_from(names.len()).unwrap_or(u64::MAX) {
            break;
        }
        tokio::time::sleep(PROGRESS_EVERY).await;
    }
    if names.is_empty() {
        return say(
            "There is nobody to edit: create customers in the stand-in, or start it with --customers 1 or more.",
        );
    }
    say(&format!("Now one is edited in the stand-in every {} s:", EDIT_EVERY.as_secs()))?;
    loop {
        tokio::time::sleep(EDIT_EVERY).await;
        let Some(name) = names.choose(&mut rand::rng()) else { return Ok(()) };
        let tax_id = format!("TAX-{:06}", rand::random_range(0..1_000_000));
        match erpnext.update("Customer", name, json!({"tax_id": tax_id})) {
            Ok(()) => say(&format!("edited: {name} now has the tax number {tax_id}"))?,
            Err(refusal) => say(&format!("not edited: {refusal:?}"))?,
        }
    }
}
