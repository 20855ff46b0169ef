//! The service under test: the shipped binary with a stand-in ERPNext and a database, as users run it.
//!
//! Invariant: logging and metrics are on, every setting that a scenario does not name has its default; schedules are off,
//! so that nothing runs that is not measured.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use customer_sync::erpnext::signature::{HEADER, sign};
use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, Store};
use serde_json::Value;

use super::binary::{Serving, run};
use super::databases::{Database, Kind, fresh};
use super::hooks::{self, SECRET};
use super::process;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A stand-in, a database and a folder: what a service needs. Services may be started on it one after the other.
pub struct Site {
    pub erpnext: Simulator,
    pub database: Database,
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

/// A running service.
pub struct Service {
    serving: Serving,
    http: reqwest::Client,
    token: String,
    started: Instant,
}

impl Site {
    /// A stand-in with so many customers, and an empty database of that kind.
    pub async fn new(kind: Kind, customers: usize, options: Options) -> anyhow::Result<Self> {
        let erpnext = Simulator::start(options).await?;
        erpnext.seed_customers(customers);
        Ok(Self { erpnext, database: fresh(kind).await, folder: tempfile::tempdir()?, settings: Vec::new() })
    }

    /// The same stand-in, folder and database, the tables made.
    pub fn migrated(self) -> anyhow::Result<Self> {
        self.run(&["migrate"])?;
        Ok(self)
    }

    /// With a setting of one's own: the variable of the environment and its value.
    pub fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.settings.push((variable, value.to_owned()));
        self
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let (key, secret) = self.erpnext.key();
        let mut environment = vec![
            ("ERPNEXT_URL", self.erpnext.url()),
            ("ERPNEXT_API_KEY", key),
            ("ERPNEXT_API_SECRET", secret),
            ("ERPNEXT_WEBHOOK_SECRET", SECRET.to_owned()),
            ("DATABASE_URL", self.database.url.clone()),
        ];
        environment.extend(self.settings.iter().cloned());
        environment
    }

    /// Runs a command of the binary to its end; what it printed.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let environment = self.environment();
        let output = run(self.folder.path(), arguments, &borrowed(&environment));
        ensure!(output.status.success(), "{arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts the service; returns when it serves.
    pub fn serve(&self) -> anyhow::Result<Service> {
        let token = self.run(&["token", "create", "--role", "admin"])?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let environment = self.environment();
        let started = Instant::now();
        let serving = Serving::start(self.folder.path(), &borrowed(&environment));
        Ok(Service { serving, http, token, started })
    }

    /// The database, for a look past the service.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let options = store::Options { url: self.database.url.clone(), schema: None, max_connections: 2 };
        Ok(Store::connect(&options).await?)
    }
}

fn borrowed<'a>(environment: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Somebody with an admin's token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// A request, not sent yet.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// A request that changes something, not sent yet.
    pub fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }
}

impl Service {
    /// Somebody who may do all.
    pub fn client(&self) -> Client {
        Client { http: self.http.clone(), url: self.serving.url.clone(), token: self.token.clone() }
    }

    /// How long ago its process was started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether `/readyz` says so.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/readyz", self.serving.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Sends a webhook about that customer; returns when it is acknowledged.
    pub async fn webhook(&self, customer: &str) -> anyhow::Result<()> {
        let body = hooks::body(customer);
        let request = self.http.post(format!("{}/webhooks/erpnext", self.serving.url));
        request.header(HEADER, sign(SECRET, body.as_bytes())).body(body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Where it serves.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let address = self.serving.url.strip_prefix("http://").context("it serves HTTP")?;
        Ok(address.parse()?)
    }

    /// CPU time so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.serving.pid())
    }

    /// Most memory so far, in MB.
    pub fn peak_memory(&self) -> anyhow::Result<f64> {
        process::peak_memory(self.serving.pid())
    }

    /// Memory now, in MB.
    pub fn present_memory(&self) -> anyhow::Result<f64> {
        process::present_memory(self.serving.pid())
    }

    /// The part of it that is not the program's file, in MB.
    pub fn own_memory(&self) -> anyhow::Result<f64> {
        process::own_memory(self.serving.pid())
    }

    /// GET as JSON.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.client().get(path).send().await?.error_for_status()?.json().await?)
    }

    /// GET of a text, read until it has so many lines.
    pub async fn download(&self, path: &str, lines: usize) -> anyhow::Result<()> {
        let mut answer = self.client().get(path).send().await?.error_for_status()?;
        let mut read = 0;
        while read < lines {
            let part = answer.chunk().await?.context("the text is shorter")?;
            read += part.iter().filter(|byte| **byte == b'\n').count();
        }
        Ok(())
    }

    /// POST without a body.
    pub async fn post(&self, path: &str) -> anyhow::Result<()> {
        self.client().post(path).header("Prefer", "respond-async").send().await?.error_for_status()?;
        Ok(())
    }

    /// Starts a full run; returns before it ends.
    pub async fn begin_full_run(&self) -> anyhow::Result<()> {
        self.post("/api/customers/sync").await
    }

    /// The newest full run.
    pub async fn newest_full_run(&self) -> anyhow::Result<Value> {
        let mut runs = self.get("/api/runs?kind=full&limit=1").await?;
        runs["data"].as_array_mut().and_then(Vec::pop).context("the run is listed")
    }

    /// Starts a full run and waits for its end; how it ended and how long it took.
    pub async fn full_run(&self) -> anyhow::Result<(Value, Duration)> {
        let started = Instant::now();
        self.begin_full_run().await?;
        loop {
            let run = self.newest_full_run().await?;
            match run["state"].as_str() {
                Some("succeeded") => return Ok((run, started.elapsed())),
                Some("running") if started.elapsed() < PATIENCE => {}
                _ => bail!("the full run did not succeed: {run}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sum of a metric over the labels that contain `with`.
    pub async fn metric(&self, name: &str, with: &str) -> anyhow::Result<f64> {
        let text = self.http.get(format!("{}/metrics", self.serving.url)).send().await?.text().await?;
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(with));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }
}

/// Waits until nothing is left to do in that database (dead jobs aside).
pub async fn worked_off(store: &Store) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if store.next_due_in().await?.is_none() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("the queue is not worked off after {PATIENCE:?}")
}
