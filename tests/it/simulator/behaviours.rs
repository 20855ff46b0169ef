//! What is known about ERPNext without a recording of its own: rename, delete, restore, silent writes, permissions.
//!
//! Invariant: each test is one row of the facts that the service relies on.

use customer_sync::simulator::{Naming, Options, Permission, SYNC_USER, Simulator};
use serde_json::{Value, json};

use super::edits::{SECRET, recorded_site};
use super::wire::{Receiver, Wire};

async fn simulator() -> (Simulator, Wire) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let wire = Wire::new(&simulator, &simulator.key());
    (simulator, wire)
}

fn field(simulator: &Simulator, doctype: &str, name: &str, field: &str) -> Value {
    simulator
        .document(doctype, name)
        .unwrap_or_else(|| panic!("{doctype} {name}"))
        .get(field)
        .cloned()
        .unwrap_or_default()
}

fn quick_entry(name: &str) -> Value {
    json!({
        "customer_name": name, "email_id": "a@b.example", "address_line1": "1 A Street", "city": "Springfield",
        "country": "United States",
    })
}

/// Paths of the webhooks after the first `skip`.
async fn hooks(receiver: &Receiver, simulator: &Simulator, skip: usize) -> Vec<String> {
    simulator.webhooks_settled().await;
    receiver.all()[skip..].iter().map(|webhook| webhook.path.replace("/hooks/", "")).collect()
}

#[tokio::test]
async fn a_rename_keeps_creation_moves_modified_and_tells_only_on_change() {
    let receiver = Receiver::start().await;
    let (simulator, _) = recorded_site(&receiver).await;
    simulator.create_customer(quick_entry("Old")).unwrap();
    let before = simulator.document("Customer", "Old").unwrap();
    let contact_modified = field(&simulator, "Contact", "Old-Old", "modified");
    let seen = hooks(&receiver, &simulator, 0).await.len();
    simulator.rename("Customer", "Old", "New").unwrap();
    assert_eq!(hooks(&receiver, &simulator, seen).await, ["customer/on_change"]);
    assert!(receiver.all()[seen].body.contains("\"name\": \"New\""));
    let after = simulator.document("Customer", "New").unwrap();
    assert_eq!(simulator.document("Customer", "Old"), None);
    assert_eq!((&after["creation"], &after["owner"]), (&before["creation"], &before["owner"]));
    assert_ne!(after["modified"], before["modified"]);
    assert_eq!(after["customer_name"], "New");
    assert_eq!(field(&simulator, "Contact", "Old-Old", "links")[0]["link_name"], "New");
    assert_eq!(field(&simulator, "Contact", "Old-Old", "modified"), contact_modified);
}

#[tokio::test]
async fn a_rename_on_a_site_with_naming_series_is_silent() {
    let receiver = Receiver::start().await;
    let options = Options { naming: Naming::Series, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let name = simulator.create_customer(json!({"customer_name": "Acme"})).unwrap();
    simulator.register_webhooks(&receiver.url, SECRET).unwrap();
    let modified = field(&simulator, "Customer", &name, "modified");
    simulator.rename("Customer", &name, "CUST-X").unwrap();
    assert_eq!(hooks(&receiver, &simulator, 0).await, Vec::<String>::new());
    assert_eq!(field(&simulator, "Customer", "CUST-X", "modified"), modified);
    assert_eq!(field(&simulator, "Customer", "CUST-X", "customer_name"), "Acme");
}

#[tokio::test]
async fn a_naming_series_gives_the_number_of_its_newest_customer_again() {
    let options = Options { naming: Naming::Series, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let first = simulator.create_customer(json!({"customer_name": "A"})).unwrap();
    let creation = field(&simulator, "Customer", &first, "creation");
    simulator.delete("Customer", &first).unwrap();
    assert_eq!(simulator.create_customer(json!({"customer_name": "B"})).unwrap(), first);
    assert_ne!(field(&simulator, "Customer", &first, "creation"), creation);
}

#[tokio::test]
async fn a_merge_tells_on_change_of_both_and_the_trash_of_one() {
    let receiver = Receiver::start().await;
    let (simulator, _) = recorded_site(&receiver).await;
    simulator.create_customer(quick_entry("A")).unwrap();
    simulator.create_customer(json!({"customer_name": "B"})).unwrap();
    let seen = hooks(&receiver, &simulator, 0).await.len();
    simulator.merge("A", "B").unwrap();
    let told = hooks(&receiver, &simulator, seen).await;
    assert_eq!(told, ["customer/on_change", "customer/on_trash", "customer/on_change"]);
    let names: Vec<Value> = receiver.all()[seen..]
        .iter()
        .map(|webhook| serde_json::from_str::<Value>(&webhook.body).unwrap()["name"].clone())
        .collect();
    assert_eq!(names, ["B", "A", "A"]);
    assert_eq!(simulator.document("Customer", "A"), None);
    assert_eq!(field(&simulator, "Address", "A-Billing", "links")[0]["link_name"], "B");
}

#[tokio::test]
async fn a_deleted_customer_takes_its_contact_and_address_along_and_can_be_restored() {
    let receiver = Receiver::start().await;
    let (simulator, _) = recorded_site(&receiver).await;
    simulator.create_customer(quick_entry("Gone")).unwrap();
    let old = simulator.document("Customer", "Gone").unwrap();
    let refused = simulator.delete("Address", "Gone-Billing").unwrap_err();
    assert_eq!((refused.status, refused.exc_type), (417, "LinkExistsError"));
    let seen = hooks(&receiver, &simulator, 0).await.len();
    simulator.delete("Customer", "Gone").unwrap();
    let told = hooks(&receiver, &simulator, seen).await;
    let expected = ["contact", "address", "customer"].map(|of| [format!("{of}/on_trash"), format!("{of}/on_change")]);
    assert_eq!(told, expected.concat());
    assert!(receiver.all()[seen + 4].body.contains(old["modified"].as_str().unwrap()), "the old modified");
    assert_eq!(simulator.names("Deleted Document").len(), 3);

    assert_eq!(simulator.restore("Customer", "Gone").unwrap(), "Gone");
    let told = hooks(&receiver, &simulator, seen + 6).await;
    assert_eq!(told.last().unwrap(), "customer/on_update");
    assert!(told.contains(&"customer/after_insert".to_owned()));
    assert_ne!(field(&simulator, "Customer", "Gone", "creation"), old["creation"]);
}

#[tokio::test]
async fn silent_writes_tell_nobody() {
    let receiver = Receiver::start().await;
    let (simulator, _) = recorded_site(&receiver).await;
    let name = simulator.import("Customer", json!({"customer_name": "Imported"})).unwrap();
    let modified = || field(&simulator, "Customer", &name, "modified");
    let first = modified();
    simulator.sql_edit("Customer", &name, json!({"tax_id": "1"})).unwrap();
    assert_eq!(modified(), first);
    simulator.set_value("Customer", &name, json!({"tax_id": "2"})).unwrap();
    let second = modified();
    assert_ne!(second, first);
    simulator.import("Customer", json!({"name": name, "tax_id": "3"})).unwrap();
    assert_ne!(modified(), second);
    assert_eq!(hooks(&receiver, &simulator, 0).await, Vec::<String>::new());
    simulator.db_set("Customer", &name, json!({"tax_id": "4"})).unwrap();
    assert_eq!(hooks(&receiver, &simulator, 0).await, ["customer/on_change"]);
}

#[tokio::test]
async fn a_renamed_master_rewrites_customers_without_moving_them() {
    let (simulator, _) = simulator().await;
    simulator.create_customer(json!({"customer_name": "A", "payment_terms": "Net 30"})).unwrap();
    let modified = field(&simulator, "Customer", "A", "modified");
    simulator.rename("Payment Terms Template", "Net 30", "30 days").unwrap();
    assert_eq!(field(&simulator, "Customer", "A", "payment_terms"), "30 days");
    assert_eq!(field(&simulator, "Customer", "A", "modified"), modified);
}

#[tokio::test]
async fn emptying_the_primary_contact_makes_a_new_one() {
    let receiver = Receiver::start().await;
    let (simulator, _) = recorded_site(&receiver).await;
    simulator.create_customer(json!({"customer_name": "A", "email_id": "a@b.example"})).unwrap();
    let seen = hooks(&receiver, &simulator, 0).await.len();
    simulator.update("Customer", "A", json!({"customer_primary_contact": null})).unwrap();
    assert_eq!(field(&simulator, "Customer", "A", "customer_primary_contact"), "A-A-1");
    let told = hooks(&receiver, &simulator, seen).await;
    assert_eq!(told, ["contact/after_insert", "contact/on_update", "customer/on_update", "customer/on_change"]);
}

#[tokio::test]
async fn names_are_looked_up_without_case_and_accents_and_in_any_encoding() {
    let (simulator, wire) = simulator().await;
    for name in ["Café Zürich", "A/B", "C/", "..", "50% + x"] {
        simulator.create_customer(json!({"customer_name": name})).unwrap();
    }
    let found = wire.get("/api/resource/Customer/CAFE%20zurich").await.json();
    assert_eq!(found["data"]["name"], "Café Zürich");
    assert_eq!(wire.get("/api/resource/Customer/A%2FB").await.json()["data"]["name"], "A/B");
    assert_eq!(wire.get("/api/resource/Customer/A/B").await.json()["data"]["name"], "A/B");
    assert_eq!(wire.get("/api/resource/Customer/50%25%20+%20x").await.json()["data"]["name"], "50% + x");
    assert_eq!(wire.get("/api/resource/Customer/C%2F").await.status, 404);
    for (name, encoded) in [("C/", "C%2F"), ("..", "..")] {
        let path = format!("/api/method/frappe.client.get?doctype=Customer&name={encoded}");
        assert_eq!(wire.get(&path).await.json()["message"]["name"], name);
    }
    assert!(wire.get("/api/resource/Customer/").await.json()["data"].is_array(), "an empty name is the list");
    let query =
        json!({"doctype": "Customer", "filters": [["name", "in", ["cafe zurich", "a/b"]]], "order_by": "name asc"});
    assert_eq!(wire.list(&query).await, [json!({"name": "A/B"}), json!({"name": "Café Zürich"})]);
}

#[tokio::test]
async fn a_taken_name_gets_a_number_and_bad_names_are_refused() {
    let (simulator, _) = simulator().await;
    let create = |name: &str| simulator.create_customer(json!({"customer_name": name}));
    assert_eq!(create("X").unwrap(), "X");
    assert_eq!(create("x").unwrap(), "x - 1");
    assert_eq!(create("a<b").unwrap_err().status, 417);
    assert_eq!(create(&"x".repeat(141)).unwrap_err().exc_type, "CharacterLengthExceededError");
    assert_eq!(create("").unwrap_err().exc_type, "MandatoryError");
}

#[tokio::test]
async fn a_refused_write_leaves_nothing_behind() {
    let receiver = Receiver::start().await;
    let (simulator, _) = recorded_site(&receiver).await;
    // The customer's own name fits; the name of the Contact that its quick entry makes does not.
    let refused = simulator.create_customer(quick_entry(&"x".repeat(100))).unwrap_err();
    assert_eq!(refused.exc_type, "CharacterLengthExceededError");
    assert_eq!(simulator.names("Customer"), Vec::<String>::new());
    simulator.create_customer(quick_entry("A")).unwrap();
    simulator
        .create("Contact", json!({"first_name": "Z", "links": [{"link_doctype": "Customer", "link_name": "A"}]}))
        .unwrap();
    let before = (simulator.document("Customer", "A"), simulator.names("Contact"), simulator.names("Address"));
    let seen = hooks(&receiver, &simulator, 0).await.len();
    let nobody = Wire::new(&simulator, &simulator.add_user("nobody@example.com", &[]));
    assert_eq!(nobody.send("DELETE", "/api/resource/Customer/A", "").await.status, 403);
    assert_eq!(simulator.update("Customer", "A", json!({"tax_id": "1", "territory": "Nope"})).unwrap_err().status, 417);
    assert_eq!((simulator.document("Customer", "A"), simulator.names("Contact"), simulator.names("Address")), before);
    assert_eq!(hooks(&receiver, &simulator, seen).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_key_may_not_see_is_missing_hidden_or_refused() {
    let (simulator, wire) = simulator().await;
    simulator.create_customer(quick_entry("A")).unwrap();
    simulator.create_customer(json!({"customer_name": "B", "tax_id": "7"})).unwrap();
    let names = json!({"doctype": "Customer", "order_by": "name asc"});
    let address = json!({"doctype": "Address"});

    simulator.hide_document("Customer", "A", true);
    assert_eq!(wire.get("/api/resource/Customer/A").await.status, 403);
    assert_eq!(wire.list(&names).await, [json!({"name": "B"})]);
    assert_eq!(wire.get("/api/method/frappe.client.get_count?doctype=Customer").await.json()["message"], 2);
    assert_eq!(wire.get("/api/method/frappe.desk.reportview.get_count?doctype=Customer").await.json()["message"], 1);
    simulator.hide_document("Customer", "A", false);
    assert_eq!(wire.list(&names).await.len(), 2);

    simulator.hide_field("Customer", "tax_id", true);
    let listed =
        wire.list(&json!({"doctype": "Customer", "fields": ["name", "tax_id"], "filters": {"name": "B"}})).await;
    assert_eq!(listed, [json!({"name": "B"})]);
    let star = wire.list(&json!({"doctype": "Customer", "fields": ["*"], "filters": {"name": "B"}})).await;
    assert!(
        !star[0].as_object().unwrap().contains_key("tax_id") && star[0].as_object().unwrap().contains_key("website")
    );
    assert_eq!(wire.get("/api/resource/Customer/B").await.json()["data"].get("tax_id"), None);
    let meta = wire.get("/api/method/frappe.desk.form.load.getdoctype?doctype=Customer").await.json();
    let fields = meta["docs"][0]["fields"].as_array().unwrap();
    let level = |name: &str| fields.iter().find(|field| field["fieldname"] == name).unwrap()["permlevel"].clone();
    assert_eq!((level("tax_id"), level("website")), (json!(1), json!(0)));

    simulator.set_permission(SYNC_USER, "Address", Some(Permission::NONE));
    assert_eq!(wire.list(&address).await, Vec::<Value>::new());
    assert_eq!(wire.get("/api/resource/Address/A-Billing").await.status, 403);
    assert_eq!(wire.get("/api/resource/Address/Nope").await.status, 404);
    simulator.set_permission(SYNC_USER, "Address", None);
    assert_eq!(wire.list(&address).await.len(), 1);
    simulator.set_permission(SYNC_USER, "Customer", Some(Permission::NONE));
    assert_eq!(wire.get("/api/resource/Customer").await.status, 403);
    assert_eq!(wire.send("PUT", "/api/resource/Contact/A-A", "{\"status\": \"Open\"}").await.status, 403);
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_a_new_one_works() {
    let (simulator, wire) = simulator().await;
    simulator.change_secret(Some("another"));
    assert_eq!(wire.get("/api/method/frappe.auth.get_logged_user").await.status, 401);
    let wire = Wire::new(&simulator, &simulator.key());
    assert_eq!(wire.get("/api/method/frappe.auth.get_logged_user").await.json()["message"], SYNC_USER);
    simulator.change_secret(None);
    assert_eq!(wire.get("/api/method/frappe.auth.get_logged_user").await.status, 401);
}

#[tokio::test]
async fn custom_fields_links_and_keyset_over_many_rows() {
    let (simulator, wire) = simulator().await;
    assert!(simulator.add_custom_field("Customer", "credit_limit", true));
    simulator.create_customer(json!({"customer_name": "A", "credit_limit": 12.5})).unwrap();
    assert_eq!(wire.get("/api/resource/Customer/A").await.json()["data"]["credit_limit"], 12.5);
    simulator.create_customer(json!({"customer_name": "B"})).unwrap();
    let contact = simulator.create("Contact", json!({"first_name": "Z"})).unwrap();
    simulator.link("Contact", &contact, "A").unwrap();
    simulator.link("Contact", &contact, "B").unwrap();
    simulator.unlink("Contact", &contact, "A").unwrap();
    let links = json!({
        "doctype": "Dynamic Link", "parent": "Contact", "fields": ["parent", "link_name"],
        "filters": [["link_doctype", "=", "Customer"], ["link_name", "in", ["A", "B"]], ["parenttype", "=", "Contact"]],
    });
    assert_eq!(wire.list(&links).await, [json!({"parent": contact, "link_name": "B"})]);
}
