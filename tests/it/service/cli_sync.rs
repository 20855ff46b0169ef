//! `customer-sync sync` and `runs` with the real binary: what they print, and exit codes that a script can trust.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use customer_sync::simulator::{Options, Permission, SYNC_USER, Simulator};
use serde_json::{Value, json};

use crate::support::app::wait_until;
use crate::support::binary::{command, run, stderr};

/// A stand-in, and a folder with the SQLite database.
pub(super) struct Shell {
    pub(super) erpnext: Simulator,
    pub(super) folder: tempfile::TempDir,
}

impl Shell {
    pub(super) async fn new(customers: usize) -> Self {
        let erpnext = Simulator::start(Options::default()).await.unwrap();
        erpnext.seed_customers(customers);
        Self { erpnext, folder: tempfile::tempdir().unwrap() }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let (key, secret) = self.erpnext.key();
        vec![
            ("ERPNEXT_URL", self.erpnext.url()),
            ("ERPNEXT_API_KEY", key),
            ("ERPNEXT_API_SECRET", secret),
            ("CUSTOMER_SYNC__WORKER__BACKOFF_BASE", "100ms".to_owned()),
        ]
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Output {
        let (folder, environment) = (self.folder.path().to_owned(), self.environment());
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let environment: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
            run(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), &environment)
        })
        .await
        .unwrap()
    }

    /// Runs it; its exit code and standard output.
    pub(super) async fn says(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
        (output.status.code().unwrap(), said.trim().to_owned())
    }

    /// The same with `--json`.
    pub(super) async fn tells(&self, arguments: &[&str]) -> (i32, Value) {
        let (code, said) = self.says(&[arguments, &["--json"]].concat()).await;
        (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_customers_are_synced_and_the_exit_code_tells_how() {
    let shell = Shell::new(120).await;
    let (code, said) = shell.says(&["sync"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("Run 1 succeeded: 120 customers in") && said.contains("120 created"), "{said}");

    let poisoned = shell.erpnext.names("Customer")[5].clone();
    shell.erpnext.faults().poison(&poisoned, 417);
    let (code, run) = shell.tells(&["sync"]).await;
    assert_eq!(
        (code, &run["state"], &run["failed"], &run["unchanged"]),
        (1, &json!("partial"), &json!(1), &json!(119))
    );
    let output = shell.run(&["sync"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 of 120 customers could not be synced"));
    assert!(stderr(&output).contains("of 120 customers"), "progress in lines: {}", stderr(&output));
    shell.erpnext.faults().heal(&poisoned);
    assert_eq!(shell.says(&["sync"]).await.0, 0);

    let (code, runs) = shell.tells(&["runs"]).await;
    let states: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!((code, states), (0, vec!["succeeded", "partial", "partial", "succeeded"]));
    let (_, failed) = shell.tells(&["runs", "list", "--state", "partial", "--limit", "1"]).await;
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["id"]), (1, &json!(3)));
    let (code, shown) = shell.says(&["runs", "show", "1"]).await;
    assert!(code == 0 && shown.contains("Run 1: full, succeeded") && shown.contains("created  120"), "{shown}");
    assert_eq!(shell.says(&["runs", "show", "9"]).await.0, 1);
    let output = shell.run(&["runs", "cancel", "1"]).await;
    assert!(
        output.status.code() == Some(1) && stderr(&output).contains("run 1 succeeded: only"),
        "{}",
        stderr(&output)
    );
    assert_eq!(shell.says(&["runs", "list", "--kind", "half"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_is_synced_by_its_name() {
    let shell = Shell::new(3).await;
    let name = shell.erpnext.create_customer(json!({"customer_name": "Ann & Søn/GmbH"})).unwrap();
    let (code, said) = shell.says(&["sync", &name]).await;
    assert_eq!((code, said.as_str()), (0, "Ann & Søn/GmbH (customer 1): created"));
    let (code, said) = shell.says(&["sync", "ann & søn/gmbh"]).await;
    assert_eq!((code, said.as_str()), (0, "Ann & Søn/GmbH (customer 1): unchanged"), "ERPNext folds case");
    shell.erpnext.set_value("Customer", &name, json!({"tax_id": "T1"})).unwrap();
    let (code, outcome) = shell.tells(&["sync", &name]).await;
    assert_eq!((code, outcome), (0, json!({"customer": 1, "effect": "updated", "error": null})));

    let output = shell.run(&["sync", "Nobody"]).await;
    assert!(output.status.code() == Some(1) && stderr(&output).contains("\"Nobody\""), "{}", stderr(&output));
    shell.erpnext.faults().poison(&name, 417);
    let (code, outcome) = shell.tells(&["sync", &name]).await;
    assert!(code == 1 && outcome["effect"] == "failed" && outcome["error"].is_string(), "{outcome}");
    shell.erpnext.faults().clear();
    shell.erpnext.delete("Customer", &name).unwrap();
    let (code, said) = shell.says(&["sync", &name]).await;
    assert_eq!((code, said.as_str()), (0, "Ann & Søn/GmbH (customer 1): deleted"));
    assert_eq!(shell.says(&["sync", &name]).await.0, 0, "and known to be so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_that_may_not_be_read_is_no_success() {
    let shell = Shell::new(3).await;
    let names = shell.erpnext.names("Customer");
    assert_eq!(shell.says(&["sync", &names[0]]).await.0, 0);
    for (name, row) in [(&names[0], json!(1)), (&names[1], Value::Null)] {
        shell.erpnext.hide_document("Customer", name, true);
        let (code, outcome) = shell.tells(&["sync", name]).await;
        assert_eq!((code, &outcome["effect"], &outcome["customer"]), (1, &json!("not_permitted"), &row), "{outcome}");
        assert!(outcome["error"].as_str().unwrap().contains("User Permissions"), "{outcome}");
    }
    shell.erpnext.set_permission(SYNC_USER, "Address", Some(Permission::NONE));
    let (code, outcome) = shell.tells(&["sync", &names[2]]).await;
    assert_eq!((code, &outcome["effect"]), (1, &json!("created")), "{outcome}");
    assert!(outcome["error"].as_str().unwrap().contains("read permission on Address"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_sync_says_that_it_is_not_lost_and_goes_on() {
    let shell = Shell::new(3_000).await;
    let environment = shell.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut sync = command(shell.folder.path(), &["sync"], &environment);
    let sync = sync.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("it is under way", async || shell.erpnext.requests().total() > 40).await;
    let interrupted = std::process::Command::new("kill").args(["-s", "INT", &sync.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let output = tokio::task::spawn_blocking(move || sync.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("Run 1 is not lost"), "{}", stderr(&output));
    let (code, run) = shell.tells(&["sync"]).await;
    assert_eq!((code, &run["id"], &run["created"]), (0, &json!(1), &json!(3_000)), "{run}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_next_one_says_what_it_waits_for() {
    let shell = Shell::new(3_000).await;
    let environment = shell.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let start = || {
        let mut sync = command(shell.folder.path(), &["sync"], &environment);
        sync.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut killed = start();
    wait_until("it is under way", async || shell.erpnext.requests().total() > 40).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let mut next = start();
    let mut lines = BufReader::new(next.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said = tokio::task::spawn_blocking(move || lines.find(|line| line.contains("within"))).await.unwrap();
    next.kill().unwrap();
    next.wait().unwrap();
    // Which of the two depends on whether it was killed before or after its last page of names.
    let said = said.unwrap();
    let waits = ["gives no sign of life; it is taken over within", "what a killed one held returns within"];
    assert!(waits.iter().any(|wait| said.contains(wait)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_reading_breaks_nothing() {
    let shell = Shell::new(12).await;
    let poisoned = shell.erpnext.names("Customer")[5].clone();
    shell.erpnext.faults().poison(&poisoned, 417);
    let environment = shell.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (arguments, code) in [
        (vec!["sync"], 1),
        (vec!["runs"], 0),
        (vec!["runs", "show", "1"], 0),
        (vec!["jobs"], 0),
        (vec!["jobs", "--json"], 0),
        (vec!["jobs", "show", &poisoned], 0),
        (vec!["schedules"], 0),
        (vec!["suggestions"], 0),
        (vec!["sync", "--dry-run"], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(shell.folder.path(), &arguments, &environment);
        command.stdin(Stdio::null()).stdout(writer);
        let output = tokio::task::spawn_blocking(move || command.stderr(Stdio::piped()).output().unwrap());
        let output = output.await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
    }
    let (_, jobs) = shell.says(&["jobs"]).await;
    assert!(jobs.contains("(1 attempt)"), "dead at its first one: {jobs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_folder_is_told_to_migrate_and_one_customer_is_not_many() {
    let shell = Shell::new(1).await;
    let output = shell.run(&["sync", "--dry-run"]).await;
    assert!(stderr(&output).contains("run customer-sync migrate first"), "{}", stderr(&output));
    assert!(!shell.folder.path().join("data").exists(), "nothing is written");
    assert_eq!(shell.says(&["migrate"]).await.0, 0);
    let (_, said) = shell.says(&["sync", "--dry-run"]).await;
    assert!(said.starts_with("ERPNext lists 1 customer. Nothing"), "{said}");
    let (_, said) = shell.says(&["sync"]).await;
    assert!(said.starts_with("Run 1 succeeded: 1 customer in"), "{said}");
}
