//! Plain SQL on a test's database, as another application would use it.
//!
//! Invariant: everything comes back as text, so that one assertion serves three databases. Knows nothing of the store.

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection};

use super::Case;
use crate::support::databases::Kind;

impl Case {
    /// Executes statements that give no rows.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// The same for a statement that may fail.
    pub async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.database.kind {
            Kind::Sqlite => SqliteConnection::connect(&self.file()).await?.execute(sql).await.map(drop),
            Kind::Postgres => PgConnection::connect(&self.database.url).await?.execute(sql).await.map(drop),
            Kind::Mariadb => MySqlConnection::connect(&self.database.url).await?.execute(sql).await.map(drop),
        }
    }

    /// The values of some columns (or expressions) as text, in the order that `tail` (`FROM … WHERE … ORDER BY …`) says.
    pub async fn select<const N: usize>(&self, columns: [&str; N], tail: &str) -> Vec<[Option<String>; N]> {
        let text = match self.database.kind {
            Kind::Sqlite | Kind::Postgres => "TEXT",
            Kind::Mariadb => "CHAR CHARACTER SET utf8mb4",
        };
        // PostgreSQL would name the text like its column, and `ORDER BY` would then sort numbers as text.
        let columns = columns
            .iter()
            .enumerate()
            .map(|(index, column)| format!("CAST({column} AS {text}) AS shown_{index}"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!("SELECT {columns} {tail}");
        macro_rules! rows {
            ($connection:ty, $url:expr) => {{
                let mut connection = <$connection>::connect($url).await.unwrap();
                let rows = connection.fetch_all(AssertSqlSafe(sql.clone())).await;
                let rows = rows.unwrap_or_else(|error| panic!("{error}\n{sql}"));
                rows.iter().map(|row| std::array::from_fn(|column| row.get(column))).collect()
            }};
        }
        match self.database.kind {
            Kind::Sqlite => rows!(SqliteConnection, &self.file()),
            Kind::Postgres => rows!(PgConnection, &self.database.url),
            Kind::Mariadb => rows!(MySqlConnection, &self.database.url),
        }
    }

    /// How many rows there are: `FROM … WHERE …`.
    pub async fn count(&self, from: &str) -> i64 {
        let rows = self.select(["COUNT(*)"], from).await;
        rows[0][0].as_deref().and_then(|count| count.parse().ok()).expect("a count is a number")
    }

    fn file(&self) -> String {
        format!("{}?mode=rwc", self.database.url)
    }
}
