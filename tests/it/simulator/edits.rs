//! Replays of the recorded writes and single reads, with the webhooks that belong to them.
//!
//! Invariant: the stand-in is brought into the recorded state by replaying what was recorded before, nothing else.

use customer_sync::simulator::{Options, SYNC_USER, Simulator, Template, Webhook};
use serde_json::{Value, json};

use super::recording::{Exchange, blank, blank_times, only, read, replay};
use super::wire::{Received, Receiver, Wire};

pub const SECRET: &str = "test-webhook-secret";

/// A site as the recordings had it: the sync user may edit, webhooks go to `/hooks/<doctype>/<event>`.
pub async fn recorded_site(receiver: &Receiver) -> (Simulator, Wire) {
    let simulator = Simulator::start(Options { webhook_workers: 1, ..Options::default() }).await.unwrap();
    let key = simulator.add_user(SYNC_USER, &["Sales User", "Sales Master Manager"]);
    for doctype in ["Customer", "Contact", "Address"] {
        for event in ["after_insert", "on_update", "on_trash", "on_change"] {
            let url = format!("{}/hooks/{}/{event}", receiver.url, doctype.to_lowercase());
            simulator.register_webhook(recorded_webhook(doctype, event, &url)).unwrap();
        }
    }
    let wire = Wire::new(&simulator, &key);
    (simulator, wire)
}

fn recorded_webhook(doctype: &str, event: &str, url: &str) -> Webhook {
    let template = format!(
        r#"{{"event": "{event}", "doctype": {{{{ doc.doctype | tojson }}}}, "name": {{{{ doc.name | tojson }}}}, "modified": {{{{ doc.modified | tojson }}}}, "modified_by": {{{{ doc.modified_by | tojson }}}}}}"#
    );
    // The recorded site set headers on these two events only.
    let headers = match event {
        "after_insert" | "on_update" => {
            vec![("Content-Type".to_owned(), "application/json".to_owned()), ("X-Event".to_owned(), event.to_owned())]
        }
        _ => Vec::new(),
    };
    Webhook { template: Template::Json(template), headers, ..Webhook::new(doctype, event, url, SECRET) }
}

/// Asserts that the webhooks after the first `skip` are the recorded ones, in order, well signed.
async fn assert_webhooks(receiver: &Receiver, simulator: &Simulator, skip: usize, recorded: &[Exchange]) -> usize {
    let expected: Vec<&Exchange> = recorded.iter().filter(|exchange| exchange.kind == "webhook").collect();
    let all = receiver.wait_for(skip + expected.len()).await;
    simulator.webhooks_settled().await;
    assert_eq!(receiver.all().len(), skip + expected.len(), "no webhook more than recorded");
    for (received, recorded) in all[skip..].iter().zip(&expected) {
        assert_like(received, recorded);
    }
    skip + expected.len()
}

fn assert_like(received: &Received, recorded: &Exchange) {
    assert_eq!((received.method.as_str(), received.path.as_str()), (recorded.method.as_str(), recorded.path.as_str()));
    assert_eq!(blank_times(&received.body), blank_times(&recorded.body));
    let names: Vec<&str> = recorded.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(received.header_names(), names, "headers of {}", received.path);
    for name in ["User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Type", "X-Event"] {
        let recorded = recorded.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
        assert_eq!(received.header(name), recorded, "{name} of {}", received.path);
    }
    assert!(received.is_signed_with(SECRET), "signature of {}", received.path);
}

/// Replays the API exchanges of a recording, then compares its webhooks.
async fn replay_all(file: &str, wire: &Wire, receiver: &Receiver, simulator: &Simulator, skip: usize) -> usize {
    let recorded = read(file);
    for exchange in recorded.iter().filter(|exchange| exchange.kind == "api") {
        replay(wire, exchange).await;
    }
    assert_webhooks(receiver, simulator, skip, &recorded).await
}

#[tokio::test]
async fn a_customer_from_creation_to_the_optimistic_lock() {
    let receiver = Receiver::start().await;
    let (simulator, wire) = recorded_site(&receiver).await;
    replay(&wire, &only("10-customer-create")).await;
    let mut seen = assert_webhooks(&receiver, &simulator, 0, &read("12-customer-create-events")).await;
    assert_like(&receiver.all()[0], &only("11-webhook-customer-after_insert"));
    replay(&wire, &only("13-customer-update")).await;
    seen = assert_webhooks(&receiver, &simulator, seen, &read("14-customer-update-events")).await;
    let pair = receiver.all();
    assert_eq!(modified(&pair[seen - 2]), modified(&pair[seen - 1]), "both webhooks of an edit carry one modified");
    seen = replay_all("15-customer-noop-update-events", &wire, &receiver, &simulator, seen).await;
    assert_ne!(modified(&pair[seen - 3]), modified(&receiver.all()[seen - 1]), "a save without changes moves modified");
    replay_all("16-customer-disable-events", &wire, &receiver, &simulator, seen).await;

    replay(&wire, &only("79-put-bad-link-417")).await;
    let stale = json!({"tax_id": "US-2", "modified": "2026-11-22 01:35:05.823623"}).to_string();
    let refused = wire.send("PUT", "/api/resource/Customer/Rec%20Acme%20Supplies", &stale).await;
    assert_eq!((refused.status, &refused.json()["exc_type"]), (417, &json!("TimestampMismatchError")));
    let shown = wire.get("/api/resource/Customer/Rec%20Acme%20Supplies").await.json();
    let mut fresh = only("80-put-fresh-modified");
    fresh.body = json!({"tax_id": "US-2", "modified": shown["data"]["modified"]}).to_string();
    replay(&wire, &fresh).await;
    replay(&wire, &only("81-v2-get")).await;
    replay(&wire, &only("82-v2-missing")).await;
    replay(&wire, &only("72-get-missing-404")).await;
}

fn modified(webhook: &Received) -> String {
    let body: Value = serde_json::from_str(&webhook.body).unwrap();
    body["modified"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_quick_entry_and_what_later_edits_of_its_contact_and_address_do() {
    let receiver = Receiver::start().await;
    let (simulator, wire) = recorded_site(&receiver).await;
    let mut seen = replay_all("20-customer-create-quick-entry", &wire, &receiver, &simulator, 0).await;
    for file in ["21-customer-get-full", "22-contact-get", "23-address-get"] {
        replay(&wire, &only(file)).await;
    }
    seen = replay_all("24-address-edit-bumps-customer-silently", &wire, &receiver, &simulator, seen).await;
    let before = wire.get("/api/resource/Customer/Rec%20Full%20Details%20Inc").await.json();
    seen = replay_all("25-contact-edit-leaves-customer-stale", &wire, &receiver, &simulator, seen).await;
    let after = wire.get("/api/resource/Customer/Rec%20Full%20Details%20Inc").await.json();
    assert_ne!(before["data"]["modified"], after["data"]["modified"]);
    seen = replay_all("26-credit-limit-change", &wire, &receiver, &simulator, seen).await;
    replay_all("27-contact-created-for-customer", &wire, &receiver, &simulator, seen).await;
}

#[tokio::test]
async fn an_address_edit_moves_the_customers_modified_and_a_contact_edit_does_not() {
    let receiver = Receiver::start().await;
    let (simulator, wire) = recorded_site(&receiver).await;
    let created = &read("20-customer-create-quick-entry")[0];
    replay(&wire, created).await;
    let modified = || simulator.document("Customer", "Rec Full Details Inc").unwrap()["modified"].clone();
    let first = modified();
    simulator.update("Contact", "Fay Full-Rec Full Details Inc", json!({"designation": "Buyer"})).unwrap();
    assert_eq!(modified(), first);
    simulator.update("Address", "Rec Full Details Inc-Billing", json!({"county": "Sangamon"})).unwrap();
    assert_ne!(modified(), first);
}

#[tokio::test]
async fn a_merge_leaves_the_recorded_traces() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let wire = Wire::new(&simulator, &simulator.admin_key());
    for exchange in read("87-merge-traces") {
        let mut exchange = exchange;
        if exchange.body.is_empty() && exchange.path.ends_with("get_list") {
            // Not recorded: the body that gives the recorded answer.
            let filters = json!([["link_doctype", "=", "Customer"], ["link_name", "=", "Merge Target Ltd"]]);
            let fields = ["parent", "link_name", "modified"];
            exchange.body = json!({
                "doctype": "Dynamic Link", "parent": "Address", "filters": filters, "fields": fields,
                "limit_page_length": 0, "order_by": "parent asc",
            })
            .to_string();
        }
        replay(&wire, &exchange).await;
    }
}

#[tokio::test]
async fn deleting_answers_202_and_is_listed_as_a_deleted_document() {
    let receiver = Receiver::start().await;
    let (simulator, wire) = recorded_site(&receiver).await;
    simulator.create_customer(json!({"customer_name": "Rec Delete Plain"})).unwrap();
    replay(&wire, &only("40-customer-delete")).await;
    let received = receiver.wait_for(4).await;
    let paths: Vec<&str> = received[2..].iter().map(|webhook| webhook.path.as_str()).collect();
    assert_eq!(paths, ["/hooks/customer/on_trash", "/hooks/customer/on_change"]);

    let listing = only("41-deleted-documents-list");
    let admin = Wire::new(&simulator, &simulator.admin_key());
    let listed = admin.get(&listing.path).await.json();
    let recorded = listing.answer["data"].as_array().unwrap();
    let wanted = recorded.iter().find(|row| row["deleted_name"] == "Rec Delete Plain").unwrap();
    let mut row = listed["data"][0].clone();
    row["name"].clone_from(&wanted["name"]);
    assert_eq!(blank(&row), blank(wanted));
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_site_with_naming_series_numbers_its_customers() {
    let options = Options { naming: customer_sync::simulator::Naming::Series, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    simulator.freeze_clock("2026-11-22T06:35:51Z".parse().unwrap());
    let key = simulator.add_user(SYNC_USER, &["Sales User"]);
    let wire = Wire::new(&simulator, &key);
    simulator.create_customer(json!({"customer_name": "First"})).unwrap();
    replay(&wire, &only("43-customer-create-naming-series")).await;
}
