//! The set-up of a real site by a System Manager: role, permissions, user, key, webhooks, previews.
//!
//! Invariant: each step answers what was measured, and a mere reader is refused where the real site refuses.

use customer_sync::simulator::{Options, Simulator};
use serde_json::{Value, json};

use super::wire::{Receiver, Wire};

async fn post(wire: &Wire, path: &str, body: Value) -> (u16, Value) {
    let answer = wire.send("POST", path, &body.to_string()).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_reader_is_set_up_over_rest_and_can_read() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let manager = Wire::new(&simulator, &simulator.add_user("manager@example.com", &["System Manager"]));
    assert_eq!(manager.get("/api/resource/Customer").await.status, 403, "a System Manager may not read customers");
    let role = json!({"role_name": "Sync", "desk_access": 0});
    assert_eq!(post(&manager, "/api/resource/Role", role).await.0, 200);
    let add = "/api/method/frappe.core.page.permission_manager.permission_manager.add";
    for doctype in ["Customer", "Contact", "Address", "Deleted Document", "Customer"] {
        assert_eq!(post(&manager, add, json!({"parent": doctype, "role": "Sync", "permlevel": 0})).await.0, 200);
    }
    let user =
        json!({"email": "Reader@example.com", "first_name": "R", "send_welcome_email": 0, "roles": [{"role": "Sync"}]});
    assert_eq!(post(&manager, "/api/resource/User", user.clone()).await.0, 200);
    assert_eq!(post(&manager, "/api/resource/User", user).await.0, 409);
    assert_eq!(simulator.names("Contact"), ["R"]);

    let keys = "/api/method/frappe.core.doctype.user.user.generate_keys";
    let key = |answer: &Value| {
        let part = |name: &str| answer["message"][name].as_str().unwrap().to_owned();
        (part("api_key"), part("api_secret"))
    };
    let first = key(&post(&manager, keys, json!({"user": "reader@example.com"})).await.1);
    let reader = Wire::new(&simulator, &first);
    assert_eq!(reader.get("/api/resource/Customer").await.status, 200);
    assert_eq!(reader.get("/api/resource/Deleted%20Document").await.status, 200);
    assert_eq!(reader.get("/api/resource/Webhook").await.status, 403);
    assert_eq!(reader.get("/api/resource/System%20Settings/System%20Settings").await.status, 403);
    assert_eq!(post(&reader, keys, json!({"user": "reader@example.com"})).await.0, 403);
    let versions = reader.get("/api/method/frappe.utils.change_log.get_versions").await.json();
    assert_eq!(versions["message"]["erpnext"]["version"], "15.92.1");

    let second = key(&post(&manager, keys, json!({"user": "reader@example.com"})).await.1);
    assert_eq!((first.0 == second.0, first.1 == second.1), (true, false));
    assert_eq!(reader.get("/api/resource/Customer").await.status, 401, "a second call kills the running key");
    let settings = manager.get("/api/resource/System%20Settings/System%20Settings").await.json();
    assert_eq!(settings["data"]["time_zone"], "America/New_York");
    let remove = "/api/method/frappe.core.page.permission_manager.permission_manager.remove";
    assert_eq!(post(&manager, remove, json!({"doctype": "Customer", "role": "Sync", "permlevel": 0})).await.0, 200);
    let reader = Wire::new(&simulator, &second);
    assert_eq!(reader.get("/api/resource/Customer").await.status, 403);
}

#[tokio::test]
async fn a_webhook_can_be_previewed_and_proves_itself_by_firing_on_its_own_creation() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let manager = Wire::new(&simulator, &simulator.add_user("manager@example.com", &["System Manager"]));
    simulator.create_customer(json!({"customer_name": "Zoë"})).unwrap();
    let template = r#"{"name": {{ doc.name | tojson }}, "site": {{ frappe.utils.get_url() | tojson }}}"#;
    let docs = json!({"doctype": "Webhook", "webhook_doctype": "Customer", "webhook_json": template, "preview_document": "Zoë"});
    let call = json!({"docs": docs.to_string(), "method": "generate_preview"});
    let (status, preview) = post(&manager, "/api/method/run_doc_method", call).await;
    assert_eq!(
        (status, &preview["docs"][0]["preview_request_body"]),
        (200, &json!(format!(r#"{{"name": "Zo\u00eb", "site": "{}"}}"#, simulator.url())))
    );
    assert_eq!(simulator.names("Webhook"), Vec::<String>::new());

    let webhook = json!({
        "name": "Round trip", "webhook_doctype": "Webhook", "webhook_docevent": "on_update", "request_url": receiver.url,
        "webhook_json": r#"{"name": {{ doc.name | tojson }}}"#, "request_structure": "JSON",
        "enable_security": 1, "webhook_secret": "s",
    });
    assert_eq!(post(&manager, "/api/resource/Webhook", webhook).await.0, 200);
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].body, r#"{"name": "Round trip"}"#);
    assert!(received[0].is_signed_with("s"));
    manager.send("PUT", "/api/resource/Webhook/Round%20trip", "{}").await;
    receiver.wait_for(2).await;
    manager.send("PUT", "/api/resource/Webhook/Round%20trip", "{\"enabled\": 0}").await;
    assert_eq!(manager.send("DELETE", "/api/resource/Webhook/Round%20trip", "").await.status, 202);
    simulator.webhooks_settled().await;
    assert_eq!(receiver.all().len(), 2, "a disabled webhook is silent");
}

#[tokio::test]
async fn seeded_customers_can_be_crawled_by_keyset() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    simulator.seed_customers(2_000);
    let wire = Wire::new(&simulator, &simulator.key());
    let mut names: Vec<String> = Vec::new();
    let (mut filters, mut or_filters) = (json!([]), json!([]));
    loop {
        let query = json!({
            "doctype": "Customer", "fields": ["name", "modified"], "filters": filters, "or_filters": or_filters,
            "order_by": "modified asc,name asc", "limit_page_length": 300,
        });
        let page = wire.list(&query).await;
        let Some(last) = page.last() else { break };
        filters = json!([["modified", ">=", last["modified"]]]);
        or_filters = json!([["modified", ">", last["modified"]], ["name", ">", last["name"]]]);
        names.extend(page.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
    }
    names.sort_unstable();
    let mut all = simulator.names("Customer");
    all.sort_unstable();
    assert_eq!(all.len(), 2_000);
    assert_eq!(names, all, "no row twice and none missing");
}
