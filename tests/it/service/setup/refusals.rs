//! What setup refuses, and what it says where it cannot go on.

use std::process::Command;

use customer_sync::domain::webhook::{Instance, wanted};
use customer_sync::simulator::Fault;
use serde_json::json;

use super::{Office, Running};
use crate::erpnext::stand_in::{Reaction, StandIn};
use crate::support::app::SECRET;
use crate::support::databases::free_port;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_administrators_key_it_prints_what_to_click_and_every_template() {
    let office = Office::open().await;
    let url = "https://sync.example.com";
    let said = office.setup(&["--url", url], &[("ERPNEXT_WEBHOOK_SECRET", "s3cret")]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    for webhook in wanted(&Instance::default(), "https://sync.example.com/webhooks/erpnext") {
        assert!(said.out.contains(&webhook.template) && said.out.contains(&webhook.name), "{}", said.out);
    }
    let steps = ["Desk Access off", "permission-manager", "Generate Keys", "s3cret", "webhook-request-log"];
    assert!(steps.iter().all(|step| said.out.contains(step)), "{}", said.out);
    assert_eq!(office.erpnext.requests().total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_administrators_key_a_script_is_not_told_that_it_succeeded() {
    let office = Office::open().await;
    for flag in ["--yes", "--remove", "--take-over", "--rotate-key", "--rotate-secret", "--save=.env"] {
        let said = office.setup(&["--url", "https://sync.example.com", flag], &[]).await;
        let flag = flag.split('=').next().unwrap();
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{flag}");
        assert!(said.err.contains(flag) && said.err.contains("ERPNEXT_ADMIN_KEY"), "{}", said.err);
    }
    assert_eq!(office.erpnext.requests().total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_erpnext_would_not_take_are_refused_before_it_is_asked() {
    let office = Office::open().await;
    let key = office.admin_key();
    for (flag, words) in [("--user=nobody", "e-mail"), ("--user=a@b", "e-mail"), ("--role= ", "the role needs a name")]
    {
        let said =
            office.setup(&["--url", "https://sync.example.com", "--yes", flag], &[("ERPNEXT_ADMIN_KEY", &key)]).await;
        assert!(said.code == 1 && said.err.contains(words), "{flag}: {}", said.err);
    }
    assert_eq!(office.erpnext.requests().total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_redirects_is_refused_before_anything_is_changed() {
    let office = Office::open().await;
    let key = office.admin_key();
    let moved = Reaction::json(301, "{}").with("Location", &"https://elsewhere.example.com/");
    let front = StandIn::always(moved).await;
    let url = format!("http://127.0.0.1:{}", front.port);
    let said = office.setup(&["--url", &url, "--yes"], &[("ERPNEXT_ADMIN_KEY", &key)]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("redirects to https://elsewhere.example.com/"), "{}", said.err);
    assert!(office.webhooks().is_empty() && office.erpnext.names("User").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_cannot_do_it_are_told_apart() {
    let office = Office::open().await;
    let (key, secret) = office.erpnext.key();
    let cases = [
        (format!("{key}:{secret}"), "System Manager"),
        (format!("{key}:wrong"), "does not accept the administrator's key"),
        ("nonsense".to_owned(), "KEY:SECRET"),
    ];
    for (key, words) in cases {
        let said = office.setup(&["--url", "http://127.0.0.1:9", "--yes"], &[("ERPNEXT_ADMIN_KEY", &key)]).await;
        assert_eq!(said.code, 1);
        assert!(said.err.contains(words), "{words}: {}", said.err);
        assert!(!said.err.contains("ERPNEXT_API_KEY"), "no advice about another key: {}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_told() {
    let office = Office::open().await;
    let said = office.setup(&[], &[]).await;
    assert!(said.code == 1 && said.err.contains("--url"), "{}", said.err);
    let said = office.setup(&["--url", "https://sync.example.com/webhooks"], &[]).await;
    assert!(said.code == 1 && said.err.contains("--url"), "a path is no place for it: {}", said.err);
    let key = office.admin_key();
    let said = office.setup(&["--url", "http://127.0.0.1:9"], &[("ERPNEXT_ADMIN_KEY", &key)]).await;
    assert!(said.code == 1 && said.err.contains("--yes"), "nobody can be asked: {}", said.err);
    assert!(office.webhooks().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_does_not_arrive_is_explained_with_erpnexts_own_words() {
    let office = Office::open().await;
    let key = office.admin_key();
    let (listen, dead) = (format!("127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}", free_port()));
    let variables = [("ERPNEXT_ADMIN_KEY", key.as_str()), ("LISTEN", listen.as_str())];
    let said = office.setup(&["--url", &dead, "--yes"], &variables).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("round trip failed") && said.err.contains("PUBLIC_URL"), "{}", said.err);
    assert_eq!(office.webhooks().len(), 10, "only the Webhook of the round trip is removed again");
    assert!(said.out.contains("ERPNEXT_API_SECRET="), "the key is shown although a later step failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_goes_into_a_new_file_or_nowhere() {
    let office = Office::open().await;
    let key = office.admin_key();
    let taken = office.folder.path().join("taken");
    std::fs::write(&taken, "mine").unwrap();
    let variables = [("ERPNEXT_ADMIN_KEY", key.as_str())];
    let said = office.setup(&["--url", "http://127.0.0.1:9", "--yes", "--save", "taken"], &variables).await;
    assert!(said.code == 1 && said.err.contains("nothing was changed"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
    assert!(office.webhooks().is_empty() && office.erpnext.names("User").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_this_erpnext_cannot_render_stops_it_before_any_webhook() {
    let office = Office::open().await;
    let key = office.admin_key();
    let running = Running::start(&office, SECRET).await;
    let failed = json!({"docs": [{"preview_request_body": "Failed to compute request body: 'frappe' is undefined"}]});
    let answer = Fault::Answer(200, "application/json", failed.to_string());
    office.erpnext.faults().requests_to("run_doc_method", answer, 1);
    let said = running.connect(&office, &key, &[]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("No Webhook was changed"), "{}", said.err);
    assert!(office.webhooks().is_empty());
}

#[test]
fn the_help_says_what_it_does() {
    let output = Command::new(env!("CARGO_BIN_EXE_customer-sync")).args(["setup", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for words in ["ERPNEXT_ADMIN_KEY", "--dry-run", "--take-over", "--rotate-secret", "--remove"] {
        assert!(help.contains(words), "{words}: {help}");
    }
}
