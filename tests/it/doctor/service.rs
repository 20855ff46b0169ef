//! The running service: healthy from end to end, paused, another one's, and what answers at the public address.

use customer_sync::simulator::{Fault, Options, Permission, SYNC_USER, Simulator};
use serde_json::json;

use super::{Patient, closed_port};
use crate::support::app::{SECRET, client, wait_until};
use crate::support::binary::Serving;

fn listen(serving: &Serving) -> String {
    serving.url.trim_start_matches("http://").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_installation_has_neither_problems_nor_warnings() {
    let mut patient = Patient::synced().await;
    let serving = Serving::start(patient.folder(), &patient.environment());
    patient.set("LISTEN", &listen(&serving));
    patient.set("PUBLIC_URL", &serving.url);
    patient.erpnext.register_webhooks(&format!("{}/webhooks/erpnext", serving.url), SECRET).unwrap();
    for doctype in ["Webhook", "Webhook Request Log"] {
        patient.erpnext.set_permission(SYNC_USER, doctype, Some(Permission::READ));
    }
    let name = patient.erpnext.names("Customer")[0].clone();
    patient.erpnext.update("Customer", &name, json!({"tax_id": "1"})).unwrap();
    patient.erpnext.webhooks_settled().await;

    let before = patient.erpnext.requests().total();
    let findings = patient.examined(&[]).await;
    assert!(findings.wrong().is_empty(), "{:#?}", findings.wrong());
    for (code, word) in [
        ("service", "answers"),
        ("receiver", "our receiver"),
        ("webhooks", "as they should be"),
        ("deliveries", "Customer"),
        ("version", "15."),
        ("time_zone", "America/New_York"),
        ("clock", "agrees"),
        ("fields", "every field"),
        ("disk", "free"),
        ("schedule", "catch_up"),
    ] {
        findings.has("ok", code, &[word]);
    }
    assert!(findings.of_code("skipped").is_empty(), "{:#?}", findings.of_code("skipped"));
    assert!(patient.erpnext.requests().total() - before < 60, "doctor asks too much");
    serving.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_service_and_one_of_another_database_are_named() {
    let mut patient = Patient::synced().await;
    patient.has("note", "not_running_here", &["customer-sync serve"]).await;
    let serving = Serving::start(patient.folder(), &patient.environment());
    patient.set("LISTEN", &listen(&serving));
    patient.has("ok", "service", &["answers"]).await;

    let mut other = Patient::synced().await;
    other.set("LISTEN", &listen(&serving));
    other.set("PUBLIC_URL", &serving.url);
    let findings = other.examined(&[]).await;
    findings.has("problem", "service_is_another", &["LISTEN", "DATABASE_URL"]);
    findings.has("problem", "receiver_is_another", &["PUBLIC_URL"]);

    patient.erpnext.change_secret(None);
    assert_eq!(patient.runs(&["schedules", "run", "catch_up"]).await.0, 0);
    let http = client();
    wait_until("it has paused", async || {
        let ready = http.get(format!("{}/readyz", serving.url)).send().await.unwrap();
        ready.text().await.unwrap().contains("\"paused\"")
    })
    .await;
    patient.has("problem", "paused", &["ERPNEXT_API_KEY"]).await;
    serving.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_at_the_public_address_is_told() {
    let mut patient = Patient::synced().await;
    patient.has("note", "skipped", &["PUBLIC_URL is not set"]).await;
    patient.set("PUBLIC_URL", &format!("http://127.0.0.1:{}", closed_port()));
    patient.has("problem", "receiver_unreachable", &["PUBLIC_URL", "customer-sync serve"]).await;

    let stranger = Simulator::start(Options::default()).await.unwrap();
    patient.set("PUBLIC_URL", &stranger.url());
    patient.has("problem", "receiver_is_not_ours", &["LISTEN"]).await;
    stranger.faults().requests(Fault::Redirect("https://sync.example.com/webhooks/erpnext".to_owned()), 1);
    patient.has("problem", "receiver_redirects", &["https://sync.example.com", "lost"]).await;

    // Nobody is asked: the proxy is not there.
    patient.set("CUSTOMER_SYNC__ERPNEXT__PROXY", &format!("http://127.0.0.1:{}", closed_port()));
    patient.set("ERPNEXT_URL", "https://erp.example.com");
    patient.has("warning", "receiver_address_local", &["PUBLIC_URL", "local network"]).await;
}
