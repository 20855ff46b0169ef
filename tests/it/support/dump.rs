//! Where in a whole database a text stands.
//!
//! Invariant: tables and columns come from the database's own catalogue, so a table of a later version is looked at too.

use std::collections::BTreeMap;

use super::databases::{Database, Kind};
use super::sql::value;

/// Every `table.column` that has one of the texts anywhere in a value, with that text. One question per table.
pub async fn places_of(database: &Database, texts: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    for (table, columns) in tables(database).await {
        let asked: Vec<(&String, &str)> =
            columns.iter().flat_map(|column| texts.iter().map(move |text| (column, *text))).collect();
        let found = asked.iter().map(|(column, text)| {
            let shown = match database.kind {
                Kind::Mariadb => format!("CAST(`{column}` AS CHAR)"),
                Kind::Sqlite | Kind::Postgres => format!("CAST(\"{column}\" AS TEXT)"),
            };
            format!("MAX(CASE WHEN {shown} LIKE '%{text}%' THEN 'x' ELSE '-' END)")
        });
        let found: Vec<String> = found.collect();
        let found = match database.kind {
            Kind::Mariadb => format!("CONCAT({})", found.join(", ")),
            Kind::Sqlite | Kind::Postgres => format!("({})", found.join(" || ")),
        };
        // Without a row there is no greatest.
        let found = value(database, &found, &format!("FROM {table}")).await.unwrap_or_default();
        let hits = asked.iter().zip(found.chars()).filter(|(_asked, found)| *found == 'x');
        places.extend(hits.map(|((column, text), _found)| format!("{table}.{column}: {text}")));
    }
    places
}

/// Each table with its columns.
async fn tables(database: &Database) -> BTreeMap<String, Vec<String>> {
    let (list, from) = match database.kind {
        Kind::Sqlite => (
            "group_concat(m.name || '.' || c.name)",
            "FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'",
        ),
        Kind::Postgres => (
            "string_agg(table_name || '.' || column_name, ',')",
            "FROM information_schema.columns WHERE table_schema = current_schema()",
        ),
        Kind::Mariadb => (
            "GROUP_CONCAT(CONCAT(table_name, '.', column_name))",
            "FROM information_schema.columns WHERE table_schema = DATABASE()",
        ),
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in value(database, list, from).await.unwrap().split(',').filter_map(|at| at.split_once('.')) {
        tables.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    tables
}
