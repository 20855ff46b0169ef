//! The database: reachable, set up, ours, writable, and safe against a power cut.
//!
//! Invariant: nothing is made: a file that is not there stays so, tables are only looked at. The one write is the fact of no
//! meaning by which `/readyz` learns whether writing works.

use std::time::Duration;

use super::finding::{Finding, Severity, told};
use crate::app::{META_MAPPING, META_SITE, store_options};
use crate::config::Config;
use crate::domain::mapping::Mapping;
use crate::store::{Dialect, Server, Store, StoreError};
use crate::sync::report::check_write;
use crate::telemetry::clock;

/// The database's clock may differ so much from ours.
const CLOCK_APART: Duration = Duration::from_secs(60);

/// The database, where it can be used as it is, and what is to be said about it.
pub(super) async fn look(config: &Config) -> (Option<Store>, Vec<Finding>) {
    let options = store_options(config);
    match options.file() {
        Ok(Some(file)) if !file.exists() => {
            let what = format!("there is no database yet: {} does not exist", file.display());
            let to_do = "start customer-sync serve, or run customer-sync migrate; if you have one elsewhere, correct \
                         DATABASE_URL or DATA_DIR";
            return (None, vec![Finding::problem("database_missing", what, to_do)]);
        }
        Ok(_) => {}
        Err(error) => return (None, vec![broken(&error)]),
    }
    let store = match Store::connect(&options).await {
        Ok(store) => store,
        Err(error) => return (None, vec![broken(&error)]),
    };
    match store.pending_migrations().await {
        Ok(pending) if pending.is_empty() => {}
        Ok(pending) => {
            let what = format!("the tables are not up to date: {} migrations have not run", pending.len());
            let to_do = "run customer-sync migrate (serve does it when it starts); add --adopt if you have a customers \
                         table already";
            return (None, vec![Finding::problem("not_migrated", what, to_do)]);
        }
        Err(error) => return (None, vec![broken(&error)]),
    }
    match of_migrated(config, &store).await {
        Ok(findings) => (Some(store), findings),
        Err(error) => (None, vec![broken(&error)]),
    }
}

async fn of_migrated(config: &Config, store: &Store) -> Result<Vec<Finding>, StoreError> {
    let server = store.server().await?;
    let dialect = store.dialect();
    let what = format!("{dialect} {} answers, the tables are up to date", server.version);
    let mut findings = vec![Finding::ok("database", what)];
    findings.push(match check_write(store).await {
        Ok(()) | Err(StoreError::Busy { .. }) => Finding::ok("write", "it takes writes"),
        Err(error) => not_writable(&error),
    });
    findings.extend(durability(dialect, &server));
    findings.extend(time(store).await?);
    findings.extend(belonging(config, store).await?);
    Ok(findings)
}

/// An error of the store by its kind.
fn broken(error: &StoreError) -> Finding {
    let code = match error {
        StoreError::Unavailable { .. } | StoreError::Busy { .. } => "database_unreachable",
        StoreError::Denied { .. } => "database_denied",
        StoreError::NewerSchema { .. } => "database_newer",
        StoreError::ChangedMigration { .. } => "database_changed",
        StoreError::Config { .. } => "database_setting",
        StoreError::Foreign { .. }
        | StoreError::Occupied { .. }
        | StoreError::TextIds { .. }
        | StoreError::Demanding { .. } => "database_occupied",
        StoreError::Refused { .. } | StoreError::Bug { .. } => "database_error",
    };
    Finding::of_error(Severity::Problem, code, error)
}

fn not_writable(error: &StoreError) -> Finding {
    let what = format!("it takes no writes, so webhooks cannot be accepted: {}", told(error));
    let to_do = "let the user of DATABASE_URL write there; on a server look for read-only mode (a standby?) and a full \
                 disk, with SQLite at the rights on the file and its folder";
    Finding::problem("database_read_only", what, to_do)
}

/// A 202 is a promise: what was committed must survive a power cut.
fn durability(dialect: Dialect, server: &Server) -> Vec<Finding> {
    let risky: Vec<Finding> = server.settings.iter().filter_map(|(name, value)| risk(name, value)).collect();
    if risky.is_empty() {
        let settings: Vec<String> = server.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        return vec![Finding::ok(
            "durability",
            format!("{dialect} keeps what was committed ({})", settings.join(", ")),
        )];
    }
    risky
}

fn risk(name: &str, value: &str) -> Option<Finding> {
    let (is_safe, to_do) = match name {
        "fsync" | "full_page_writes" => (value == "on", format!("set {name} = on in postgresql.conf")),
        "synchronous_commit" => {
            let to_do =
                "set synchronous_commit = on, at least for this database: ALTER DATABASE … SET synchronous_commit = on";
            (value != "off", to_do.to_owned())
        }
        "innodb_flush_log_at_trx_commit" => (value == "1", format!("set {name} = 1 in the server's configuration")),
        "innodb_doublewrite" => {
            (!matches!(value, "off" | "0"), format!("set {name} = ON in the server's configuration"))
        }
        // 2 is FULL, 3 is EXTRA.
        "synchronous" => (matches!(value, "2" | "3"), "please report this: the program sets it itself".to_owned()),
        _ => (true, String::new()),
    };
    let what = format!("a power cut may lose webhooks that were accepted: {name} is {value}");
    (!is_safe).then(|| Finding::warning("not_durable", what, to_do))
}

/// Leases and schedules go by the database's clock, logs and tombstones of catch-up by ours.
async fn time(store: &Store) -> Result<Option<Finding>, StoreError> {
    let apart = Duration::from_millis(store.now().await?.abs_diff(clock::unix_millis()));
    Ok((apart > CLOCK_APART).then(|| {
        let what = format!("the clocks of the database and of this machine are {} s apart", apart.as_secs());
        Finding::warning("database_clock", what, "let both machines set their clocks by NTP")
    }))
}

/// Whose rows these are: of which site, made by which mapping.
async fn belonging(config: &Config, store: &Store) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let known = store.meta(META_SITE).await?;
    let url = config.erpnext.url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    if let (Some(known), Some(url)) = (known, url)
        && known != url
    {
        findings.push(Finding::problem(
            "another_site",
            format!("the database was filled from {known}, but ERPNEXT_URL is {url}"),
            "correct ERPNEXT_URL or DATABASE_URL; if it is the same site under a new address, start serve once with --new-site",
        ));
    }
    let mapping = Mapping::compile(&config.mapping_config()).ok();
    if let (Some(known), Some(mapping)) = (store.meta(META_MAPPING).await?, mapping)
        && known != mapping.fingerprint()
    {
        findings.push(Finding::warning(
            "another_mapping",
            "the rows were made with another [mapping] than the one configured here",
            "give every process of this database the same [mapping] and start it again; the first one to start makes all rows \
             anew",
        ));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(dialect: Dialect, settings: &[(&str, &str)]) -> Vec<&'static str> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let findings = durability(dialect, &Server { version: "1".to_owned(), settings });
        findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_setting_that_can_lose_a_commit_is_named() {
        let safe = [("fsync", "on"), ("synchronous_commit", "remote_apply"), ("full_page_writes", "on")];
        assert_eq!(codes(Dialect::Postgres, &safe), ["durability"]);
        assert_eq!(codes(Dialect::Postgres, &[("fsync", "off"), ("synchronous_commit", "off")]), ["not_durable"; 2]);
        assert_eq!(codes(Dialect::Mariadb, &[("innodb_flush_log_at_trx_commit", "2")]), ["not_durable"]);
        assert_eq!(codes(Dialect::Mariadb, &[("innodb_flush_log_at_trx_commit", "1")]), ["durability"]);
        assert_eq!(codes(Dialect::Sqlite, &[("synchronous", "1"), ("journal_mode", "wal")]), ["not_durable"]);
    }
}
