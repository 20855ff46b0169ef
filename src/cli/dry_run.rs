//! `customer-sync sync --dry-run`.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use indicatif::ProgressBar;

use super::output::{counted, say};
use crate::app::look;
use crate::config::Config;
use crate::sync::dry_run::{self, Example, Forecast};

/// Examples of each kind that are printed.
const EXAMPLES: usize = 10;

pub(super) async fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let context = look(config).await?;
    let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
    let forecast = dry_run::run(&context, EXAMPLES, |done| {
        if let Some(bar) = &bar {
            bar.set_message(format!("{done} customers looked at"));
            bar.tick();
        }
    })
    .await?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    context.store.close().await;
    if json {
        say(serde_json::to_string(&forecast)?)?;
    } else {
        print(&forecast)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(forecast: &Forecast) -> io::Result<()> {
    let total = counted(forecast.total, "customer");
    say(format_args!("ERPNext lists {total}. Nothing was written; a full run and a sweep would:"))?;
    let line = |count: u64, what: &str| if count > 0 { say(format_args!("{count:>9} {what}")) } else { Ok(()) };
    line(forecast.create, "create")?;
    for (key, count) in &forecast.link {
        line(*count, &format!("link to a row that you had before, by {key}"))?;
    }
    line(forecast.update, "update")?;
    line(forecast.unchanged, "leave as they are")?;
    line(forecast.ambiguous, "ask a person about, because several match (customer-sync suggestions)")?;
    line(forecast.missing, "ask a person about, because your row names a customer that ERPNext does not have")?;
    line(forecast.skipped, "leave out: by the filter, or because a person has been asked already")?;
    line(forecast.remove, "mark as deleted")?;
    line(forecast.not_permitted, "not be permitted to read")?;
    line(forecast.failed, "fail to store")?;
    if forecast.examples.is_empty() {
        return Ok(());
    }
    say("Some of them:")?;
    for Example { what, erpnext_id, customer, why } in &forecast.examples {
        let row = customer.map(|id| format!(" (customer {id})")).unwrap_or_default();
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        say(format_args!("{what:>14} {erpnext_id}{row}{why}"))?;
    }
    Ok(())
}
