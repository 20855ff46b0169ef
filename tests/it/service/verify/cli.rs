//! `customer-sync verify` with the real binary: what it prints, and an exit code that an auditor's script can trust.

use customer_sync::simulator::{Permission, SYNC_USER};
use serde_json::{Value, json};

use crate::service::cli_sync::Shell;
use crate::support::binary::stderr;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_is_0_drift_is_1_and_failure_is_2() {
    let shell = Shell::new(12).await;
    let output = shell.run(&["verify"]).await;
    assert_eq!(output.status.code(), Some(2), "no tables yet: {}", stderr(&output));
    assert_eq!(shell.says(&["sync"]).await.0, 0);
    let (code, said) = shell.says(&["verify"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("Compared 12 customers in") && said.ends_with("12 equal."), "{said}");

    let names = shell.erpnext.names("Customer");
    shell.erpnext.sql_edit("Customer", &names[3], json!({"website": "https://new.example"})).unwrap();
    let (code, said) = shell.says(&["verify", "--settle", "0"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("stale         {} (customer ", names[3])), "{said}");
    assert!(said.contains("website: here ") && said.contains("in ERPNext \"https://new.example\""), "{said}");
    assert!(said.contains("11 equal, 1 stale.") && said.contains("To repair: customer-sync verify --repair"), "{said}");

    let (code, said) = shell.says(&["verify", "--settle", "0", "--json"]).await;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (1, 2), "{said}");
    assert_eq!((&lines[0]["kind"], &lines[0]["fields"][0]["field"]), (&json!("stale"), &json!("website")));
    assert_eq!((&lines[1]["checked"], &lines[1]["found"]["stale"]), (&json!(12), &json!(1)));

    assert_eq!(shell.says(&["verify", &names[3], "--settle", "0"]).await.0, 1);
    assert_eq!(shell.says(&["verify", &names[4]]).await.0, 0);
    let (_code, said) = shell.says(&["verify", "--sample", "2", "--settle", "0"]).await;
    assert!(said.contains("Compared 2 customers in"), "{said}");
    let output = shell.run(&["verify", "Nobody"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("has a customer of that name"), "{}", stderr(&output));

    let (code, said) = shell.says(&["verify", "--repair", "--settle", "0"]).await;
    assert!(code == 1 && said.contains("Run 2 repairs it"), "{code}: {said}");
    assert_eq!(shell.says(&["sync"]).await.0, 0);
    assert_eq!(shell.says(&["verify", "--repair"]).await.0, 0);

    shell.erpnext.set_permission(SYNC_USER, "Customer", Some(Permission::NONE));
    let output = shell.run(&["verify"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("ERPNext"), "{}", stderr(&output));
}
