//! Connecting: from nothing to webhooks that arrive, again, after drift, and back to nothing.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{Office, Running, USER};
use crate::support::app::{SECRET, wait_until};
use crate::support::databases::free_port;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_user_has_everything_after_one_call_and_a_second_changes_nothing() {
    let office = Office::open().await;
    let key = office.admin_key();
    let address = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{address}");
    let variables = [("ERPNEXT_ADMIN_KEY", key.as_str()), ("LISTEN", address.as_str())];

    let looked = office.setup(&["--url", &url, "--dry-run"], &variables).await;
    assert_eq!(looked.code, 0, "{}", looked.err);
    assert!(looked.out.contains("create the Webhook \"customer-sync: Contact on_trash\""), "{}", looked.out);
    assert!(looked.out.contains("Contact \"Customer Sync\""), "{}", looked.out);
    assert!(office.webhooks().is_empty() && office.erpnext.names("User").is_empty());
    assert_eq!(std::fs::read_dir(office.folder.path()).unwrap().count(), 0, "looking leaves nothing behind");

    let done = office.setup(&["--url", &url, "--yes", "--save", ".env"], &variables).await;
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("10 of 10 templates"), "{}", done.out);
    assert!(done.out.contains("whole way") && done.out.contains("America/New_York"), "{}", done.out);
    let saved = office.folder.path().join(".env");
    assert_eq!(saved.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&saved).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(names, ["ERPNEXT_API_KEY", "ERPNEXT_API_SECRET", "ERPNEXT_WEBHOOK_SECRET"]);
    for value in text.lines().filter_map(|line| line.split('=').nth(1)) {
        assert!(!done.out.contains(value) && !done.err.contains(value), "what is in the file is not shown");
    }
    assert!(
        !text.contains(&key) && !text.contains(key.split(':').nth(1).unwrap()),
        "the administrator's key is not kept"
    );

    assert_eq!(office.webhooks().len(), 10, "{:?}", office.webhooks());
    let user = office.erpnext.document("User", USER).unwrap();
    assert_eq!(user["roles"][0]["role"], "Customer Sync");
    let role = office.erpnext.document("Role", "Customer Sync").unwrap();
    assert_eq!(role["desk_access"], json!(0));

    let before = office.webhook("customer-sync: Customer on_update")["modified"].clone();
    let again = office.setup(&["--url", &url, "--yes", "--save", ".env"], &variables).await;
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.out.contains("nothing to change") && again.out.contains("whole way"), "{}", again.out);
    assert_eq!(office.webhook("customer-sync: Customer on_update")["modified"], before);
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), text);
    assert_eq!(office.erpnext.requests().count("create", "Custom DocPerm"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_setup_made_keep_the_running_service_up_to_date() {
    let office = Office::open().await;
    let key = office.admin_key();
    let running = Running::start(&office, SECRET).await;
    let said = running.connect(&office, &key, &[]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("at the service that is running"), "{}", said.out);

    let name = "Acme \"Q\" Ltd";
    office.erpnext.update("Customer", name, json!({"tax_id": "T-1"})).unwrap();
    wait_until("the customer's webhook arrives", async || {
        running.app.customer(name).await.is_some_and(|row| row["tax_number"] == "T-1")
    })
    .await;
    let address = office.erpnext.names("Address")[0].clone();
    office.erpnext.update("Address", &address, json!({"city": "Elsewhere"})).unwrap();
    wait_until("the address's webhook arrives", async || {
        running.app.customer(name).await.is_some_and(|row| row["city"] == "Elsewhere")
    })
    .await;
    let body = running.app.store().recent_delivery("Address", &address).await.unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["customers"], &body["time_zone"]), (&json!([name]), &json!("America/New_York")));
    assert_eq!(body["webhook"], json!("customer-sync: Address on_update"));
    office.erpnext.delete("Customer", name).unwrap();
    wait_until("the deletion arrives", async || {
        running.app.customer(name).await.is_some_and(|row| !row["deleted_at"].is_null())
    })
    .await;
    assert_eq!(office.failed_deliveries(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_repaired_and_everything_can_be_taken_away_again() {
    let office = Office::open().await;
    let key = office.admin_key();
    let running = Running::start(&office, SECRET).await;
    assert_eq!(running.connect(&office, &key, &[]).await.code, 0);
    let drifted = "customer-sync: Customer on_update";
    office.erpnext.update("Webhook", drifted, json!({"enabled": 0, "webhook_json": "{}"})).unwrap();
    office.erpnext.delete("Webhook", "customer-sync: Contact on_trash").unwrap();
    office.erpnext.update("User", USER, json!({"enabled": 0})).unwrap();
    office.erpnext.update("Role", "Customer Sync", json!({"desk_access": 1})).unwrap();
    let said = running.connect(&office, &key, &["--no-round-trip"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.out.matches("done: ").count(), 4, "{}", said.out);
    assert_eq!(office.webhook(drifted)["enabled"], json!(1));
    assert!(office.webhook(drifted)["webhook_json"].as_str().unwrap().contains("tojson"));
    assert_eq!(office.webhooks().len(), 10);

    office
        .erpnext
        .create(
            "Webhook",
            json!({
                "name": "Payroll", "webhook_doctype": "Customer", "webhook_docevent": "on_update",
                "request_url": "http://127.0.0.1:9/x", "enabled": 0,
            }),
        )
        .unwrap();
    let removed = running.connect(&office, &key, &["--remove"]).await;
    assert_eq!(removed.code, 0, "{}{}", removed.out, removed.err);
    assert_eq!(office.webhooks(), ["Payroll"], "other people's Webhooks stay");
    assert_eq!(office.erpnext.names("User"), [""; 0]);
    assert_eq!(office.erpnext.names("Role"), [""; 0]);
    assert!(removed.out.contains("the Contact \"Customer Sync\""), "{}", removed.out);
    let nothing = running.connect(&office, &key, &["--remove"]).await;
    assert!(nothing.out.contains("nothing to change"), "{}", nothing.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_instance_never_takes_the_webhooks_of_the_first() {
    let office = Office::open().await;
    let key = office.admin_key();
    let production = Running::start(&office, SECRET).await;
    let staging = Running::start(&office, SECRET).await;
    assert_eq!(production.connect(&office, &key, &[]).await.code, 0);
    let name = "customer-sync: Customer on_update";
    let of_production = office.webhook(name);

    let refused = staging.connect(&office, &key, &[]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("--instance") && refused.err.contains("--take-over"), "{}", refused.err);
    assert_eq!(office.webhook(name), of_production);
    let removed = staging.connect(&office, &key, &["--remove"]).await;
    assert_eq!((removed.code, office.webhooks().len()), (0, 10), "{}", removed.out);

    let beside = staging.connect(&office, &key, &["--instance", "staging"]).await;
    assert_eq!(beside.code, 0, "{}", beside.err);
    assert_eq!((office.webhooks().len(), office.webhook(name)), (20, of_production));

    let taken = staging.connect(&office, &key, &["--take-over"]).await;
    assert_eq!(taken.code, 0, "{}", taken.err);
    assert_eq!(office.webhook(name)["request_url"], staging.app.webhook_url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_made_anew_only_on_demand() {
    let office = Office::open().await;
    let key = office.admin_key();
    let running = Running::start(&office, SECRET).await;
    assert!(running.connect(&office, &key, &[]).await.out.contains("ERPNEXT_API_SECRET="));
    let second = running.connect(&office, &key, &[]).await;
    assert!(!second.out.contains("ERPNEXT_API_SECRET=") && second.out.contains("--rotate-key"), "{}", second.out);
    let rotated = running.connect(&office, &key, &["--rotate-key"]).await;
    assert!(rotated.out.contains("stops working") && rotated.out.contains("ERPNEXT_API_SECRET="), "{}", rotated.out);
}
