//! `customer-sync runs sweep`, `candidates`, `approve`, `discard`: without a running service, as an operator uses them.

use std::path::Path;
use std::process::Output;

use customer_sync::simulator::{Options, Simulator};
use serde_json::Value;

use crate::support::binary::{run, stderr};

struct Site {
    erpnext: Simulator,
    folder: tempfile::TempDir,
}

impl Site {
    async fn with(customers: usize) -> Self {
        let erpnext = Simulator::start(Options::default()).await.unwrap();
        erpnext.seed_customers(customers);
        Self { erpnext, folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let (key, secret) = self.erpnext.key();
        let url = self.erpnext.url();
        let folder: &Path = self.folder.path();
        let environment = [("ERPNEXT_URL", url.as_str()), ("ERPNEXT_API_KEY", &key), ("ERPNEXT_API_SECRET", &secret)];
        tokio::task::block_in_place(|| run(folder, arguments, &environment))
    }

    /// Runs it with `--json`; its exit code and what it printed.
    fn json(&self, arguments: &[&str]) -> (bool, Value) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let printed = serde_json::from_slice(&output.stdout);
        (output.status.success(), printed.unwrap_or_else(|error| panic!("{error}: {}", stderr(&output))))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_is_started_held_looked_at_and_approved() {
    let site = Site::with(60).await;
    let output = site.run(&["runs", "sweep"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(said.contains("succeeded: 60 names compared"), "{said}");
    assert!(said.contains("0 candidates for removal, 0 removed."), "{said}");

    for name in site.erpnext.names("Customer").iter().take(20) {
        site.erpnext.sql_delete("Customer", name);
    }
    let (ok, run) = site.json(&["runs", "sweep"]);
    assert!(!ok, "held is no success");
    assert_eq!((&run["state"], &run["candidates"]), (&"held".into(), &20.into()), "{run}");
    let id = run["id"].to_string();
    let (_, list) = site.json(&["runs", "candidates", &id]);
    assert_eq!(list.as_array().unwrap().len(), 20);

    let (ok, run) = site.json(&["runs", "approve", &id]);
    assert!(ok, "{run}");
    assert_eq!(run["removed"], 20, "{run}");
    let (ok, run) = site.json(&["runs", "sweep"]);
    assert!(ok, "{run}");
    assert_eq!(run["candidates"], 0, "all of them are removed");
    let again = site.run(&["runs", "approve", &id]);
    assert!(!again.status.success() && stderr(&again).contains("is not held"), "{}", stderr(&again));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_sweep_is_discarded() {
    let site = Site::with(30).await;
    assert!(site.run(&["runs", "sweep"]).status.success());
    for name in site.erpnext.names("Customer") {
        site.erpnext.sql_delete("Customer", &name);
    }
    let (_, run) = site.json(&["runs", "sweep"]);
    assert_eq!(run["state"], "held", "{run}");
    let (ok, run) = site.json(&["runs", "discard", &run["id"].to_string()]);
    assert!(ok);
    assert_eq!(run["state"], "discarded");
    let unknown = site.run(&["runs", "discard", "999"]);
    assert!(!unknown.status.success() && stderr(&unknown).contains("no run 999"), "{}", stderr(&unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_approved_and_came_back_is_kept_and_counted() {
    let site = Site::with(40).await;
    assert!(site.run(&["runs", "sweep"]).status.success());
    let names = site.erpnext.names("Customer");
    let kept = site.erpnext.document("Customer", &names[0]).unwrap();
    for name in names.iter().take(11) {
        site.erpnext.sql_delete("Customer", name);
    }
    let (_, run) = site.json(&["runs", "sweep"]);
    site.erpnext.put("Customer", Value::Object(kept));
    let output = site.run(&["runs", "approve", &run["id"].to_string()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("11 candidates for removal, 10 removed.\nThe others are kept"), "{said} {}", stderr(&output));
    let over = site.run(&["runs", "cancel", &run["id"].to_string()]);
    assert!(stderr(&over).contains(&format!("run {} succeeded: only a running", run["id"])), "{}", stderr(&over));
}
