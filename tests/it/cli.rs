//! A new user's tries with the real binary: every one gets an answer that says what is wrong and what to do.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use customer_sync::simulator::{self, Fault, Simulator};
use customer_sync::store::{Options, Store};

use crate::support::app::{client, wait_until};
use crate::support::binary::{Serving, command, run, stderr};

const ERPNEXT: [(&str, &str); 3] =
    [("ERPNEXT_URL", "http://127.0.0.1:9"), ("ERPNEXT_API_KEY", "k"), ("ERPNEXT_API_SECRET", "s")];

/// Runs `serve` (or another command) and returns what it said; asserts that it failed without a backtrace.
fn fails(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), arguments, environment);
    let said = stderr(&output);
    assert!(!output.status.success(), "{arguments:?} succeeded: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn without_any_configuration_the_missing_variables_are_named() {
    let said = fails(&["serve"], &[]);
    for variable in ["ERPNEXT_URL", "ERPNEXT_API_KEY", "ERPNEXT_API_SECRET"] {
        assert!(said.contains(variable), "{variable}: {said}");
    }
}

#[test]
fn garbage_in_every_variable_is_reported_all_at_once() {
    let garbage = [
        ("ERPNEXT_URL", "not a url"),
        ("LISTEN", "eighty"),
        ("DATABASE_URL", "oracle://x"),
        ("CUSTOMER_SYNC__SERVER__BODY_LIMIT", "huge"),
        ("CUSTOMER_SYNC__WORKER__LEASE", "soon"),
        ("CUSTOMER_SYNC__WORKER__CONCURRENCY", "0"),
        ("CUSTOMER_SYNC__WORKER__CONCURENCY", "4"),
        ("CUSTOMER_SYNC__WEBHOOK__INSECURE", "perhaps"),
        ("RUST_LOG", "=x=y"),
    ];
    let said = fails(&["serve"], &garbage);
    for (variable, _value) in garbage {
        assert!(said.contains(variable), "{variable} is not named: {said}");
    }
    assert!(said.contains("CONCURRENCY"), "no suggestion for the misspelt one: {said}");
}

#[test]
fn a_port_in_use_names_the_address_and_the_variable() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(&["serve", "--listen", &address], &ERPNEXT);
    assert!(said.contains(&address) && said.contains("LISTEN"), "{said}");
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["postgres", "mariadb"] {
        let url = format!("{scheme}://shop:hunter2@127.0.0.1:{closed}/shop");
        let said = fails(&["migrate"], &[("DATABASE_URL", &url)]);
        assert!(said.contains("database cannot be reached"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn each_cause_of_an_error_is_said_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = fails(&["migrate"], &[("DATABASE_URL", &format!("postgres://u:p@127.0.0.1:{closed}/d"))]);
    assert_eq!(said.matches("Connection refused").count(), 1, "{said}");
}

#[test]
fn a_file_that_is_no_database_is_told_in_words_about_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.db"), "these are my notes, not a database ".repeat(100)).unwrap();
    let output = run(folder.path(), &["migrate"], &[("DATABASE_URL", "sqlite://notes.db")]);
    let said = stderr(&output);
    assert!(!output.status.success() && said.contains("no SQLite database"), "{said}");
    assert!(!said.contains("password"), "{said}");
}

#[test]
fn the_demo_ends_in_peace_when_nobody_reads_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), &["demo", "--customers", "3", "--listen", "127.0.0.1:0"], &[]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(first.contains("Open http://127.0.0.1:") && first.contains("password"), "{first}");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn a_file_that_cannot_be_read_and_an_unknown_flag_are_named() {
    assert!(fails(&["serve", "--config", "absent.toml"], &ERPNEXT).contains("absent.toml"));
    assert!(fails(&["serve", "--listn", "x"], &[]).contains("--listen"));
    assert!(fails(&["token", "create", "--role", "king"], &[]).contains("operator"));
}

#[test]
fn help_tells_what_each_command_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["demo", "--help"],
        &["migrate", "--help"],
        &["doctor", "--help"],
        &["schedules", "--help"],
        &["token", "create", "--help"],
        &["sync", "--help"],
        &["runs", "--help"],
    ] {
        let output = run(folder.path(), arguments, &[]);
        assert!(output.status.success());
        text.push_str(&format!(
            "$ customer-sync {}\n{}\n",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_token_is_printed_once_and_only_its_hash_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["token", "create", "--role", "viewer", "--name", "shop"], &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let token = String::from_utf8(output.stdout).unwrap();
    let token = token.trim();
    assert!(token.starts_with("csync_") && token.len() > 40, "{token}");
    let database = std::fs::read(folder.path().join("data/customer-sync.db")).unwrap();
    let contains = |needle: &[u8]| database.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"shop") || folder.path().join("data/customer-sync.db-wal").exists());
    assert!(!contains(token.as_bytes()));
}

#[test]
fn another_sites_url_on_an_existing_database_needs_new_site() {
    let folder = tempfile::tempdir().unwrap();
    let site = |url| [("ERPNEXT_URL", url), ("ERPNEXT_API_KEY", "k"), ("ERPNEXT_API_SECRET", "s")];
    let (first, second) = (site("http://127.0.0.1:9"), site("http://127.0.0.2:9/"));
    Serving::start(folder.path(), &first).kill();
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &second);
    let said = stderr(&refused);
    assert!(!refused.status.success(), "{said}");
    for part in ["http://127.0.0.1:9", "http://127.0.0.2:9", "--new-site", "DATABASE_URL"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    Serving::start(folder.path(), &first).kill();
    Serving::with_flags(folder.path(), &["--new-site"], &second).kill();
    Serving::start(folder.path(), &second).kill();
}

#[tokio::test]
async fn a_wrong_address_or_key_is_said_at_the_start() {
    let erpnext = Simulator::start(simulator::Options::default()).await.unwrap();
    let (key, secret) = erpnext.key();
    let login = Simulator::start(simulator::Options::default()).await.unwrap();
    login.faults().requests(Fault::Html(200), usize::MAX);
    let (stranger, strangers_secret) = erpnext.add_user("stranger@example.com", &[]);
    for (url, key, secret, part) in [
        (erpnext.url(), key.clone(), "wrong".to_owned(), "ERPNEXT_API_SECRET"),
        (erpnext.url(), stranger, strangers_secret, "role"),
        (login.url(), key, secret, "ERPNEXT_URL"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let environment =
            [("ERPNEXT_URL", url.as_str()), ("ERPNEXT_API_KEY", key.as_str()), ("ERPNEXT_API_SECRET", secret.as_str())];
        let serving = Serving::start(folder.path(), &environment);
        let ready = format!("{}/readyz", serving.url);
        wait_until("it is told", async || {
            let ready = client().get(&ready).send().await.unwrap().text().await.unwrap();
            ready.contains("degraded") && ready.contains(part)
        })
        .await;
        serving.kill();
    }
}

#[tokio::test]
async fn a_changed_mapping_is_noticed_stored_and_logged_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("data/customer-sync.db").display());
    let serve = async |company: Option<&str>| {
        let variable = company.map(|company| ("CUSTOMER_SYNC__MAPPING__COMPANY", company));
        let environment: Vec<(&str, &str)> = ERPNEXT.into_iter().chain(variable).collect();
        let serving = Serving::start(folder.path(), &environment);
        let logged = serving.said.iter().any(|line| line.contains("the mapping changed"));
        serving.kill();
        let options = Options { url: url.clone(), schema: None, max_connections: 1 };
        let store = Store::connect(&options).await.unwrap();
        let fingerprint = store.meta("mapping").await.unwrap().unwrap();
        store.close().await;
        (logged, fingerprint)
    };
    let (logged, first) = serve(None).await;
    assert!(!logged, "a new database has no mapping to change");
    let (logged, second) = serve(Some("Example Ltd")).await;
    assert!(logged && first != second);
    assert_eq!(serve(Some("Example Ltd")).await, (false, second));
}
