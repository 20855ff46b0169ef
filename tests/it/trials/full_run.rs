//! A full run of 200,000 customers: `kill -9`, nothing changed, a cancel, ERPNext away, a rate limit, memory.

use std::path::Path;
use std::time::{Duration, Instant};

use customer_sync::domain::mapping::{Mapping, MappingConfig};
use customer_sync::simulator::{Maintenance, Options, RateLimit, Simulator};
use customer_sync::store::{self, Store};
use serde_json::Value;

use crate::support::app::client;
use crate::support::binary::{Serving, run};
use crate::support::databases::{Database, Kind, fresh};
use crate::support::sql;
use crate::support::truth::{documents, page_by_id};

const MANY: usize = 200_000;
const FEW: usize = 20_000;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(1_200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: tests/trials"]
async fn survives_on_sqlite() {
    survives(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: tests/trials"]
async fn survives_on_postgresql() {
    survives(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: tests/trials"]
async fn survives_on_mariadb() {
    survives(Kind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: tests/trials"]
async fn memory_does_not_grow_with_the_number_of_customers() {
    for kind in Kind::ALL {
        let mut peaks = Vec::new();
        for customers in [FEW, MANY] {
            let trial = Trial::new(kind, customers).await;
            let service = trial.serve();
            let started = Instant::now();
            let run = service.ended("full").await;
            assert_eq!(run["state"], "succeeded", "{run}");
            let peak = service.peak_memory();
            println!("{}: {customers} customers in {:.1?}, peak {peak} KiB", kind.as_str(), started.elapsed());
            peaks.push(peak);
        }
        assert!(peaks[1] * 5 < peaks[0] * 6, "{}: {peaks:?} KiB", kind.as_str());
    }
}

async fn survives(kind: Kind) {
    let trial = Trial::new(kind, MANY).await;
    let all = i64::try_from(MANY).unwrap();
    let told = |what: &str, started: Instant| println!("{}: {what} in {:.1?}", kind.as_str(), started.elapsed());

    // The first run starts by itself; it is killed in the middle.
    let started = Instant::now();
    let service = trial.serve();
    service.progressed(all / 3).await;
    service.serving.kill();
    let service = trial.serve();
    let run = service.ended("full").await;
    told("first run, killed and resumed,", started);
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(counted(&run), [all, all, 0, 0], "{run}");
    trial.is_right().await;

    let before = trial.public_tables().await;
    let started = Instant::now();
    let answer = service.post("/api/customers/sync", "").await;
    told("second run", started);
    assert_eq!((&answer["success"], &answer["data"]["processed"]), (&true.into(), &all.into()), "{answer}");
    assert_eq!((&answer["data"]["created"], &answer["data"]["updated"]), (&0.into(), &0.into()), "{answer}");
    assert_eq!(trial.public_tables().await, before, "nothing was written");

    service.post("/api/customers/sync", "respond-async").await;
    service.progressed(all / 10).await;
    let run = service.active().await.unwrap();
    service.post(&format!("/api/runs/{}/cancel", run["id"]), "").await;
    let cancelled = service.ended("full").await;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    service.idle().await;
    told("a cancelled run", started);

    let started = Instant::now();
    service.post("/api/customers/sync", "respond-async").await;
    service.progressed(all / 10).await;
    trial.erpnext.faults().maintenance(Maintenance::Closed);
    let away = Instant::now();
    service
        .until("the pause is told", async || service.active().await.is_some_and(|run| run["paused"].is_string()))
        .await;
    tokio::time::sleep(Duration::from_secs(60).saturating_sub(away.elapsed())).await;
    trial.erpnext.faults().maintenance(Maintenance::Off);
    let run = service.ended("full").await;
    told("a run with ERPNext away for a minute", started);
    assert_eq!((&run["state"], counted(&run)), (&"succeeded".into(), [all, 0, 0, 0]), "{run}");

    let started = Instant::now();
    let limit = RateLimit { budget: Duration::from_secs(8), window: Duration::from_secs(10) };
    trial.erpnext.set_rate_limit(Some(limit));
    service.post("/api/customers/sync", "respond-async").await;
    let run = service.ended("full").await;
    told("a run under a rate limit", started);
    assert_eq!((&run["state"], counted(&run)), (&"succeeded".into(), [all, 0, 0, 0]), "{run}");
    trial.is_right().await;
    println!("{}: peak {} KiB", kind.as_str(), service.peak_memory());
}

/// Processed, created, updated and failed jobs of a run; all of them were listed.
fn counted(run: &Value) -> [i64; 4] {
    assert_eq!(run["total"], run["processed"], "{run}");
    ["processed", "created", "updated", "failed"].map(|word| run[word].as_i64().unwrap())
}

/// A stand-in with customers, a database, and a folder for the service.
struct Trial {
    erpnext: Simulator,
    database: Database,
    folder: tempfile::TempDir,
}

/// The running service.
struct Service {
    serving: Serving,
    http: reqwest::Client,
    token: String,
}

impl Trial {
    async fn new(kind: Kind, customers: usize) -> Self {
        let erpnext = Simulator::start(Options::default()).await.unwrap();
        erpnext.seed_customers(customers);
        Self { erpnext, database: fresh(kind).await, folder: tempfile::tempdir().unwrap() }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let (key, secret) = self.erpnext.key();
        vec![
            ("ERPNEXT_URL", self.erpnext.url()),
            ("ERPNEXT_API_KEY", key),
            ("ERPNEXT_API_SECRET", secret),
            ("ERPNEXT_WEBHOOK_SECRET", "secret".to_owned()),
            ("DATABASE_URL", self.database.url.clone()),
            ("CUSTOMER_SYNC__ERPNEXT__READ_TIMEOUT", "10s".to_owned()),
            ("CUSTOMER_SYNC__WORKER__LEASE", "30s".to_owned()),
            ("CUSTOMER_SYNC__SYNC__WAIT_MAX", "20min".to_owned()),
            ("CUSTOMER_SYNC__SCHEDULE__CATCH_UP", "off".to_owned()),
            ("CUSTOMER_SYNC__SCHEDULE__SWEEP", "off".to_owned()),
            ("CUSTOMER_SYNC__SCHEDULE__FULL", "0 3 * * *".to_owned()),
        ]
    }

    fn serve(&self) -> Service {
        let environment = self.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let serving = Serving::start(self.folder.path(), &environment);
        let token = token(self.folder.path(), &environment);
        Service { serving, http: client(), token }
    }

    async fn store(&self) -> Store {
        let options = store::Options { url: self.database.url.clone(), schema: None, max_connections: 2 };
        Store::connect(&options).await.unwrap()
    }

    /// What would change if anything were written to the public tables: rows, their newest times, and the history.
    async fn public_tables(&self) -> Vec<(i64, Option<String>, Option<String>)> {
        let tables = [
            ("customers", "MAX(id)", "MAX(updated_at)"),
            ("customer_addresses", "MAX(id)", "MAX(updated_at)"),
            ("customer_contacts", "MAX(id)", "MAX(updated_at)"),
            ("customer_changes", "MAX(seq)", "MAX(changed_at)"),
        ];
        let mut tables_now = Vec::new();
        for (table, last, newest) in tables {
            let from = format!("FROM {table}");
            let rows = sql::count(&self.database, &from).await;
            let (last, newest) =
                (sql::value(&self.database, last, &from).await, sql::value(&self.database, newest, &from).await);
            tables_now.push((rows, last, newest));
        }
        tables_now
    }

    /// Every row is what its document says.
    async fn is_right(&self) {
        let mapping = Mapping::compile(&MappingConfig::default()).unwrap();
        let mut documents = documents(&self.erpnext);
        let store = self.store().await;
        let mut after = None;
        loop {
            let page = page_by_id(&store, after, 5_000).await;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for row in &page {
                let document = documents.remove(row.customer.erpnext_id.as_deref().unwrap()).unwrap();
                assert_eq!(row.customer, mapping.map(&document).unwrap().record.customer);
            }
        }
        store.close().await;
        assert!(documents.is_empty(), "{} are missing", documents.len());
    }
}

fn token(folder: &Path, environment: &[(&str, &str)]) -> String {
    let made = run(folder, &["token", "create", "--role", "admin"], environment);
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

impl Service {
    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.serving.url);
        self.http.get(url).bearer_auth(&self.token).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, prefer: &str) -> Value {
        let request = self.http.post(format!("{}{path}", self.serving.url)).bearer_auth(&self.token);
        let answer = request.header("Prefer", prefer).timeout(PATIENCE).send().await.unwrap();
        answer.json().await.unwrap_or_default()
    }

    /// The newest run of that kind.
    async fn newest(&self, kind: &str) -> Option<Value> {
        let mut runs = self.get(&format!("/api/runs?kind={kind}&limit=1")).await;
        runs["data"].as_array_mut()?.pop()
    }

    async fn active(&self) -> Option<Value> {
        self.newest("full").await.filter(|run| run["state"] == "running")
    }

    /// Waits until so many customers of the running full run are done.
    async fn progressed(&self, processed: i64) {
        self.until("the run goes on", async || {
            self.active().await.is_some_and(|run| run["processed"].as_i64().unwrap() >= processed)
        })
        .await;
    }

    /// Waits for the end of the newest run of that kind.
    async fn ended(&self, kind: &str) -> Value {
        self.until("the run ends", async || self.newest(kind).await.is_some_and(|run| run["state"] != "running")).await;
        self.newest(kind).await.unwrap()
    }

    /// Waits until the queue is empty.
    async fn idle(&self) {
        self.until("the queue is empty", async || {
            let jobs = self.get("/api/jobs?state=due&limit=1").await;
            jobs["data"].as_array().is_some_and(Vec::is_empty)
        })
        .await;
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The most memory that the process has had, in KiB.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.serving.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }
}
