//! The recorded webhooks, posted to the service beside a stand-in that serves the recorded documents: what they name is
//! fetched and stored, field for field as those documents say.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::databases::Kind;
use crate::support::recordings;
use crate::support::truth::differences;

/// The last recorded state of every document, by doctype and name.
fn documents() -> BTreeMap<(String, String), Value> {
    let mut documents = BTreeMap::new();
    let mut keep = |document: &Value| {
        let (Some(doctype), Some(name)) = (document["doctype"].as_str(), document["name"].as_str()) else { return };
        if ["Customer", "Contact", "Address"].contains(&doctype) && document["creation"].is_string() {
            documents.insert((doctype.to_owned(), name.to_owned()), document.clone());
        }
    };
    for exchange in recordings::all() {
        if exchange.is_webhook {
            // Recording 33 carries the whole document in its body; templates do not.
            let body: Value = serde_json::from_slice(&exchange.body).unwrap();
            if body["customer_type"].is_string() {
                keep(&body);
            }
        } else {
            keep(&exchange.answer()["data"]);
        }
    }
    documents
}

#[tokio::test]
async fn what_the_recorded_webhooks_name_is_stored_as_the_recorded_documents_say() {
    for kind in Kind::ALL {
        // A credit limit of one company is the only row, so no company needs to be configured.
        let connected = Connected::start(kind).await;
        for ((doctype, _name), document) in documents() {
            connected.erpnext.put(&doctype, document);
        }
        for webhook in recordings::all().into_iter().filter(|exchange| exchange.is_webhook) {
            let Some(signature) = webhook.header("X-Frappe-Webhook-Signature") else { continue };
            let method = Method::from_bytes(webhook.method.as_bytes()).unwrap();
            let request = connected.app.http.request(method, connected.app.webhook_url());
            request.header("X-Frappe-Webhook-Signature", signature).body(webhook.body.clone()).send().await.unwrap();
        }
        connected.settled().await;

        // Written out by hand from recordings 21 to 27.
        let row = connected.row("Rec Full Details Inc").await;
        let expected = json!({
            "name": "Rec Full Details Inc", "company_name": "Rec Full Details Inc", "contact_person": "Fay Full",
            "email": "new@acme.example", "phone": "+1 555 0199", "address": "1 Main St", "city": "Chicago", "state": "IL",
            "postal_code": "62701", "country": "United States", "tax_number": "US-77", "credit_limit": "7500.5",
            "payment_terms": "Net 30", "notes": "VIP\nCall first", "is_active": true, "customer_type": "Company",
            "customer_group": "Commercial", "territory": "United States", "currency": null, "price_list": null,
            "language": "en", "tax_category": null, "is_frozen": false, "website": "https://acme.example", "extra": {},
            "origin": "erpnext", "merged_into": null, "deleted_at": null,
        });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&row[field], value, "{kind:?}: {field}");
        }
        let detail = connected.app.get(&format!("/api/customers/{}", row["id"])).await;
        let contacts: Vec<_> =
            detail["data"]["contacts"].as_array().unwrap().iter().map(|contact| &contact["erpnext_id"]).collect();
        assert_eq!(contacts, ["Fay Full-Rec Full Details Inc", "Second-Rec Full Details Inc"]);
        assert_eq!(detail["data"]["addresses"][0]["erpnext_id"], "Rec Full Details Inc-Billing");

        for name in ["Rec Acme Supplies", "Rec Variants Ltd"] {
            assert_eq!(connected.row(name).await["origin"], "erpnext");
        }
        // Only what a webhook named has a row, and a name that ERPNext does not have makes none.
        let stored: Vec<Value> = connected.app.customers().await.iter().map(|row| row["erpnext_id"].clone()).collect();
        assert_eq!(stored.len(), 3, "{stored:?}");
        let wrong: Vec<String> = differences(connected.app.store(), &connected.erpnext)
            .await
            .into_iter()
            .filter(|line| !line.ends_with(": missing"))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
