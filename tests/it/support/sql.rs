//! Plain SQL on a test's database, for what only a person with a shell could do (let time pass, say).

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection};

use super::databases::{Database, Kind};

/// Executes statements that give no rows.
pub async fn execute(database: &Database, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    let url = &database.url;
    match database.kind {
        Kind::Sqlite => sqlite(url).await.execute(sql).await.map(drop),
        Kind::Postgres => PgConnection::connect(url).await.unwrap().execute(sql).await.map(drop),
        Kind::Mariadb => MySqlConnection::connect(url).await.unwrap().execute(sql).await.map(drop),
    }
    .unwrap();
}

/// How many rows there are: `FROM … WHERE …`.
pub async fn count(database: &Database, from: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) {from}"));
    let url = &database.url;
    match database.kind {
        Kind::Sqlite => sqlite(url).await.fetch_one(sql).await.unwrap().get(0),
        Kind::Postgres => PgConnection::connect(url).await.unwrap().fetch_one(sql).await.unwrap().get(0),
        Kind::Mariadb => MySqlConnection::connect(url).await.unwrap().fetch_one(sql).await.unwrap().get(0),
    }
}

/// One value as text: an expression, and `FROM … WHERE …`.
pub async fn value(database: &Database, expression: &str, from: &str) -> Option<String> {
    let kind = if database.kind == Kind::Mariadb { "CHAR" } else { "TEXT" };
    let sql = AssertSqlSafe(format!("SELECT CAST({expression} AS {kind}) {from}"));
    let url = &database.url;
    match database.kind {
        Kind::Sqlite => sqlite(url).await.fetch_one(sql).await.unwrap().get(0),
        Kind::Postgres => PgConnection::connect(url).await.unwrap().fetch_one(sql).await.unwrap().get(0),
        Kind::Mariadb => MySqlConnection::connect(url).await.unwrap().fetch_one(sql).await.unwrap().get(0),
    }
}

/// Also before the service has made the file.
async fn sqlite(url: &str) -> SqliteConnection {
    SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap()
}
