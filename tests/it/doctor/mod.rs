//! `customer-sync doctor`, the real binary: each way to misconfigure ERPNext, the network or the service is named.
//!
//! Invariant: a test breaks one thing of a healthy installation and asks for the finding of that code; the healthy one has
//! neither problems nor warnings, so that every finding is the breakage's.

mod configuration;
mod database;
mod erpnext;
mod permissions;
mod queue;
mod service;
mod webhooks;

use std::path::Path;

use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, Store};
use serde_json::Value;

use crate::support::app::SECRET;
use crate::support::binary::{run, stderr};

/// An installation that can be broken: a folder with an SQLite database, a stand-in, settings.
struct Patient {
    erpnext: Simulator,
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Patient {
    /// Configured and never started.
    async fn new() -> Self {
        let erpnext = Simulator::start(Options { retry_scale: 0.01, ..Options::default() }).await.unwrap();
        erpnext.seed_customers(5);
        let (key, secret) = erpnext.key();
        let settings = vec![
            ("ERPNEXT_URL", erpnext.url()),
            ("ERPNEXT_API_KEY", key),
            ("ERPNEXT_API_SECRET", secret),
            ("ERPNEXT_WEBHOOK_SECRET", SECRET.to_owned()),
            ("LISTEN", format!("127.0.0.1:{}", closed_port())),
            ("CUSTOMER_SYNC__SCHEDULE__CATCH_UP", "30s".to_owned()),
            ("CUSTOMER_SYNC__SCHEDULE__SWEEP", "1h".to_owned()),
            ("CUSTOMER_SYNC__SCHEDULE__FULL", "0 3 * * *".to_owned()),
            ("CUSTOMER_SYNC__SCHEDULE__VERIFY", "6h".to_owned()),
        ];
        Self { erpnext, folder: tempfile::tempdir().unwrap(), settings }
    }

    /// The same with every customer in its table.
    async fn synced() -> Self {
        let patient = Self::new().await;
        assert_eq!(patient.runs(&["sync"]).await.0, 0);
        patient
    }

    /// Sets a variable, or takes it away where the value is empty.
    fn set(&mut self, variable: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != variable);
        self.settings.push((variable, value.to_owned()));
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Runs a command; exit code, and standard output and error together.
    async fn runs(&self, arguments: &[&str]) -> (i32, String) {
        let (folder, settings) = (self.folder().to_owned(), self.settings.clone());
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let output = tokio::task::spawn_blocking(move || {
            let environment: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            run(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), &environment)
        });
        let output = output.await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
        assert!(!said.contains("panicked"), "{said}");
        (output.status.code().unwrap(), said)
    }

    async fn examined(&self, flags: &[&str]) -> Findings {
        let (code, said) = self.runs(&[&["doctor", "--json"], flags].concat()).await;
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let parts = report["parts"].as_array().unwrap().iter();
        let all: Vec<Value> = parts.flat_map(|part| part["findings"].as_array().unwrap().clone()).collect();
        let problems = all.iter().filter(|finding| finding["severity"] == "problem").count();
        assert_eq!(report["problems"], problems);
        assert_eq!((code, &report["healthy"]), (i32::from(problems > 0), &Value::Bool(problems == 0)), "{said}");
        Findings(all)
    }

    /// Examines it and asks for a finding of that severity and code whose texts have these words.
    async fn has(&self, severity: &str, code: &str, words: &[&str]) {
        self.examined(&[]).await.has(severity, code, words);
    }

    /// Its database; close it before the next command.
    async fn store(&self) -> Store {
        let url = format!("sqlite://{}", self.folder().join("data/customer-sync.db").display());
        Store::connect(&store::Options { url, schema: None, max_connections: 2 }).await.unwrap()
    }

    /// Executes a statement on its database.
    async fn sql(&self, sql: &str) {
        use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
        let url = format!("sqlite://{}", self.folder().join("data/customer-sync.db").display());
        let mut database = SqliteConnection::connect(&url).await.unwrap();
        database.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        database.close().await.unwrap();
    }
}

/// What doctor found.
struct Findings(Vec<Value>);

impl Findings {
    fn of_code(&self, code: &str) -> Vec<&Value> {
        self.0.iter().filter(|finding| finding["code"] == code).collect()
    }

    fn has(&self, severity: &str, code: &str, words: &[&str]) {
        let found = self.of_code(code);
        let fits = |finding: &&&Value| {
            let text = format!("{} {}", finding["what"], finding["what_to_do"]);
            finding["severity"] == severity && words.iter().all(|word| text.contains(word))
        };
        assert!(found.iter().any(|finding| fits(&finding)), "no {severity} {code} with {words:?} in {:#?}", self.0);
        let advised = |finding: &&Value| finding["what_to_do"].as_str().is_some_and(|to_do| !to_do.is_empty());
        assert!(severity == "ok" || code == "skipped" || found.iter().all(advised), "no advice: {found:#?}");
    }

    /// Everything that is wrong.
    fn wrong(&self) -> Vec<&Value> {
        let wrong = |finding: &&Value| finding["severity"] == "problem" || finding["severity"] == "warning";
        self.0.iter().filter(wrong).collect()
    }
}

/// A port at which nobody listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
