//! The migrations that this version knows, in order.
//!
//! Invariant: every dialect has the same names. The texts are in `migrations/<dialect>/` at the root of the repository;
//! one that was released is never edited, a change is a new one.

use super::super::Dialect;

/// One step.
#[derive(Debug)]
pub(super) struct Migration {
    /// File name without `.sql`.
    pub(super) name: &'static str,
    /// Its text.
    pub(super) sql: &'static str,
}

/// The migration that adopting replaces.
pub(super) const CUSTOMERS: &str = "0001_customers";

/// Public tables beside `customers`; a foreign one of such a name is never adopted.
pub(super) const LINKED: [&str; 3] = ["customer_addresses", "customer_contacts", "customer_changes"];

/// The table that remembers them; `applied_at` is null while one is under way.
pub(super) const HISTORY: &str = "CREATE TABLE IF NOT EXISTS sync_migrations \
    (name VARCHAR(64) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, applied_at BIGINT)";

macro_rules! migrations {
    ($dialect:literal) => {
        &[
            Migration {
                name: CUSTOMERS,
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0001_customers.sql")),
            },
            Migration {
                name: "0002_linked",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0002_linked.sql")),
            },
            Migration {
                name: "0003_sync",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0003_sync.sql")),
            },
            Migration {
                name: "0004_runs",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0004_runs.sql")),
            },
            Migration {
                name: "0005_observe",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0005_observe.sql")),
            },
            Migration {
                name: "0006_erase",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0006_erase.sql")),
            },
            Migration {
                name: "0007_access",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0007_access.sql")),
            },
            Migration {
                name: "0008_list",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0008_list.sql")),
            },
            Migration {
                name: "0009_actor",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0009_actor.sql")),
            },
            Migration {
                name: "0010_words",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0010_words.sql")),
            },
            Migration {
                name: "0011_references",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0011_references.sql")),
            },
            Migration {
                name: "0012_search_bounds",
                sql: include_str!(concat!("../../../migrations/", $dialect, "/0012_search_bounds.sql")),
            },
        ]
    };
}

/// SQLite's index of words, which may be made anew: its text may run again.
pub(in crate::store) const WORDS: &str = include_str!("../../../migrations/sqlite/0010_words.sql");

/// Those of one dialect.
pub(super) const fn of(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Sqlite => migrations!("sqlite"),
        Dialect::Postgres => migrations!("postgres"),
        Dialect::Mariadb => migrations!("mariadb"),
    }
}
