//! Changing the webhook secret while ERPNext works: no webhook is refused.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{Office, Running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_changed_under_load_without_one_refused_webhook() {
    let office = Office::open().await;
    let key = office.admin_key();
    let running = Running::start(&office, "new-secret, old-secret").await;
    assert_eq!(running.setup(&office, &key, "old-secret", &["--yes"]).await.code, 0);

    let one = running.setup(&office, &key, "old-secret", &["--yes", "--rotate-secret"]).await;
    assert_eq!(one.code, 1);
    assert!(one.err.contains("in front of the present one"), "{}", one.err);

    let rotating = AtomicBool::new(true);
    let people = async {
        let mut edits = 0_u32;
        while rotating.load(Ordering::Relaxed) {
            for _ in 0..10 {
                edits += 1;
                let fields = json!({"tax_id": format!("T-{edits}")});
                office.erpnext.update("Customer", "Acme \"Q\" Ltd", fields).unwrap();
            }
            // As fast as ERPNext's workers deliver, and no faster.
            office.erpnext.webhooks_settled().await;
        }
        edits
    };
    let rotation = async {
        let rotated = running.setup(&office, &key, "new-secret, old-secret", &["--yes", "--rotate-secret"]).await;
        rotating.store(false, Ordering::Relaxed);
        rotated
    };
    let (edits, rotated) = tokio::join!(people, rotation);
    assert_eq!(rotated.code, 0, "{}{}", rotated.out, rotated.err);
    assert!(rotated.out.contains("accepts the new secret"), "{}", rotated.out);
    assert!(edits > 10, "ERPNext was at work meanwhile");
    office.erpnext.webhooks_settled().await;
    assert_eq!(office.failed_deliveries(), [""; 0], "none of the webhooks of {edits} edits was refused");

    // A service that knows the new secret alone takes over: every Webhook signs with it.
    let next = Running::start(&office, "new-secret").await;
    let taken = next.setup(&office, &key, "new-secret", &["--yes", "--take-over"]).await;
    assert_eq!(taken.code, 0, "{}{}", taken.out, taken.err);
    for (doctype, field) in [("Customer", "tax_id"), ("Contact", "first_name"), ("Address", "city")] {
        let name = office.erpnext.names(doctype)[0].clone();
        office.erpnext.update(doctype, &name, json!({field: "Rotated"})).unwrap();
    }
    office.erpnext.webhooks_settled().await;
    assert_eq!(office.failed_deliveries(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_are_taken_over_sign_with_the_secret_of_their_new_place() {
    let office = Office::open().await;
    let key = office.admin_key();
    let theirs = Running::start(&office, "their-secret").await;
    assert_eq!(theirs.setup(&office, &key, "their-secret", &["--yes"]).await.code, 0);
    let ours = Running::start(&office, "our-secret").await;
    let taken = ours.setup(&office, &key, "our-secret", &["--yes", "--take-over"]).await;
    assert_eq!(taken.code, 0, "{}{}", taken.out, taken.err);
    for (doctype, field) in [("Customer", "tax_id"), ("Contact", "first_name"), ("Address", "city")] {
        let name = office.erpnext.names(doctype)[0].clone();
        office.erpnext.update(doctype, &name, json!({field: "Taken"})).unwrap();
    }
    office.erpnext.webhooks_settled().await;
    assert_eq!(office.failed_deliveries(), [""; 0]);

    // Somebody who has lost the secret is not told that all is well.
    let lost = ours.setup(&office, &key, "", &["--yes"]).await;
    assert_eq!(lost.code, 1, "{}", lost.out);
    assert!(lost.err.contains("ERPNEXT_WEBHOOK_SECRET") && lost.err.contains("--take-over"), "{}", lost.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_the_service_does_not_know_yet_is_not_written_into_any_webhook() {
    let office = Office::open().await;
    let key = office.admin_key();
    let running = Running::start(&office, "old-secret").await;
    assert_eq!(running.setup(&office, &key, "old-secret", &["--yes"]).await.code, 0);
    let failed = running.setup(&office, &key, "new-secret, old-secret", &["--yes", "--rotate-secret"]).await;
    assert_eq!(failed.code, 1, "{}", failed.out);
    assert!(failed.err.contains("another secret") && failed.err.contains("restart"), "{}", failed.err);
    assert_eq!(office.webhooks().len(), 10, "the Webhook of the round trip is gone");
    let before = office.failed_deliveries().len();
    office.erpnext.update("Customer", "Acme \"Q\" Ltd", json!({"tax_id": "still"})).unwrap();
    office.erpnext.webhooks_settled().await;
    assert_eq!(office.failed_deliveries().len(), before, "the others sign with the old one as before");
}
