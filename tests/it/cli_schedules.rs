//! `customer-sync schedules`, beside a running service and without one.

use customer_sync::store::{NewSchedule, Options, Store};
use serde_json::Value;

use crate::support::binary::{run, stderr};

/// A database that a service has served.
async fn served(folder: &std::path::Path) -> Store {
    let url = format!("sqlite://{}", folder.join("customers.db").display());
    let store = Store::connect(&Options { url, schema: None, max_connections: 4 }).await.unwrap();
    store.migrate(false).await.unwrap();
    let schedules = [("catch_up", "30s", Some(1)), ("full", "off", None)];
    let schedules = schedules.map(|(name, spec, next_at)| NewSchedule { name, spec: spec.to_owned(), next_at });
    store.ensure_schedules(&schedules).await.unwrap();
    store
}

#[tokio::test]
async fn schedules_are_listed_paused_resumed_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = served(folder.path()).await;
    let environment = [("DATABASE_URL", "sqlite://customers.db")];
    let schedules = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["schedules"], arguments].concat(), &environment);
        (output.status.success(), String::from_utf8(output.stdout.clone()).unwrap(), stderr(&output))
    };
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&schedules(arguments).1).unwrap() };

    let (done, table, _said) = schedules(&[]);
    assert!(done && table.contains("NAME") && table.contains("catch_up"), "{table}");
    let listed = json(&["list", "--json"]);
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&"catch_up".into(), &"due".into()), "{listed}");
    assert_eq!((&listed[1]["name"], &listed[1]["state"]), (&"full".into(), &"off".into()), "{listed}");

    assert_eq!(json(&["pause", "catch_up", "--json"])[0]["state"], "paused");
    let (done, _table, said) = schedules(&["run", "catch-up"]);
    assert!(!done && said.contains("customer-sync schedules resume catch_up"), "{said}");
    assert_eq!(json(&["--json", "resume", "catch_up"])[0]["state"], "due");
    assert_eq!(json(&["run", "full", "--json"])[0]["state"], "due");
    let (done, _table, said) = schedules(&["run", "sweep"]);
    assert!(!done && said.contains("customer-sync serve"), "{said}");
    let (done, _table, said) = schedules(&["run", "lunch"]);
    assert!(!done && said.contains("catch_up, sweep, full, prune"), "{said}");
    store.close().await;
}
