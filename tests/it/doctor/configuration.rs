//! What is missing, wrong or unsafe in the configuration; and what the screen looks like.

use super::{Patient, closed_port};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_and_wrong_settings_are_named_with_their_variables() {
    let mut patient = Patient::synced().await;
    for (variable, value) in [("ERPNEXT_URL", ""), ("ERPNEXT_API_KEY", ""), ("ERPNEXT_API_SECRET", "")] {
        let before = patient.settings.clone();
        patient.set(variable, value);
        let findings = patient.examined(&[]).await;
        findings.has("problem", "configuration", &[variable]);
        findings.has("note", "skipped", &["ERPNext"]);
        findings.has("ok", "database", &["SQLite"]);
        patient.settings = before;
    }
    patient.set("CUSTOMER_SYNC__WORKER__LEASE", "soon");
    let findings = patient.examined(&[]).await;
    findings.has("problem", "configuration", &["worker.lease", "CUSTOMER_SYNC__WORKER__LEASE"]);
    findings.has("note", "skipped", &["everything else"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsafe_settings_are_named() {
    let mut patient = Patient::synced().await;
    patient.set("ERPNEXT_WEBHOOK_SECRET", "short");
    patient.has("warning", "short_webhook_secret", &["openssl rand"]).await;
    patient.set("ERPNEXT_WEBHOOK_SECRET", "");
    patient.has("problem", "no_webhook_secret", &["ERPNEXT_WEBHOOK_SECRET"]).await;
    patient.set("CUSTOMER_SYNC__WEBHOOK__INSECURE", "true");
    patient.has("warning", "insecure", &["anybody"]).await;

    // Nobody is asked: the proxy is not there.
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    patient.set("CUSTOMER_SYNC__ERPNEXT__PROXY", &proxy);
    patient.set("ERPNEXT_URL", "http://erp.example.com");
    let findings = patient.examined(&[]).await;
    findings.has("warning", "key_in_clear", &["https://"]);
    findings.has("problem", "another_site", &["http://erp.example.com", "--new-site"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_is_plain_without_a_terminal_and_shows_sources_but_no_secret() {
    let patient = Patient::synced().await;
    let (_code, screen) = patient.runs(&["doctor"]).await;
    for part in
        ["Configuration", "Database", "Service", "ERPNext", "Permissions", "Webhooks", "Receiver", "Queue", "Disk"]
    {
        assert!(screen.lines().any(|line| line == part), "{part}: {screen}");
    }
    assert!(screen.contains("erpnext.url = http://127.0.0.1") && screen.contains("[ERPNEXT_URL]"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 130), "{screen}");
    let last = screen.lines().last().unwrap();
    assert!(last.contains("problem") && last.contains("warning"), "{last}");
    for (variable, value) in &patient.settings {
        let is_secret = ["ERPNEXT_API_KEY", "ERPNEXT_API_SECRET", "ERPNEXT_WEBHOOK_SECRET"].contains(variable);
        assert!(!is_secret || !screen.contains(value), "{variable} is shown: {screen}");
    }
    let (_code, quiet) = patient.runs(&["doctor", "--quiet"]).await;
    assert!(!quiet.contains("  ok  ") && quiet.lines().count() < screen.lines().count(), "{quiet}");
}
