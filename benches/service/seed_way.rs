//! The way of the design that this project replaces: for each customer find its row, then insert or update it.
//!
//! Invariant: it gets every advantage (documents already read and mapped, an index on the name, prepared statements);
//! only the shape of its writing is measured.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::sql::Sql;

const CREATE: &str = "CREATE TABLE seed_customers (id INTEGER PRIMARY KEY, erpnext_id VARCHAR(140) NOT NULL UNIQUE,
    name TEXT, email TEXT, phone TEXT, customer_type TEXT, customer_group TEXT, territory TEXT, tax_number TEXT,
    currency TEXT, language TEXT, payment_terms TEXT, website TEXT, notes TEXT)";

/// The fields of ERPNext behind the columns from `name` on.
const FIELDS: [&str; 12] = [
    "customer_name",
    "email_id",
    "mobile_no",
    "customer_type",
    "customer_group",
    "territory",
    "tax_id",
    "default_currency",
    "language",
    "payment_terms",
    "website",
    "customer_details",
];

/// The table of the seed.
pub struct SeedWay {
    sql: Sql,
    rows: Vec<(String, Vec<String>)>,
}

impl SeedWay {
    /// A table of its own in that database, and the documents that shall be its rows.
    pub async fn new(url: &str, documents: &[Map<String, Value>]) -> anyhow::Result<Self> {
        let sql = Sql::open(url).await?;
        let serial = if matches!(sql, Sql::Postgres(_)) { "SERIAL" } else { "INTEGER" };
        let create = CREATE.replacen("INTEGER", serial, 1);
        let create = if matches!(sql, Sql::Mariadb(_)) {
            create.replacen("PRIMARY KEY", "PRIMARY KEY AUTO_INCREMENT", 1)
        } else {
            create
        };
        sql.execute(&create, &[]).await?;
        let text = |document: &Map<String, Value>, field| {
            document.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let rows = documents
            .iter()
            .map(|document| (text(document, "name"), FIELDS.iter().map(|field| text(document, field)).collect()));
        let rows = rows.collect();
        Ok(Self { sql, rows })
    }

    /// One run over all documents; how long it took.
    pub async fn run(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let id = if matches!(self.sql, Sql::Mariadb(_)) { "CAST(id AS CHAR)" } else { "CAST(id AS TEXT)" };
        let find = format!("SELECT {id} FROM seed_customers WHERE erpnext_id = ?");
        for (name, values) in &self.rows {
            let found = self.sql.text(&find, &[name]).await?;
            let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
            values.push(name);
            let statement = match found {
                None => {
                    "INSERT INTO seed_customers (name, email, phone, customer_type, customer_group, territory, tax_number,
                         currency, language, payment_terms, website, notes, erpnext_id)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                }
                Some(_) => {
                    "UPDATE seed_customers SET name = ?, email = ?, phone = ?, customer_type = ?, customer_group = ?,
                         territory = ?, tax_number = ?, currency = ?, language = ?, payment_terms = ?, website = ?,
                         notes = ? WHERE erpnext_id = ?"
                }
            };
            self.sql.execute(statement, &values).await?;
        }
        Ok(started.elapsed())
    }
}
