//! What `doctor` asks the database about itself: its version, whether its settings keep what was committed, when our
//! tables were made, and the last webhook of each kind.
//!
//! Invariant: only reads, each of them bounded whatever the tables hold. What follows from the answers is `doctor`'s
//! business.

use std::path::PathBuf;

use super::db::{Arg, Statement};
use super::migrations::FIRST;
use super::{Dialect, Options, Store, StoreError};

pub(super) static ALL: &[&Statement] = &[&SERVER, &INSTALLED, &LATEST];

/// So many of the newest webhooks are looked at.
const LOOK_BACK: i64 = 10_000;

// SQLite's rows are settings of our own connection, which also `serve` uses.
static SERVER: Statement = Statement::built(|dialect| {
    match dialect {
        Dialect::Sqlite => {
            "SELECT 'version' AS name, sqlite_version() AS value
             UNION ALL SELECT 'synchronous', CAST(synchronous AS TEXT) FROM pragma_synchronous
             UNION ALL SELECT 'journal_mode', journal_mode FROM pragma_journal_mode"
        }
        Dialect::Postgres => {
            "SELECT CASE name WHEN 'server_version' THEN 'version' ELSE name END AS name, setting AS value
             FROM pg_settings WHERE name IN ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes')"
        }
        Dialect::Mariadb => {
            "SELECT LOWER(variable_name) AS name, LOWER(variable_value) AS value
             FROM information_schema.global_variables
             WHERE variable_name IN ('VERSION', 'INNODB_FLUSH_LOG_AT_TRX_COMMIT', 'INNODB_DOUBLEWRITE')"
        }
    }
    .to_owned()
});

static INSTALLED: Statement = Statement::same("SELECT applied_at FROM sync_migrations WHERE name = ?");

// Ids are in the order of time.
static LATEST: Statement = Statement::same(
    "SELECT d.doctype, d.event, d.received_at, d.body, {now} AS now_at FROM sync_deliveries AS d
     JOIN (SELECT MAX(n.id) AS id FROM
            (SELECT id, doctype, event FROM sync_deliveries ORDER BY id DESC LIMIT ?) AS n
           WHERE n.doctype IS NOT NULL AND n.event IS NOT NULL GROUP BY n.doctype, n.event) AS l ON l.id = d.id
     ORDER BY d.doctype, d.event",
);

/// What the database says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// Its version, as it writes it.
    pub version: String,
    /// Settings on which durability depends, by their names there.
    pub settings: Vec<(String, String)>,
}

/// The newest verified webhook of a doctype and event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestDelivery {
    /// As its body gave it.
    pub doctype: String,
    /// As its body gave it.
    pub event: String,
    /// Milliseconds since 1970 UTC, by the database's clock.
    pub received_at: i64,
    /// The present time, by the same clock.
    pub now: i64,
    /// At most 16 KiB.
    pub body: String,
}

impl Options {
    /// The file of an SQLite database; `None` for a server.
    ///
    /// # Errors
    /// [`StoreError::Config`] for a URL that cannot be used.
    pub fn file(&self) -> Result<Option<PathBuf>, StoreError> {
        match Dialect::of_url(&self.url)? {
            Dialect::Sqlite => super::db::sqlite_file(&self.url).map(Some),
            Dialect::Postgres | Dialect::Mariadb => Ok(None),
        }
    }
}

impl Store {
    /// Version and durability settings.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn server(&self) -> Result<Server, StoreError> {
        let what = "read its settings";
        let mut server = Server::default();
        for row in self.read(what, &SERVER, &[]).await? {
            let of = |error| StoreError::of(what, error);
            let (name, value) = (row.text("name").map_err(of)?, row.text("value").map_err(of)?);
            match name.as_str() {
                "version" => server.version = value,
                _ => server.settings.push((name, value)),
            }
        }
        Ok(server)
    }

    /// When our tables were made here, in milliseconds since 1970 UTC: tells this database from any other. `None` while
    /// that is not finished.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn installed_at(&self) -> Result<Option<i64>, StoreError> {
        let what = "look when it was set up";
        let rows = self.read(what, &INSTALLED, &[Arg::Text(FIRST)]).await?;
        let at = rows.first().map(|row| row.maybe_int("applied_at")).transpose();
        Ok(at.map_err(|error| StoreError::of(what, error))?.flatten())
    }

    /// The newest verified webhook of each doctype and event, among the last ten thousand.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn latest_deliveries(&self) -> Result<Vec<LatestDelivery>, StoreError> {
        let what = "look at the last webhooks";
        let rows = self.read(what, &LATEST, &[Arg::Int(LOOK_BACK)]).await?;
        let latest = rows.iter().map(|row| {
            Ok(LatestDelivery {
                doctype: row.text("doctype")?,
                event: row.text("event")?,
                received_at: row.int("received_at")?,
                now: row.int("now_at")?,
                body: row.text("body")?,
            })
        });
        latest.collect::<Result<_, sqlx::Error>>().map_err(|error| StoreError::of(what, error))
    }
}
