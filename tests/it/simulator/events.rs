//! Webhooks that the recordings show apart from an edit: payload shapes, retries, the request log.
//!
//! Invariant: a failing receiver gets exactly three attempts with the same body and signature, and nothing after.

use std::time::Duration;

use customer_sync::simulator::{Options, Simulator, Template, Webhook, WebhookFault};
use serde_json::{Value, json};

use super::edits::SECRET;
use super::recording::{blank_times, only, read};
use super::wire::{Receiver, Response, Wire};

/// A site where retries take a fiftieth of their time.
async fn hasty_site(workers: usize) -> Simulator {
    let options = Options { webhook_workers: workers, retry_scale: 0.02, ..Options::default() };
    Simulator::start(options).await.unwrap()
}

#[tokio::test]
async fn a_failing_receiver_gets_three_attempts() {
    for (file, response) in [("50-webhook-retry-500", Response::Status(500)), ("51-webhook-timeout", Response::Silence)]
    {
        let receiver = Receiver::start().await;
        let simulator = hasty_site(1).await;
        let recorded = read(file);
        receiver.answers(vec![response; recorded.len()]);
        simulator.register_webhook(Webhook::new("Customer", "on_update", &receiver.url, SECRET)).unwrap();
        simulator.create_customer(json!({"customer_name": "Rec Retry Co"})).unwrap();
        let received = receiver.wait_for(recorded.len()).await;
        simulator.webhooks_settled().await;
        assert_eq!(receiver.all().len(), recorded.len(), "{file}: given up after the last recorded attempt");
        assert!(received.iter().all(|attempt| attempt.body == received[0].body && attempt.is_signed_with(SECRET)));
        if file.starts_with("50") {
            let (first, second) = (received[1].at - received[0].at, received[2].at - received[1].at);
            assert!(first >= Duration::from_millis(20) && second >= Duration::from_millis(80), "{first:?} {second:?}");
        }
    }
}

#[tokio::test]
async fn every_attempt_is_in_the_request_log_with_the_recorded_columns() {
    let receiver = Receiver::start().await;
    let simulator = hasty_site(1).await;
    receiver.answers([Response::Status(200), Response::Status(500), Response::Status(500), Response::Status(500)]);
    let webhook = Webhook::new("Customer", "on_update", &receiver.url, SECRET);
    simulator.register_webhook(Webhook { name: "Customer on_update".to_owned(), ..webhook }).unwrap();
    simulator.create_customer(json!({"customer_name": "Rec Retry Co"})).unwrap();
    simulator.update("Customer", "Rec Retry Co", json!({"tax_id": "1"})).unwrap();
    simulator.webhooks_settled().await;
    let recorded = only("52-webhook-request-log");
    let admin = Wire::new(&simulator, &simulator.admin_key());
    let logged = admin.get(&recorded.path).await.json();
    let rows = logged["data"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for (row, recorded) in rows.iter().zip(recorded.answer["data"].as_array().unwrap()) {
        let keys = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(row), keys(recorded));
        assert_eq!(row["reference_document"], recorded["reference_document"]);
        assert_eq!(row["error"] == "", recorded["error"] == "", "an empty error means delivered");
        assert!(row["headers"].as_str().unwrap().contains("\"X-Frappe-Webhook-Signature\": [\n"));
    }
    assert!(rows[1]["error"].as_str().unwrap().contains("500 Server Error"));
}

/// One webhook of `Rec Variants Ltd`'s creation, with that much of a Webhook document.
async fn variant(template: Template, fields: Value, doctype: &str, event: &str) -> super::wire::Received {
    let receiver = Receiver::start().await;
    let simulator = hasty_site(1).await;
    let webhook = Webhook { template, ..Webhook::new(doctype, event, &receiver.url, SECRET) };
    let name = webhook.name.clone();
    simulator.register_webhook(webhook).unwrap();
    let mut fields = fields;
    if let Some(path) = fields.get("path").and_then(Value::as_str) {
        fields = json!({"request_url": format!("{}{path}", receiver.url), "is_dynamic_url": 1});
    }
    simulator.sql_edit("Webhook", &name, fields).unwrap();
    let limit = json!([{"company": "Acme Test Company", "credit_limit": 10}]);
    let key = simulator.add_user("sync@example.com", &["Sales User"]);
    let wire = Wire::new(&simulator, &key);
    let customer = json!({
        "customer_name": "Rec Variants Ltd", "customer_group": "Commercial", "territory": "United States",
        "credit_limits": limit,
    });
    wire.send("POST", "/api/resource/Customer", &customer.to_string()).await;
    receiver.wait_for(1).await.swap_remove(0)
}

/// A body without times and made-up names of rows.
fn shape(body: &str) -> Value {
    let mut value: Value = serde_json::from_str(&blank_times(body)).unwrap();
    if let Some(row) = value.get_mut("credit_limits").and_then(|rows| rows.get_mut(0)) {
        row["name"] = json!("<row>");
    }
    value
}

#[tokio::test]
async fn every_recorded_kind_of_payload() {
    let rows =
        |fields: &[&str]| Template::Rows(fields.iter().map(|field| ((*field).into(), (*field).into())).collect());
    let all = rows(&["name", "doctype", "customer_name", "modified", "disabled", "tax_id", "credit_limits"]);
    let own = r#"{"event": "after_insert", "doctype": {{ doc.doctype | tojson }}, "name": {{ doc.name | tojson }}, "modified": {{ doc.modified | tojson }}, "modified_by": {{ doc.modified_by | tojson }}}"#;
    let own = || Template::Json(own.to_owned());
    let cases = [
        ("30-webhook-data-rows", all, json!({})),
        (
            "31-webhook-form-urlencoded-is-json",
            rows(&["name", "modified"]),
            json!({"request_structure": "Form URL-Encoded"}),
        ),
        ("32-webhook-no-data", Template::Empty, json!({})),
        ("33-webhook-full-doc", Template::Json("{{ doc | json }}".to_owned()), json!({})),
        ("35-webhook-put-method", own(), json!({"request_method": "PUT"})),
        ("36-webhook-no-security", own(), json!({"enable_security": 0})),
        ("37-webhook-dynamic-url", own(), json!({"path": "/hooks/dyn/{{ doc.name }}"})),
    ];
    for (file, template, fields) in cases {
        let recorded = only(file);
        let received = variant(template, fields, "Customer", "after_insert").await;
        assert_eq!(shape(&received.body), shape(&recorded.body), "{file}");
        assert_eq!(received.method, recorded.method, "{file}");
        let names: Vec<&str> = recorded.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(received.header_names(), names, "{file}");
        assert_eq!(received.is_signed_with(SECRET), names.contains(&"X-Frappe-Webhook-Signature"), "{file}");
        if file.starts_with("37") {
            assert_eq!(received.path, recorded.path);
        }
        if file.starts_with("30") {
            assert_eq!(keys_in_order(&received.body), keys_in_order(&recorded.body));
        }
    }
}

/// The part of a body that shows in which order its keys come.
fn keys_in_order(body: &str) -> String {
    blank_times(body).split("credit_limits").next().unwrap().to_owned()
}

#[tokio::test]
async fn static_headers_are_sent_as_they_are() {
    let recorded = only("34-webhook-static-headers");
    let receiver = Receiver::start().await;
    let simulator = hasty_site(1).await;
    let own = ["Authorization", "Content-Type", "X-Event", "X-Template"];
    let headers: Vec<(String, String)> =
        recorded.headers.iter().filter(|(name, _)| own.contains(&name.as_str())).cloned().collect();
    let webhook = Webhook { headers: headers.clone(), ..Webhook::new("Customer", "on_update", &receiver.url, SECRET) };
    simulator.register_webhook(webhook).unwrap();
    simulator.create_customer(json!({"customer_name": "Rec Variants Ltd"})).unwrap();
    let received = receiver.wait_for(1).await.swap_remove(0);
    let names: Vec<&str> = recorded.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(received.header_names(), names);
    for (name, value) in headers {
        assert_eq!(received.header(&name), Some(value.as_str()));
    }
}

#[tokio::test]
async fn templates_can_tell_the_time_zone_and_the_customers_of_an_address() {
    for (file, doctype) in
        [("38-webhook-template-site-time-zone", "Customer"), ("39-webhook-template-address-links", "Address")]
    {
        let path = format!("{}/tests/fixtures/erpnext/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let what: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let template = what["what"].as_str().unwrap().split("Template used: ").nth(1).unwrap().to_owned();
        let receiver = Receiver::start().await;
        let simulator = hasty_site(1).await;
        simulator
            .create_customer(json!({
                "customer_name": "Rec Full Details Inc", "address_line1": "1 Main St", "city": "Boston", "state": "MA",
                "pincode": "02108", "country": "United States",
            }))
            .unwrap();
        let webhook = Webhook::new(doctype, "on_update", &receiver.url, SECRET);
        simulator.register_webhook(Webhook { template: Template::Json(template), ..webhook }).unwrap();
        let name = if doctype == "Customer" { "Rec Full Details Inc" } else { "Rec Full Details Inc-Billing" };
        simulator.update(doctype, name, json!({})).unwrap();
        let received = receiver.wait_for(1).await.swap_remove(0);
        let site = |body: &str| blank_times(body).replace(&simulator.url(), "http://erp.localhost:8000");
        assert_eq!(site(&received.body), site(&only(file).body));
        assert!(received.is_signed_with(SECRET));
    }
}

#[tokio::test]
async fn a_name_in_plain_quotes_loses_the_event_and_only_the_log_tells() {
    let receiver = Receiver::start().await;
    let simulator = hasty_site(1).await;
    let template = Template::Json(r#"{"name": "{{ doc.name }}"}"#.to_owned());
    let webhook = Webhook::new("Customer", "on_update", &receiver.url, SECRET);
    simulator.register_webhook(Webhook { template, ..webhook }).unwrap();
    simulator.create_customer(json!({"customer_name": "He said \"hi\""})).unwrap();
    simulator.webhooks_settled().await;
    assert_eq!(receiver.all().len(), 0);
    let logged = simulator.names("Webhook Request Log");
    let row = simulator.document("Webhook Request Log", &logged[0]).unwrap();
    assert!(row["error"].as_str().unwrap().contains("JSONDecodeError"));
}

#[tokio::test]
async fn a_redirect_is_followed_as_an_empty_get_and_counts_as_delivered() {
    let receiver = Receiver::start().await;
    let simulator = hasty_site(1).await;
    receiver.answers([Response::Redirect("/login")]);
    simulator.register_webhook(Webhook::new("Customer", "on_update", &receiver.url, SECRET)).unwrap();
    simulator.create_customer(json!({"customer_name": "A"})).unwrap();
    simulator.webhooks_settled().await;
    let received = receiver.all();
    assert_eq!(received.len(), 2);
    assert_eq!(
        (received[1].method.as_str(), received[1].path.as_str(), received[1].body.as_str()),
        ("GET", "/login", "")
    );
}

#[tokio::test]
async fn webhooks_can_be_lost_doubled_and_inverted() {
    let receiver = Receiver::start().await;
    let simulator = hasty_site(1).await;
    simulator.register_webhook(Webhook::new("Customer", "on_update", &receiver.url, SECRET)).unwrap();
    let faults = simulator.faults();
    faults.webhooks(WebhookFault::Drop, 1);
    faults.webhooks(WebhookFault::Duplicate, 1);
    faults.webhooks(WebhookFault::Reorder, 1);
    for name in ["A", "B", "C", "D"] {
        simulator.create_customer(json!({"customer_name": name})).unwrap();
    }
    simulator.webhooks_settled().await;
    let names: Vec<Value> = receiver
        .all()
        .iter()
        .map(|received| serde_json::from_str::<Value>(&received.body).unwrap()["name"].clone())
        .collect();
    assert_eq!(names, ["B", "B", "D", "C"]);
}
