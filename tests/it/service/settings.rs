//! What the service runs with, as admins see it: each value with its source, and no secret.

use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::app::SECRET;
use crate::support::databases::Kind;

#[tokio::test]
async fn admins_see_every_setting_with_its_source_and_no_secret() {
    let mapping = [("mapping.fields", "notes=, email=customer.email_id"), ("mapping.extra", "vat=customer.custom_vat")];
    let connected = Connected::configured(Kind::Sqlite, &mapping).await;
    let app = &connected.app;
    let response = app.admin(Method::GET, "/api/settings").await.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let (key, secret) = connected.erpnext.key();
    for hidden in [key.as_str(), secret.as_str(), SECRET] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let body: Value = serde_json::from_str(&text).unwrap();
    let settings = body["data"].as_array().unwrap();
    let setting = |name: &str| settings.iter().find(|row| row["setting"] == name).unwrap();
    let listen = setting("server.listen");
    assert_eq!((&listen["value"], &listen["default"]), (&json!("127.0.0.1:0"), &json!("127.0.0.1:8080")));
    assert_eq!(
        (&listen["source"], &listen["written"], &listen["variable"]),
        (&json!("flag"), &json!("test"), &json!("LISTEN"))
    );
    let attempts = setting("worker.attempts");
    assert_eq!((&attempts["source"], &attempts["written"]), (&json!("default"), &Value::Null));
    assert!(attempts["value"].is_number() && attempts["value"] == attempts["default"], "{attempts}");
    let hidden = setting("erpnext.api_secret");
    assert_eq!((&hidden["value"], &hidden["secret"], &hidden["source"]), (&Value::Null, &json!(true), &json!("flag")));
    assert_eq!(setting("mapping.fields")["value"], json!({"email": ["customer.email_id"], "notes": []}));
    assert_eq!(body["mapping"]["columns"]["email"], json!(["customer.email_id"]));
    assert_eq!(
        (&body["mapping"]["columns"]["notes"], &body["mapping"]["columns"]["city"][1]),
        (&json!([]), &json!("address.city"))
    );
    assert_eq!(body["mapping"]["extra"], json!({"vat": "customer.custom_vat"}));
}
