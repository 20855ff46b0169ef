//! Schemathesis (<https://schemathesis.readthedocs.io>) tries the whole API as each role: no failure of the server, no answer
//! that the document does not have.
//!
//! Invariant: it works on a service of its own, where things happen meanwhile, with the checks, tries and seed of
//! `tests/schemathesis/schemathesis.toml`. It must not take away its own access: what it comes in by has an id that nobody
//! guesses. `trials::openapi` does the same for longer.

use std::process::Stdio;
use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

use crate::service::Connected;
use crate::service::access::{self, Browser, PASSWORD};
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::sql::execute;

/// What no generated number is.
const HIDDEN_ID: i64 = 4_611_686_018_427_000_000;

/// A service with something of everything: customers, a local one, failed jobs, a held sweep, a suggestion, users, tokens.
async fn world(kind: Kind) -> Connected {
    let settings = [("access.sign_ins_per_minute", "600"), ("sync.wait_max", "5s"), ("erpnext.timeout", "5s")];
    let connected = Connected::configured(kind, &settings).await;
    let Connected { app, erpnext, database } = &connected;
    let post = async |path: &str, body: serde_json::Value| {
        let response = app.admin(Method::POST, path).await.json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
    };
    erpnext.seed_customers(60);
    for name in ["Broken/1", "Broken 2"] {
        erpnext.import("Customer", json!({"customer_name": name})).unwrap();
        erpnext.faults().poison(name, 417);
    }
    post("/api/runs", json!({"kind": "full"})).await;
    app.settled().await;
    wait_until("the runs have ended", async || app.get("/api/runs?state=running").await["data"] == json!([])).await;
    for name in erpnext.names("Customer").iter().take(20) {
        erpnext.sql_delete("Customer", name);
    }
    post("/api/runs", json!({"kind": "sweep"})).await;
    wait_until("the runs have ended", async || app.get("/api/runs?state=running").await["data"] == json!([])).await;
    execute(database, "INSERT INTO customers (name, email) VALUES ('Local Ltd', 'a@local.example')").await;
    for (name, role) in [("anna", "viewer"), ("berta", "operator"), ("carla", "admin")] {
        post("/api/users", json!({"name": name, "role": role, "password": "correct horse battery"})).await;
    }
    connected
}

/// Runs it with these headers; more arguments go to `schemathesis run`.
async fn run(connected: &Connected, headers: &[(&str, &str)], more: &[&str]) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis");
    let url = &connected.app.url;
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("openapi.json");
    std::fs::write(&document, customer_sync::web::openapi().to_string()).unwrap();
    let program = std::env::var_os("SCHEMATHESIS").unwrap_or_else(|| "schemathesis".into());
    let mut command = Command::new(program);
    command.args(["--config-file", &format!("{root}/schemathesis.toml"), "run"]).arg(&document);
    command.args(["--url", url, "--no-color"]).args(more);
    for (name, value) in headers {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    command.env("NO_PROXY", "*").current_dir(&folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::select! {
        output = command.output() => output,
        () = meanwhile(connected) => unreachable!("it goes on"),
    };
    let output = output.unwrap_or_else(|error| {
        panic!("Schemathesis cannot be started ({error}): tests/run installs it, with {root}/requirements.txt")
    });
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}

/// Somebody works in ERPNext all the time, so that who waits for a change gets one.
async fn meanwhile(connected: &Connected) {
    let mut turn = tokio::time::interval(Duration::from_millis(500));
    for count in 0.. {
        turn.tick().await;
        let names = connected.erpnext.names("Customer");
        if let Some(name) = names.last() {
            let _gone_meanwhile =
                connected.erpnext.update("Customer", name, json!({"customer_details": count.to_string()}));
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub enum As {
    Nobody,
    Token(Role),
    /// A browser of an admin.
    SignedIn,
}

impl As {
    pub const ALL: [Self; 5] = [
        Self::Nobody,
        Self::Token(Role::Viewer),
        Self::Token(Role::Operator),
        Self::Token(Role::Admin),
        Self::SignedIn,
    ];

    /// Tries the whole API on that database; more arguments go to `schemathesis run`.
    pub async fn finds_only_documented_answers(self, kind: Kind, more: &[&str]) {
        let connected = world(kind).await;
        let Connected { app, database, .. } = &connected;
        match self {
            Self::Nobody => run(&connected, &[], more).await,
            Self::Token(role) => {
                let token = tokens::create(app.store(), "schemathesis", role).await.unwrap();
                let hide = format!("UPDATE sync_tokens SET id = {HIDDEN_ID} WHERE name = 'schemathesis'");
                execute(database, &hide).await;
                run(&connected, &[("Authorization", &format!("Bearer {token}"))], more).await;
                let left = app.store().tokens().await.unwrap();
                assert!(left.iter().any(|token| token.id == HIDDEN_ID), "its token is gone, so it tried nothing");
            }
            Self::SignedIn => {
                access::add(app, "zoe", Role::Admin).await;
                execute(database, &format!("UPDATE sync_users SET id = {HIDDEN_ID} WHERE name = 'zoe'")).await;
                let zoe = Browser::signed_in(app, "zoe", PASSWORD).await;
                // Tried with a token; everything behind it would be 401.
                let stay = ["--exclude-operation-id", "sign_out", "--exclude-operation-id", "sign_out_everywhere"];
                let headers = [("Cookie", zoe.cookie.as_str()), ("X-CSRF-Token", zoe.csrf.as_str())];
                run(&connected, &headers, &[&stay, more].concat()).await;
                assert!(zoe.is_signed_in(app).await, "it has signed itself out, so it tried nothing");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_finds_an_answer_that_is_not_documented() {
    // Refused nearly everywhere, so that a few tries tell.
    As::Nobody.finds_only_documented_answers(Kind::Sqlite, &["--max-examples", "2"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_finds_no_answer_that_is_not_documented() {
    As::Token(Role::Viewer).finds_only_documented_answers(Kind::Sqlite, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_no_answer_that_is_not_documented() {
    As::Token(Role::Operator).finds_only_documented_answers(Kind::Sqlite, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_finds_no_answer_that_is_not_documented() {
    As::Token(Role::Admin).finds_only_documented_answers(Kind::Sqlite, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signed_in_finds_no_answer_that_is_not_documented() {
    As::SignedIn.finds_only_documented_answers(Kind::Sqlite, &[]).await;
}
