//! Who may erase, and what a caller is told: by API and on the command line.

use customer_sync::domain::audit::Action;
use customer_sync::store::{Options, Store};
use reqwest::Method;
use serde_json::json;

use super::super::Connected;
use super::super::cli_sync::Shell;
use crate::support::binary::stderr;
use crate::support::databases::Kind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_admin_may_and_only_what_there_is() {
    let connected = Connected::start(Kind::Sqlite).await;
    let name = connected.marked("Quillfeather");
    connected.settled().await;
    let path = format!("/api/customers/{}/erase", connected.id_of(&name).await);
    let operator = connected.app.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(operator.status().as_u16(), 403);
    for nobody in ["/api/customers/4711/erase", "/api/customers/Quillfeather/erase"] {
        let answer = connected.app.admin(Method::POST, nobody).await.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{nobody}");
    }
    assert_eq!(connected.row(&name).await["tax_number"], "TAXQ99");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_asks_first_and_erases_by_id_or_name() {
    let shell = Shell::new(3).await;
    let names = shell.erpnext.names("Customer");
    assert_eq!(shell.says(&["sync"]).await.0, 0);
    let output = shell.run(&["erase", "1"]).await;
    assert!(!output.status.success() && stderr(&output).contains("--yes"), "{}", stderr(&output));
    let output = shell.run(&["erase", "99", "--yes"]).await;
    assert!(!output.status.success() && stderr(&output).contains("there is no customer 99"), "{}", stderr(&output));
    let output = shell.run(&["erase", "Nobody at all", "--yes"]).await;
    assert!(!output.status.success() && stderr(&output).contains("no customer here has this name"));

    assert_eq!(shell.tells(&["erase", &names[0], "--yes"]).await, (0, json!({"customer": 1, "effect": "erased"})));
    let file = shell.folder.path().join("data/customer-sync.db");
    let url = format!("sqlite://{}", file.display());
    let store = Store::connect(&Options { url, schema: None, max_connections: 1 }).await.unwrap();
    let noted = store.audit(None, Some(Action::CustomerErase), 10).await.unwrap();
    let noted: Vec<_> = noted.iter().map(|deed| (deed.actor.as_str(), deed.target.as_deref())).collect();
    assert_eq!(noted, [("command_line", Some("1"))]);
    store.close().await;
    let (code, said) = shell.says(&["erase", "1"]).await;
    assert_eq!((code, said.as_str()), (0, "Customer 1 was erased before; nothing was changed."));
    let (code, run) = shell.tells(&["sync"]).await;
    assert_eq!((code, &run["skipped"], &run["unchanged"]), (0, &json!(1), &json!(2)), "{run}");
    let (code, said) = shell.says(&["sync", &names[0]]).await;
    assert!(code == 0 && said.contains("erased"), "{code}: {said}");
    let output = shell.run(&["link", "1", &names[0]]).await;
    assert!(!output.status.success() && stderr(&output).contains("cannot be linked"), "{}", stderr(&output));
}
