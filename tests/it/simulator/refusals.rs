//! Replays of the recorded refusals.
//!
//! Invariant: status, content type, exception and messages are those that were recorded; tracebacks are shortened.

use customer_sync::simulator::{Maintenance, Options, SYNC_USER, Simulator};
use serde_json::json;

use super::recording::{only, read, replay};
use super::wire::Wire;

#[tokio::test]
async fn credentials_and_permissions() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let key = simulator.add_user(SYNC_USER, &["Sales User"]);
    let wrong = Wire::new(&simulator, &(key.0.clone(), "wrong".to_owned()));
    replay(&wrong, &only("73-wrong-credentials-401")).await;
    replay(&Wire::anonymous(&simulator), &only("74-no-credentials-403")).await;
    let nobody = Wire::new(&simulator, &simulator.add_user("nobody@example.com", &[]));
    replay(&nobody, &only("75-no-permission-403")).await;
    let user = Wire::new(&simulator, &key);
    replay(&user, &only("42-deleted-documents-forbidden")).await;
    replay(&user, &only("02-webhook-create-forbidden")).await;
}

#[tokio::test]
async fn bad_requests() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let wire = Wire::new(&simulator, &simulator.add_user(SYNC_USER, &["Sales User"]));
    for file in ["77-bad-field-417", "78-bad-filters-500", "72-get-missing-404", "82-v2-missing"] {
        replay(&wire, &only(file)).await;
    }
    for exchange in read("85-get-request-line-too-long-400") {
        replay(&wire, &exchange).await;
    }
}

#[tokio::test]
async fn maintenance_closes_the_site_or_only_writing() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let wire = Wire::new(&simulator, &simulator.admin_key());
    simulator.faults().maintenance(Maintenance::Closed);
    let answer = replay(&wire, &only("83-maintenance-503")).await;
    assert_eq!(answer.header("set-cookie"), None);
    simulator.faults().maintenance(Maintenance::ReadOnly);
    assert_eq!(wire.get("/api/resource/Customer").await.status, 200);
    let refused = wire.send("POST", "/api/resource/Customer", &json!({"customer_name": "X"}).to_string()).await;
    assert_eq!((refused.status, &refused.json()["exc_type"]), (503, &json!("InReadOnlyMode")));
    simulator.faults().clear();
    assert_eq!(wire.send("POST", "/api/resource/Customer", "{\"customer_name\": \"X\"}").await.status, 200);
}

#[tokio::test]
async fn webhook_documents() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let admin = Wire::new(&simulator, &simulator.admin_key());
    replay(&admin, &only("01-webhook-create")).await;
    replay(&admin, &only("03-webhook-create-bad-event")).await;
    let path = "/api/resource/Webhook/Customer%20on_update";
    let changed = admin.send("PUT", path, &json!({"webhook_docevent": "on_trash"}).to_string()).await;
    assert_eq!(changed.status, 417, "the event of a webhook cannot be changed");
    let kept = admin.send("PUT", path, &json!({"webhook_secret": "*******************"}).to_string()).await;
    assert_eq!(kept.json()["data"]["webhook_secret"], "*******************");
}
