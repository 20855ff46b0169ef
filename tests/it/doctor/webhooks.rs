//! Webhook documents that are missing or not as they should be, and a secret that is not ours.

use customer_sync::simulator::{Permission, SYNC_USER, Template, Webhook};
use serde_json::{Value, json};

use super::{Patient, closed_port};
use crate::support::app::SECRET;
use crate::support::binary::Serving;

/// An installation whose Webhooks can be read and go to that address.
async fn with_webhooks(url: &str) -> Patient {
    let mut patient = Patient::synced().await;
    patient.set("PUBLIC_URL", url);
    patient.erpnext.register_webhooks(&format!("{url}/webhooks/erpnext"), SECRET).unwrap();
    for doctype in ["Webhook", "Webhook Request Log"] {
        patient.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::READ));
    }
    patient
}

async fn unreachable() -> Patient {
    with_webhooks(&format!("http://127.0.0.1:{}", closed_port())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_may_not_be_listed_are_described_for_a_person() {
    let mut patient = unreachable().await;
    patient.erpnext.set_permission(SYNC_USER, "Webhook", None);
    patient.erpnext.set_permission(SYNC_USER, "Webhook Request Log", None);
    patient.has("note", "skipped", &["Webhook documents", "/webhooks/erpnext", "Enable Security", "on_trash"]).await;

    let (key, secret) = patient.erpnext.admin_key();
    patient.set("ERPNEXT_ADMIN_KEY", &format!("{key}:{secret}"));
    let findings = patient.examined(&[]).await;
    findings.has("ok", "webhooks", &["as they should be"]);
    assert!(findings.of_code("too_powerful").is_empty(), "the key is for the Webhooks only");
    assert!(!format!("{:?}", findings.0).contains(&secret), "the administrator's secret is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_a_webhook_is_named() {
    let patient = unreachable().await;
    patient.has("ok", "webhooks", &["as they should be"]).await;
    let name = "Customer on_update";
    let before = patient.erpnext.document("Webhook", name).unwrap();
    for (change, severity, code) in [
        (json!({"enabled": 0}), "problem", "webhook_disabled"),
        (json!({"request_url": "https://staging.example.com/webhooks/erpnext"}), "problem", "webhook_wrong_url"),
        (json!({"enable_security": 0}), "problem", "webhook_unsigned"),
        (json!({"condition": "doc.disabled == 0"}), "problem", "webhook_condition"),
        (json!({"request_method": "DELETE"}), "problem", "webhook_method"),
        (json!({"timeout": 1}), "warning", "webhook_timeout"),
        (json!({"webhook_json": "{\"name\": {{ doc.name | tojson }}}"}), "problem", "webhook_template"),
        (json!({"webhook_json": ""}), "problem", "webhook_template"),
        (
            json!({"webhook_json": "{\"doctype\": 1, \"name\": 2, \"at\": \"{{ now() }}\"}"}),
            "problem",
            "webhook_unverifiable",
        ),
    ] {
        patient.erpnext.sql_edit("Webhook", name, change.clone()).unwrap();
        let findings = patient.examined(&[]).await;
        findings.has(severity, code, &[name]);
        let about: Vec<&Value> =
            findings.wrong().into_iter().filter(|one| one["code"].as_str().unwrap().starts_with("webhook")).collect();
        assert_eq!(about.len(), 1, "{change}: {about:#?}");
        patient.erpnext.put("Webhook", Value::Object(before.clone()));
    }
    patient.erpnext.delete("Webhook", name).unwrap();
    patient.has("problem", "webhook_missing", &["Customer on_update", "customer-sync setup"]).await;

    let url = before["request_url"].as_str().unwrap();
    let old = Webhook {
        name: "customer-sync: Customer on_update".to_owned(),
        template: Template::Json(
            "{\"doctype\": {{ doc.doctype | tojson }}, \"name\": {{ doc.name | tojson }}}".to_owned(),
        ),
        ..Webhook::new("Customer", "on_update", url, SECRET)
    };
    patient.erpnext.register_webhook(old).unwrap();
    patient.has("warning", "webhook_stale", &["customer-sync: Customer on_update", "customer-sync setup"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_send_doctype_and_name_are_good_too() {
    let patient = unreachable().await;
    let before = patient.erpnext.document("Webhook", "Customer on_update").unwrap();
    patient.erpnext.delete("Webhook", "Customer on_update").unwrap();
    let rows = ["doctype", "name"].map(|key| (key.to_owned(), key.to_owned())).to_vec();
    let url = before["request_url"].as_str().unwrap();
    let webhook = Webhook { template: Template::Rows(rows), ..Webhook::new("Customer", "on_update", url, SECRET) };
    patient.erpnext.register_webhook(webhook).unwrap();
    patient.has("ok", "webhooks", &["as they should be"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_and_an_address_that_fails_are_told_apart() {
    let mut patient = unreachable().await;
    let name = patient.erpnext.names("Customer")[0].clone();
    patient.erpnext.update("Customer", &name, json!({"tax_id": "1"})).unwrap();
    patient.erpnext.webhooks_settled().await;
    let findings = patient.examined(&[]).await;
    findings.has("problem", "webhook_failing", &["Customer on_update"]);
    findings.has("warning", "nothing_delivered", &["Customer never"]);

    patient.set("ERPNEXT_WEBHOOK_SECRET", "another secret of ours");
    let serving = Serving::start(patient.folder(), &patient.environment());
    patient.set("PUBLIC_URL", &serving.url);
    for webhook in patient.erpnext.names("Webhook") {
        let url = json!({"request_url": format!("{}/webhooks/erpnext", serving.url)});
        patient.erpnext.update("Webhook", &webhook, url).unwrap();
    }
    patient.erpnext.update("Customer", &name, json!({"tax_id": "2"})).unwrap();
    patient.erpnext.webhooks_settled().await;
    patient.has("problem", "webhook_wrong_secret", &["Customer on_update", "ERPNEXT_WEBHOOK_SECRET"]).await;
    serving.kill();
}
