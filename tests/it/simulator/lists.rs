//! Replays of the recorded lists and counts.
//!
//! Invariant: the documents of each recording are put in place from its own answer, with others around them that the
//! recorded filters have to leave out.

use customer_sync::simulator::{Options, SYNC_USER, Simulator};
use serde_json::{Value, json};

use super::recording::{only, read, replay};
use super::wire::Wire;

async fn site() -> (Simulator, Wire) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let key = simulator.add_user(SYNC_USER, &["Sales User"]);
    let wire = Wire::new(&simulator, &key);
    (simulator, wire)
}

/// Puts the rows of a recorded list in place.
fn put_rows(simulator: &Simulator, doctype: &str, answer: &Value) {
    let rows = answer.get("data").or_else(|| answer.get("message")).and_then(Value::as_array).unwrap();
    for row in rows {
        simulator.put(doctype, row.clone());
    }
}

#[tokio::test]
async fn without_parameters_a_list_has_twenty_names() {
    let (simulator, wire) = site().await;
    put_rows(&simulator, "Customer", &only("60-list-default").answer);
    for number in 0..5 {
        simulator.put("Customer", json!({"name": format!("More {number}")}));
    }
    let recorded = only("60-list-default");
    let listed = wire.get(&recorded.path).await.json();
    let rows = listed["data"].as_array().unwrap();
    assert_eq!(rows.len(), recorded.answer["data"].as_array().unwrap().len());
    assert!(rows.iter().all(|row| row.as_object().unwrap().keys().eq(["name"])));
}

#[tokio::test]
async fn fields_order_and_keyset_pages_are_as_recorded() {
    let (simulator, wire) = site().await;
    for file in ["62-list-modified-filter", "63-list-keyset-next-page", "61-list-fields-order"] {
        put_rows(&simulator, "Customer", &only(file).answer);
    }
    simulator.put("Customer", json!({"name": "Older", "modified": "2026-09-30 23:59:59.999999"}));
    simulator.put("Customer", json!({"name": "Other owner", "modified": "2026-11-20 00:00:00"}));
    for file in ["61-list-fields-order", "62-list-modified-filter", "63-list-keyset-next-page"] {
        let exchange = only(file);
        let answer = wire.send(&exchange.method, &exchange.path, "").await;
        // Compared with the times in place: they are what these lists are about.
        assert_eq!(answer.json(), exchange.answer, "{file}");
    }
}

#[tokio::test]
async fn linked_fields_star_and_child_tables_are_as_recorded() {
    let (simulator, wire) = site().await;
    let linked = only("64-list-linked-fields");
    for row in linked.answer["data"].as_array().unwrap() {
        let mut customer = row.clone();
        customer["owner"] = json!("seed@example.com");
        simulator.put("Customer", customer);
        if let (Some(address), Some(contact)) =
            (row["customer_primary_address"].as_str(), row["customer_primary_contact"].as_str())
        {
            let mut parts = row.clone();
            parts["name"] = json!(address);
            simulator.put("Address", parts);
            simulator.put("Contact", json!({"name": contact, "full_name": row["contact_person"]}));
        }
    }
    assert_eq!(wire.get(&linked.path).await.json(), linked.answer);

    put_rows(&simulator, "Customer", &only("65-list-star").answer);
    let star = only("65-list-star");
    assert_eq!(wire.get(&star.path).await.json(), star.answer);

    let limit = |company: &str, limit: f64| json!({"name": "x", "company": company, "credit_limit": limit});
    let full = [limit("Acme Test Company", 7500.5), limit("Second Co", 77.0)];
    simulator.put("Customer", json!({"name": "Rec Acme Supplies"}));
    simulator.put("Customer", json!({"name": "Rec Full Details Inc", "credit_limits": full}));
    simulator.put("Customer", json!({"name": "Rec Variants Ltd", "credit_limits": [limit("Acme Test Company", 10.0)]}));
    replay(&wire, &only("66-list-child-table-field")).await;
}

#[tokio::test]
async fn child_doctypes_are_listed_with_their_parent_named_and_refused_without() {
    let (simulator, wire) = site().await;
    let limits = only("67-list-credit-limits");
    for row in limits.answer["data"].as_array().unwrap() {
        simulator.put("Customer", json!({"name": row["parent"], "credit_limits": [row]}));
    }
    assert_eq!(wire.get(&limits.path).await.json(), limits.answer);
    let refused = wire.get(&limits.path.replace("parent=Customer&", "")).await;
    assert_eq!((refused.status, &refused.json()["exc_type"]), (403, &json!("PermissionError")));

    let links = only("68-list-address-links");
    for (row, name) in links.answer["data"].as_array().unwrap().iter().zip(["a", "b", "c"]) {
        let link = json!({"name": name, "link_doctype": "Customer", "link_name": row["link_name"]});
        simulator.put("Address", json!({"name": row["parent"], "links": [link]}));
    }
    let other = json!([{"name": "0", "link_doctype": "Supplier", "link_name": "S"}]);
    simulator.put("Address", json!({"name": "Of a supplier", "links": other}));
    assert_eq!(wire.get(&links.path).await.json(), links.answer);
}

#[tokio::test]
async fn a_batch_is_read_with_the_recorded_eight_lists() {
    let (simulator, wire) = site().await;
    let exchanges = read("84-batch-read-post-get_list");
    let rows = |of: usize| exchanges[of].answer["message"].as_array().unwrap().clone();
    let children = |rows: &[Value], parent: &Value| -> Vec<Value> {
        rows.iter().filter(|row| row["parent"] == *parent).cloned().collect()
    };
    let link = |customer: &Value| json!({"link_doctype": "Customer", "link_name": customer});
    for mut customer in rows(0) {
        customer["credit_limits"] = json!(children(&rows(1), &customer["name"]));
        simulator.put("Customer", customer);
    }
    for (doctype, documents, links) in [("Address", rows(2), rows(4)), ("Contact", rows(3), rows(5))] {
        for mut document in documents {
            let of = children(&links, &document["name"]);
            document["links"] = json!(of.iter().map(|row| link(&row["link_name"])).collect::<Vec<_>>());
            document["email_ids"] = json!(children(&rows(6), &document["name"]));
            document["phone_nos"] = json!(children(&rows(7), &document["name"]));
            simulator.put(doctype, document);
        }
    }
    simulator.put("Customer", json!({"name": "Somebody else"}));
    for exchange in &exchanges {
        let answer = wire.send(&exchange.method, &exchange.path, &exchange.body).await;
        assert_eq!(answer.json(), exchange.answer, "{}", exchange.body);
    }
}

#[tokio::test]
async fn counts_time_zone_and_logged_user_are_as_recorded() {
    let (simulator, wire) = site().await;
    for number in 0..2059 {
        simulator.put("Customer", json!({"name": format!("Customer {number}")}));
    }
    for file in ["69-count", "70-time-zone", "71-logged-user"] {
        replay(&wire, &only(file)).await;
    }
}

#[tokio::test]
async fn a_user_without_roles_can_count_what_they_cannot_see() {
    let (simulator, _) = site().await;
    for (doctype, count) in [("Customer", 2216), ("Address", 1931), ("Contact", 1950)] {
        for number in 0..count {
            simulator.put(doctype, json!({"name": format!("{doctype} {number}")}));
        }
    }
    let nobody = Wire::new(&simulator, &simulator.add_user("nobody@example.com", &[]));
    for exchange in read("86-two-counts-without-permission") {
        replay(&nobody, &exchange).await;
    }
    replay(&nobody, &only("76-no-permission-empty-list")).await;
}
