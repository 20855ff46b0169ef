//! Which database: the settings, and the [`Dialect`] that the URL names.
//!
//! Invariant: a URL never appears in `Debug`, an error or a log, because it may hold a password; errors name the
//! setting and say what to write. Where settings come from is `config`'s business.

use super::error::StoreError;

/// One of the three databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, a file.
    Sqlite,
    /// PostgreSQL 14 or later.
    Postgres,
    /// MariaDB 10.6 or later.
    Mariadb,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];

    /// Name for logs, metrics and people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mariadb => "MariaDB",
        }
    }

    /// The dialect of a database URL.
    ///
    /// # Errors
    /// [`StoreError::Config`] for any other scheme.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        match url.split(':').next().unwrap_or_default() {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            "mysql" | "mariadb" => Ok(Self::Mariadb),
            _ => Err(StoreError::Config {
                sentence: "the database URL must begin with sqlite:, postgres:// or mariadb://, for example \
                           sqlite://data/customers.db or postgres://user:password@localhost/shop"
                    .to_owned(),
            }),
        }
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How to reach the database.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:path`, `sqlite://path`, `postgres://…`, `postgresql://…`, `mysql://…` or `mariadb://…`.
    pub url: String,
    /// PostgreSQL only: the schema that holds our tables, created by `migrate`; `None` leaves the server's default.
    pub schema: Option<String>,
    /// Most connections to hold; 10 to 16 serve one process well.
    pub max_connections: u32,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Options")
            .field("url", &"redacted")
            .field("schema", &self.schema)
            .field("max_connections", &self.max_connections)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        assert_eq!(Dialect::of_url("sqlite:a.db").expect("known"), Dialect::Sqlite);
        assert_eq!(Dialect::of_url("postgresql://h/d").expect("known"), Dialect::Postgres);
        assert_eq!(Dialect::of_url("mariadb://h/d").expect("known"), Dialect::Mariadb);
        let refused = Dialect::of_url("mssql://user:secret@h/d").expect_err("unknown").to_string();
        assert!(refused.contains("postgres://") && !refused.contains("secret"), "{refused}");
    }

    #[test]
    fn debug_hides_the_url() {
        let options = Options { url: "postgres://u:secret@h/d".to_owned(), schema: None, max_connections: 1 };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
