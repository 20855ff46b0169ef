//! What can go wrong in the store, and what a caller should make of it.
//!
//! Invariant: `Display` is one sentence for the person who runs the service, without passwords and without customers'
//! data; the driver's own words are the source. HTTP statuses are `web`'s business, retry policies `worker`'s.

use sqlx::error::ErrorKind;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, the connection broke, or no connection got free in time.
    #[error("{}", unavailable(what, .source.as_ref()))]
    Unavailable {
        /// What was being done.
        what: &'static str,
        /// The driver's words, if it had any.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// Deadlocks or lock time-outs went on after every repetition.
    #[error("the database is too busy to {what}: other transactions kept the rows locked; it is tried again later")]
    Busy {
        /// What was being done.
        what: &'static str,
        /// The last one.
        #[source]
        source: sqlx::Error,
    },
    /// The database refuses a value or the row breaks a constraint of the table.
    #[error("the database refuses a value while trying to {what}")]
    Refused {
        /// What was being done.
        what: &'static str,
        /// The database's own sentence. May quote the value: not for the log above debug.
        reason: String,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// The database's user lacks a right.
    #[error(
        "the database does not permit its user to {what}: {reason}. Let the user of DATABASE_URL create tables, read and \
         write there (PostgreSQL: GRANT CREATE, USAGE ON SCHEMA …, or set database.schema to a schema that it owns)"
    )]
    Denied {
        /// What was being done.
        what: &'static str,
        /// The database's own sentence.
        reason: String,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// A `customers` table that we did not make.
    #[error(
        "there is already a table `customers` that this service did not create; it lacks the columns {}. \
         Run `customer-sync migrate --adopt` to add them (rows and ids stay as they are), or use another database or schema",
        .missing.join(", ")
    )]
    Foreign {
        /// Columns to be added.
        missing: Vec<String>,
    },
    /// A table of a name that we need, and that we did not make.
    #[error(
        "there is already a table `{table}` that this service did not create: use another database, or another schema \
         (PostgreSQL: the setting database.schema)"
    )]
    Occupied {
        /// Its name.
        table: &'static str,
    },
    /// The table to adopt has ids that are not integers.
    #[error(
        "the table `customers` cannot be adopted: its `id` is of type {kind}, and only integer ids are supported. \
         Use another database or schema, and refer to its `customers.erpnext_id` from your table"
    )]
    TextIds {
        /// The type found.
        kind: String,
    },
    /// The table to adopt demands values that we do not have.
    #[error(
        "the table `customers` cannot be adopted: new rows need a value in {}, which ERPNext does not provide. \
         Give these columns a default or allow null, then run `customer-sync migrate --adopt` again",
        .columns.join(", ")
    )]
    Demanding {
        /// Columns that are NOT NULL without a default.
        columns: Vec<String>,
    },
    /// The database was migrated by a newer version of this service.
    #[error(
        "the database was set up by a newer version of customer-sync (it knows the migration {found}): run that version, \
         or restore the database from before the update"
    )]
    NewerSchema {
        /// The migration that this version does not know.
        found: String,
    },
    /// A migration that was applied is not the one that this version knows by that name.
    #[error(
        "the migration {name} that was applied to the database differs from this version's: is this a modified build?"
    )]
    ChangedMigration {
        /// Its name.
        name: String,
    },
    /// A setting is wrong.
    #[error("{sentence}")]
    Config {
        /// What is wrong and what to write.
        sentence: String,
    },
    /// Our own mistake: a statement that the database does not understand, a value of a type not expected.
    #[error("internal error while trying to {what}: please report it with the log")]
    Bug {
        /// What was being done.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again later; no attempt is burned.
    Retry,
    /// It will fail again: the data or the set-up has to change.
    Permanent,
    /// Our own mistake.
    Bug,
}

impl StoreError {
    /// Metric label.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Busy { .. } => "busy",
            Self::Refused { .. } => "refused",
            Self::Denied { .. } => "denied",
            Self::Foreign { .. } => "foreign",
            Self::Occupied { .. } => "occupied",
            Self::TextIds { .. } => "text_ids",
            Self::Demanding { .. } => "demanding",
            Self::NewerSchema { .. } => "newer_schema",
            Self::ChangedMigration { .. } => "changed_migration",
            Self::Config { .. } => "config",
            Self::Bug { .. } => "bug",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            // A right that somebody took away comes back without the job's doing.
            Self::Unavailable { .. } | Self::Busy { .. } | Self::Denied { .. } => Disposition::Retry,
            Self::Refused { .. }
            | Self::Foreign { .. }
            | Self::Occupied { .. }
            | Self::TextIds { .. }
            | Self::Demanding { .. }
            | Self::NewerSchema { .. }
            | Self::ChangedMigration { .. }
            | Self::Config { .. } => Disposition::Permanent,
            Self::Bug { .. } => Disposition::Bug,
        }
    }

    pub(super) fn timed_out(what: &'static str) -> Self {
        Self::Unavailable { what, source: None }
    }

    pub(super) fn bug(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Bug { what, source: source.into() }
    }

    pub(super) fn of(what: &'static str, source: sqlx::Error) -> Self {
        match class(&source) {
            Class::Lost => Self::Unavailable { what, source: Some(source) },
            Class::Contention => Self::Busy { what, source },
            Class::Taken | Class::Data => Self::Refused { what, reason: said(&source), source },
            Class::Denied => Self::Denied { what, reason: said(&source), source },
            Class::Bug => Self::Bug { what, source: Box::new(source) },
        }
    }
}

/// The database's own sentence.
fn said(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| "a value does not fit".to_owned(), |error| error.message().to_owned())
}

/// A server can be away; an SQLite file has troubles of its own (<https://www.sqlite.org/rescode.html>).
fn unavailable(what: &str, source: Option<&sqlx::Error>) -> String {
    let code = source.and_then(sqlx::Error::as_database_error).filter(|error| is_sqlite(*error));
    let code = code.and_then(|error| error.code()?.parse::<i32>().ok());
    let advice = match code.map(|code| code & 0xff) {
        None => {
            return format!(
                "the database cannot be reached while trying to {what}: check that it runs, and address, name and password \
                 in DATABASE_URL"
            );
        }
        Some(3 | 8) => "it cannot be written: give this process's user the right to write the file and its folder",
        Some(13) => "the disk is full: make room",
        Some(14) => "the file cannot be opened: check its path, and this process's rights on the file and its folder",
        Some(11 | 26) => "the file is damaged or no SQLite database: name another file or restore it",
        Some(_) => "reading or writing the file fails: check the disk",
    };
    format!(
        "the SQLite database cannot be used while trying to {what}: {advice} (DATABASE_URL or DATA_DIR say where it is)"
    )
}

fn is_sqlite(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
}

/// What kind of trouble a driver's error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The connection or the server is gone.
    Lost,
    /// Repeating the whole transaction may well succeed.
    Contention,
    /// A unique key is taken.
    Taken,
    /// A value or constraint.
    Data,
    /// A right is missing.
    Denied,
    /// Our own mistake.
    Bug,
}

impl Class {
    /// Metric label.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "connection_lost",
            Self::Contention => "contention",
            Self::Taken => "key_taken",
            Self::Data => "data",
            Self::Denied => "denied",
            Self::Bug => "bug",
        }
    }
}

/// Sorts a driver's error by the codes that design section 4 lists, and by SQLSTATE classes.
pub(super) fn class(error: &sqlx::Error) -> Class {
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => return Class::Lost,
        _ => return Class::Bug,
    };
    if let Some(mysql) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return of_mariadb(mysql.number());
    }
    let code = database.code().unwrap_or_default();
    if is_sqlite(database.as_ref()) {
        return of_sqlite(code.parse().unwrap_or_default());
    }
    match (database.kind(), code.as_ref()) {
        (_, "40P01" | "40001" | "55P03") => Class::Contention,
        (_, "42501") => Class::Denied,
        (ErrorKind::UniqueViolation, _) => Class::Taken,
        (_, code) if code.starts_with("22") || code.starts_with("23") || code.starts_with("54") => Class::Data,
        // 08 connection, 53 resources, 57P shutdown, 28 password, 3D database, 25P03 idle in transaction, 25006 read-only.
        (_, code)
            if ["08", "53", "57P", "28", "3D", "58"].iter().any(|class| code.starts_with(class))
                || matches!(code, "25P03" | "25006") =>
        {
            Class::Lost
        }
        _ => Class::Bug,
    }
}

/// Result codes of <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
const fn of_sqlite(code: i32) -> Class {
    match code {
        1_555 | 2_067 => Class::Taken,
        _ => match code & 0xff {
            5 | 6 => Class::Contention,
            // Full disk, no permission, cannot open, read only, damaged file: nothing can be made durable.
            3 | 8 | 10 | 11 | 13 | 14 | 26 => Class::Lost,
            18..=20 => Class::Data,
            _ => Class::Bug,
        },
    }
}

/// Error numbers of <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
const fn of_mariadb(number: u16) -> Class {
    match number {
        1_213 | 1_205 | 1_020 => Class::Contention,
        1_062 => Class::Taken,
        1_142 | 1_143 | 1_227 => Class::Denied,
        // Null, out of range, too long, wrong value, foreign key, check, too large packet, wrong JSON.
        1_048 | 1_264 | 1_265 | 1_292 | 1_366 | 1_406 | 1_451 | 1_452 | 1_364 | 1_153 | 1_690 | 4_025 | 4_037
        | 4_038 => Class::Data,
        // Too many connections, no access, shutdown, killed, disk full, read only, gone away.
        1_040 | 1_044 | 1_045 | 1_049 | 1_053 | 1_021 | 1_041 | 1_129 | 1_130 | 1_203 | 1_226 | 1_290 | 1_317
        | 1_792 | 1_927 | 4_031 => Class::Lost,
        _ => Class::Bug,
    }
}
