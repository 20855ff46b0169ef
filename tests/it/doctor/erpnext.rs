//! A wrong address, a wrong key, and a site that is not as it should be.

use customer_sync::domain::hint::{Delivery, Verdict};
use customer_sync::simulator::{Fault, Maintenance, RateLimit};
use jiff::SignedDuration;
use serde_json::json;

use super::{Patient, closed_port};

const LOGGED_USER: &str = "get_logged_user";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_address_is_named_by_what_answers_there() {
    let mut patient = Patient::synced().await;
    let json = "application/json";
    let elsewhere = "https://sso.example.com/login?token=hush".to_owned();
    for (fault, code, word) in [
        (Fault::Redirect(elsewhere), "erpnext_redirects", "https://sso.example.com/login"),
        (Fault::Html(200), "not_erpnext", "HTML"),
        (Fault::Html(404), "not_erpnext", "ERPNEXT_URL"),
        (Fault::Answer(200, json, "{\"status\":\"ok\"}".to_owned()), "not_erpnext", "ERPNEXT_URL"),
        (Fault::ServerError, "erpnext_fails", "Error Log"),
    ] {
        patient.erpnext.faults().requests_to(LOGGED_USER, fault, 1);
        let findings = patient.examined(&[]).await;
        findings.has("problem", code, &[word]);
        findings.has("note", "skipped", &["ERPNext cannot be asked"]);
        assert!(!format!("{:?}", findings.0).contains("hush"));
        patient.erpnext.faults().clear();
    }
    patient.erpnext.faults().maintenance(Maintenance::Closed);
    patient.has("problem", "erpnext_maintenance", &["maintenance"]).await;
    patient.erpnext.faults().clear();

    patient.set("ERPNEXT_URL", &format!("http://127.0.0.1:{}", closed_port()));
    patient.has("problem", "erpnext_unreachable", &["nothing listens", "ERPNEXT_URL"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_does_not_answer_in_time_is_named() {
    let mut patient = Patient::synced().await;
    patient.set("CUSTOMER_SYNC__ERPNEXT__CONNECT_TIMEOUT", "500ms");
    patient.set("CUSTOMER_SYNC__ERPNEXT__READ_TIMEOUT", "500ms");
    patient.erpnext.faults().requests(Fault::Hang(std::time::Duration::from_secs(30)), 5);
    patient.has("problem", "erpnext_slow", &["did not answer in time"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_a_disabled_user_and_a_swallowed_header_are_told_apart() {
    let mut patient = Patient::synced().await;
    let forbidden =
        json!({"exc_type": "PermissionError", "exception": "frappe.exceptions.PermissionError"}).to_string();
    patient.erpnext.faults().requests_to(LOGGED_USER, Fault::Answer(403, "application/json", forbidden), 1);
    patient.has("problem", "key_not_seen", &["Authorization"]).await;

    let (key, secret) = patient.erpnext.admin_key();
    let before = patient.settings.clone();
    patient.set("ERPNEXT_API_KEY", &key);
    patient.set("ERPNEXT_API_SECRET", &secret);
    patient.has("warning", "too_powerful", &["Administrator"]).await;
    patient.settings = before;

    patient.set("ERPNEXT_API_SECRET", "wrong");
    patient.has("problem", "key_refused", &["ERPNEXT_API_SECRET"]).await;
    // ERPNext answers the same for a user who was disabled.
    patient.erpnext.change_secret(None);
    patient.has("problem", "key_refused", &["enabled"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_clock_and_zone_are_judged() {
    let patient = Patient::synced().await;
    let versions = |apps| Fault::Answer(200, "application/json", json!({"message": apps}).to_string());
    let old = json!({"frappe": {"version": "12.1.0"}, "erpnext": {"version": "12.4.2"}});
    patient.erpnext.faults().requests_to("get_versions", versions(old), 1);
    patient.has("warning", "old_version", &["12.4.2"]).await;
    patient.erpnext.faults().requests_to("get_versions", versions(json!({"frappe": {"version": "15.0.0"}})), 1);
    patient.has("problem", "no_erpnext", &["ERPNEXT_URL"]).await;

    patient.erpnext.advance_clock(SignedDuration::from_mins(10));
    patient.has("warning", "clock_apart", &["ahead of", "NTP"]).await;
    patient.erpnext.advance_clock(SignedDuration::from_mins(-20));
    patient.has("warning", "clock_apart", &["behind"]).await;
    patient.erpnext.advance_clock(SignedDuration::from_mins(10));

    let store = patient.store().await;
    let delivery = |id: &str, event: &str, zone: &str, site: &str| Delivery {
        id: id.to_owned(),
        verdict: Verdict::Ignored,
        event: Some(event.to_owned()),
        doctype: Some("Customer".to_owned()),
        name: Some("A".to_owned()),
        body: json!({"time_zone": zone, "site": site}).to_string(),
        put: None,
    };
    store.accept(&[delivery("1", "on_update", "Asia/Tokyo", "https://erp.example.com")]).await.unwrap();
    patient.has("warning", "time_zone_differs", &["Asia/Tokyo", "America/New_York"]).await;
    store.accept(&[delivery("2", "on_trash", "America/New_York", "https://staging.example.com")]).await.unwrap();
    patient.has("warning", "two_sites", &["https://erp.example.com", "https://staging.example.com"]).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_that_is_too_small_or_used_up_is_named() {
    let patient = Patient::synced().await;
    let limit = |milliseconds| {
        let budget = std::time::Duration::from_millis(milliseconds);
        Some(RateLimit { budget, window: std::time::Duration::from_secs(86_400) })
    };
    patient.erpnext.set_rate_limit(limit(100));
    patient.has("warning", "rate_limit_small", &["rate_limit", "schedule.catch_up"]).await;
    patient.erpnext.set_rate_limit(limit(3_600_000));
    patient.has("ok", "rate_limit", &["3600.0 s"]).await;
    patient.erpnext.spend(std::time::Duration::from_secs(3_000));
    patient.has("warning", "rate_limit_half_used", &["full runs and sweeps wait"]).await;
    patient.erpnext.spend(std::time::Duration::from_secs(3_000));
    patient.has("problem", "rate_limit_used_up", &["rate_limit"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_and_filters_that_the_site_does_not_know_are_named() {
    let mut patient = Patient::synced().await;
    let file = patient.folder().join("customer-sync.toml");
    let text =
        "[mapping]\nextra = { vat = \"customer.custom_vat\" }\n[matching]\nkeys = [\"id:customer.custom_shop\"]\n";
    std::fs::write(&file, text).unwrap();
    let findings = patient.examined(&[]).await;
    findings.has("problem", "unknown_field", &["custom_vat", "[mapping]"]);
    findings.has("problem", "unknown_field", &["custom_shop"]);
    patient.erpnext.add_custom_field("Customer", "custom_vat", false);
    patient.erpnext.add_custom_field("Customer", "custom_shop", true);
    assert!(patient.examined(&[]).await.of_code("unknown_field").is_empty());

    patient.set("CUSTOMER_SYNC__SYNC__FILTER", r#"[["no_such_field", "=", "Retail"]]"#);
    patient.has("problem", "filter_refused", &["sync.filter"]).await;
    patient.set("CUSTOMER_SYNC__SYNC__FILTER", r#"[["customer_group", "=", "Nobody"]]"#);
    patient.has("warning", "filter_matches_none", &["sync.filter"]).await;
}
