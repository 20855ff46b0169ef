//! An administrator's calls: exactly the requests that were measured on a real ERPNext, and no other.
//!
//! Invariant: method, path and body are compared whole. What was recorded is compared with the recording.

use customer_sync::domain::webhook::{Instance, Webhook, wanted};
use customer_sync::erpnext::admin::{Admin, Preview};
use customer_sync::erpnext::{Error, Reached};
use serde_json::{Value, json};

use super::recordings;
use super::stand_in::{Reaction, Seen, StandIn};

async fn erpnext(status: u16, answer: &str) -> (StandIn, Admin) {
    let erpnext = StandIn::always(Reaction::json(status, answer)).await;
    let admin = Admin::new(erpnext.client());
    (erpnext, admin)
}

fn webhook() -> Webhook {
    wanted(&Instance::default(), "https://sync.example.com/webhooks/erpnext").swap_remove(1)
}

/// Method, path and JSON body.
fn told(seen: &Seen) -> (String, String, Value) {
    (seen.method.clone(), seen.path.clone(), serde_json::from_str(&seen.body).unwrap_or_default())
}

fn call(method: &str, path: &str, body: Value) -> (String, String, Value) {
    (method.to_owned(), path.to_owned(), body)
}

const MANAGER: &str = "/api/method/frappe.core.page.permission_manager.permission_manager";

#[tokio::test]
async fn every_change_goes_out_as_measured() {
    let (erpnext, admin) = erpnext(200, r#"{"data":{"name":"x"},"message":{"api_key":"k","api_secret":"s"}}"#).await;
    admin.create("Role", &json!({"role_name": "Customer Sync", "desk_access": 0})).await.unwrap();
    admin.permit("Deleted Document", "Customer Sync").await.unwrap();
    admin.forbid("Customer", "Customer Sync").await.unwrap();
    let keys = admin.generate_keys("sync@example.com").await.unwrap();
    assert_eq!((keys.api_key.as_str(), keys.api_secret.as_str()), ("k", "s"));
    assert!(!format!("{keys:?}").contains("\"s\""));
    admin.update("Webhook", "customer-sync: A/B 50%", &json!({"enabled": 1})).await.unwrap();
    admin.remove_webhook("customer-sync: Customer on_update").await.unwrap();
    let seen: Vec<_> = erpnext.seen().iter().map(told).collect();
    let path = "/api/resource/Webhook/customer-sync%3A%20Customer%20on_update";
    assert_eq!(
        seen,
        [
            call("POST", "/api/resource/Role", json!({"role_name": "Customer Sync", "desk_access": 0})),
            call(
                "POST",
                &format!("{MANAGER}.add"),
                json!({"parent": "Deleted Document", "role": "Customer Sync", "permlevel": 0})
            ),
            call(
                "POST",
                &format!("{MANAGER}.remove"),
                json!({"doctype": "Customer", "role": "Customer Sync", "permlevel": 0, "if_owner": 0})
            ),
            call(
                "POST",
                "/api/method/frappe.core.doctype.user.user.generate_keys",
                json!({"user": "sync@example.com"})
            ),
            call("PUT", "/api/resource/Webhook/customer-sync%3A%20A%2FB%2050%25", json!({"enabled": 1})),
            call("PUT", path, json!({"enabled": 0})),
            call("DELETE", path, Value::Null),
        ]
    );
    assert!(seen.iter().all(|(_, path, _)| !path.contains("DocPerm")), "that would take everybody's access away");
}

#[tokio::test]
async fn a_webhook_is_created_as_it_was_recorded() {
    let recorded = recordings::exchanges("01-webhook-create.json").swap_remove(0);
    let erpnext = StandIn::always(recordings::last("01-webhook-create.json")).await;
    let admin = Admin::new(erpnext.client());
    admin.create_webhook(&webhook(), "the-secret").await.unwrap();
    let (method, path, body) = told(&erpnext.seen()[0]);
    let request = &recorded["request"];
    assert_eq!((json!(method), json!(path)), (request["method"].clone(), request["path"].clone()));
    for (field, value) in body.as_object().unwrap() {
        // A field that the recording has not must be one that ERPNext answered with, or the empty condition.
        let known = request["body"].get(field).or_else(|| recorded["response"]["body"]["data"].get(field));
        assert!(known.is_some_and(|known| known.is_i64() == value.is_i64()) || field == "condition", "{field}");
    }
    for field in ["enabled", "request_method", "request_structure", "enable_security", "webhook_doctype"] {
        assert_eq!(body[field], request["body"][field], "{field}");
    }
    assert_eq!(body["webhook_secret"], "the-secret");
    assert_eq!(body["condition"], "");
}

#[tokio::test]
async fn a_refusal_is_told_as_recorded_and_nothing_is_sent_twice() {
    let erpnext = StandIn::always(recordings::last("02-webhook-create-forbidden.json")).await;
    let admin = Admin::new(erpnext.client());
    assert!(matches!(admin.create_webhook(&webhook(), "s").await, Err(Error::Forbidden { .. })));
    let erpnext = StandIn::always(recordings::last("03-webhook-create-bad-event.json")).await;
    let admin = Admin::new(erpnext.client());
    assert!(matches!(admin.create_webhook(&webhook(), "s").await, Err(Error::Invalid { status: 417, .. })));
    let silent = StandIn::always(Reaction::HangUp).await;
    let admin = Admin::new(silent.client());
    admin.generate_keys("sync@example.com").await.unwrap_err();
    assert_eq!(silent.seen().len(), 1, "a write that was not answered may have been done");
}

#[tokio::test]
async fn what_is_gone_already_needs_no_removal() {
    let (_erpnext, admin) = erpnext(404, r#"{"exc_type":"DoesNotExistError"}"#).await;
    admin.delete("User", "x@example.com").await.unwrap();
    admin.remove_webhook("customer-sync: x").await.unwrap();
    assert!(admin.update("User", "x@example.com", &json!({})).await.is_err());
}

#[tokio::test]
async fn a_preview_is_asked_for_with_an_unsaved_document() {
    let answer = r#"{"docs":[{"doctype":"Webhook","preview_request_body":"{\"name\": \"A\"}"}]}"#;
    let (server, admin) = erpnext(200, answer).await;
    assert_eq!(admin.preview(&webhook(), "A").await.unwrap(), Preview::Body("{\"name\": \"A\"}".to_owned()));
    let (method, path, body) = told(&server.seen()[0]);
    assert_eq!(
        (method.as_str(), path.as_str(), &body["method"]),
        ("POST", "/api/method/run_doc_method", &json!("generate_preview"))
    );
    let unsaved: Value = serde_json::from_str(body["docs"].as_str().unwrap()).unwrap();
    assert_eq!((&unsaved["__islocal"], &unsaved["preview_document"]), (&json!(1), &json!("A")));
    assert_eq!(unsaved["webhook_json"], webhook().template.as_str());
    assert!(unsaved.get("webhook_secret").is_none());
    let (_server, admin) = erpnext(200, r#"{"docs":[{}]}"#).await;
    assert_eq!(admin.preview(&webhook(), "A").await.unwrap(), Preview::Unavailable);
}

#[tokio::test]
async fn the_log_of_attempts_gives_the_last_line_of_each_traceback() {
    let logged = recordings::exchanges("52-webhook-request-log.json").swap_remove(0);
    let rows = &logged["response"]["body"]["data"];
    let (_server, admin) = erpnext(200, &json!({"message": rows}).to_string()).await;
    let attempts = admin.attempts("Customer on_update").await.unwrap();
    assert_eq!(attempts[0].error, None);
    assert!(attempts[1].error.as_ref().unwrap().starts_with("requests.exceptions.HTTPError: 500 Server Error"));
}

#[tokio::test]
async fn the_public_address_is_looked_at_without_following_it() {
    let ask = async |reaction: Reaction| {
        let server = StandIn::always(reaction).await;
        Reached::ask(&format!("http://127.0.0.1:{}/webhooks/erpnext", server.port).parse().unwrap()).await
    };
    let moved = Reaction::json(301, "{}").with("Location", &"https://elsewhere.example.com/");
    assert_eq!(ask(moved).await, Reached::Redirect { to: "https://elsewhere.example.com/".to_owned() });
    assert_eq!(ask(Reaction::html(502)).await, Reached::Other { status: 502 });
    assert_eq!(
        ask(Reaction::json(405, r#"{"code":"method_not_allowed"}"#)).await,
        Reached::Receiver { installation: None }
    );
    assert!(matches!(ask(Reaction::HangUp).await, Reached::Nobody { .. }));
}
