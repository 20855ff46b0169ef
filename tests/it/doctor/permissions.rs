//! What the key may not read.

use customer_sync::simulator::{Fault, Permission, SYNC_USER};
use serde_json::json;

use super::Patient;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_that_is_missing_is_named() {
    let patient = Patient::synced().await;
    for (doctype, code) in [
        ("Customer", "no_permission_customer"),
        ("Address", "no_permission_address"),
        ("Contact", "no_permission_contact"),
    ] {
        patient.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::NONE));
        let findings = patient.examined(&[]).await;
        findings.has("problem", code, &[doctype, "Role Permissions Manager"]);
        patient.erpnext.set_permission(SYNC_USER, doctype, None);
        assert_eq!(patient.examined(&[]).await.of_code(code).len(), 0, "{doctype}");
    }
    patient.erpnext.set_permission(SYNC_USER, "Deleted Document", Some(Permission::NONE));
    patient.has("note", "no_permission_deleted_document", &["sweep"]).await;
    let forbidden = json!({"exc_type": "PermissionError"}).to_string();
    let fault = Fault::Answer(403, "application/json", forbidden);
    patient.erpnext.faults().requests_to("Customer Credit Limit", fault, 1);
    patient.has("warning", "credit_limits_hidden", &["credit limits"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_rows_and_fields_are_counted_and_named() {
    let patient = Patient::synced().await;
    let name = patient.erpnext.names("Customer")[0].clone();
    patient.erpnext.hide_document("Customer", &name, true);
    patient.has("warning", "hidden_rows", &["1 of 5", "User Permissions"]).await;
    patient.erpnext.hide_field("Customer", "tax_id", true);
    let findings = patient.examined(&[]).await;
    findings.has("problem", "field_not_permitted", &["tax_id", "Customer"]);
    assert!(!format!("{:?}", findings.0).contains(&name), "a customer's name is shown");
}
