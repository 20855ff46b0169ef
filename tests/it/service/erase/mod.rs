//! An erased customer is nowhere in the database any more, and nothing that ERPNext tells later brings it back.
//!
//! Invariant: the customers of these tests carry words that stand nowhere else, and every text column of every table is
//! searched for them.

mod asked;
mod by_age;
mod kept_out;
mod killed;
mod nowhere;

use customer_sync::simulator::Simulator;
use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::dump::places_of;

/// Words that only the customer to be erased has.
const WORDS: [&str; 8] =
    ["Quillfeather", "zq-mail", "5550177", "Zanzibarweg", "TAXQ99", "Umbrellaston", "Grizelda", "zq-note"];

fn marked(erpnext: &Simulator, name: &str) -> String {
    let customer = json!({
        "customer_name": name,
        "email_id": "zq-mail@grizelda.example",
        "mobile_no": "5550177",
        "first_name": "Grizelda",
        "address_line1": "Zanzibarweg 7",
        "city": "Umbrellaston",
        "country": "United States",
        "tax_id": "TAXQ99",
        "customer_details": "zq-note",
    });
    erpnext.create_customer(customer).unwrap()
}

impl Connected {
    /// A customer whose values are full of those words; its name.
    fn marked(&self, name: &str) -> String {
        marked(&self.erpnext, name)
    }

    /// Erases the row by API.
    async fn erase(&self, id: i64) -> Value {
        let request = self.app.admin(Method::POST, &format!("/api/customers/{id}/erase")).await;
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.json().await.unwrap()
    }

    /// The row is erased, and none of the words stands anywhere.
    async fn stays_erased(&self, id: i64, what: &str) {
        self.settled().await;
        let kind = self.database.kind;
        let row = self.app.get(&format!("/api/customers/{id}")).await["data"].clone();
        assert_eq!((&row["name"], &row["erpnext_id"]), (&json!(""), &Value::Null), "{kind:?}, {what}: {row}");
        assert!(row["erased_at"].is_string() && row["deleted_at"].is_string(), "{kind:?}, {what}: {row}");
        let places = places_of(&self.database, &WORDS).await;
        assert!(places.is_empty(), "{kind:?}, {what}: {places:#?}");
    }

    async fn id_of(&self, name: &str) -> i64 {
        self.row(name).await["id"].as_i64().unwrap()
    }
}
