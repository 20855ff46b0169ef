//! The pages of customers in both themes and on a phone, with what is hard to lay out: long names, other scripts, nothing.

use customer_sync::domain::role::Role;
use reqwest::Method;
use serde_json::json;

use super::Site;
use super::looks::look;
use crate::support::app::wait_until;

#[tokio::test]
async fn pages_of_customers_are_accessible_in_both_themes_and_on_a_phone() {
    let site = Site::configured(&[
        ("matching.keys", "email"),
        ("mapping.extra", "tier=customer.custom_tier"),
        ("mapping.fields", "notes="),
    ])
    .await;
    site.erpnext.add_custom_field("Customer", "custom_tier", false);
    let browser = site.browser("anna", Role::Admin).await;
    look(&browser, &[("customers-none", "/customers")]).await;

    site.erpnext.seed_customers(24);
    site.erpnext.announce_customers();
    let full = site.erpnext.names("Customer").remove(3);
    site.arrived(24).await;
    let [asked, _other] = site.ask(["Two Limited", "Two & Sons"]).await;
    let long = "Sanctuary of the Everlasting Long Names and Sons and Daughters International Holding GmbH & Co. KGaA";
    let hard = json!({
        "name": long, "email": "a-mailbox-whose-owner-likes-long-names@subsidiary.sanctuary-of-names.example",
        "phone": "+49 30 1234567", "address": "Lange Straße 1\nHinterhaus", "city": "Llanfairpwllgwyngyll",
        "country": "United Kingdom", "notes": "Pays late.\nAsk for Zoë 🍓",
    });
    let hard = site.local(hard).await;
    site.local(json!({"name": "شركة المستقبل للتجارة", "city": "الرياض", "phone": "+966 11 123 4567"})).await;
    site.local(json!({"name": "Crème 🍓 & Söhne 東京", "is_active": false})).await;
    let bare = site.local(json!({"name": "B"})).await;
    let gone = site.local(json!({"name": "Gone"})).await;
    site.app.request(Method::DELETE, &format!("/api/customers/{gone}")).send().await.unwrap();

    // One with a past: renamed, changed, in trouble at the moment.
    site.erpnext.rename("Customer", &full, "The New Name Ltd").unwrap();
    site.app.settled().await;
    let more = json!({"custom_tier": "gold", "tax_id": "DE 123", "website": "www.new-name.example", "disabled": 1});
    site.erpnext.update("Customer", "The New Name Ltd", more).unwrap();
    let row = async || site.app.customer("The New Name Ltd").await;
    wait_until("it changed", async || row().await.is_some_and(|row| row["tax_number"] == "DE 123")).await;
    site.app.settled().await;
    site.erpnext.faults().poison("The New Name Ltd", 417);
    site.app.hint("on_update", "Customer", "The New Name Ltd").await;
    site.app.settled().await;
    let full = row().await.unwrap()["id"].as_i64().unwrap();

    let of = |id: i64| format!("/customers/{id}");
    let pages = [
        ("customers-some", "/customers".to_owned()),
        ("customers-nothing-found", "/customers?q=nobody".to_owned()),
        ("customers-refused", "/customers?show=everybody".to_owned()),
        ("customers-to-link", "/customers?show=to_link".to_owned()),
        ("customer-synced", of(full)),
        ("customer-local", of(hard)),
        ("customer-asked", of(asked)),
        ("customer-bare", of(bare)),
        ("customer-deleted", of(gone)),
        ("customer-form", format!("{}/edit", of(hard))),
        ("customer-form-synced", format!("{}/edit", of(full))),
        ("customer-new", "/customers/new".to_owned()),
    ];
    let pages: Vec<(&str, &str)> = pages.iter().map(|(name, path)| (*name, path.as_str())).collect();
    look(&browser, &pages).await;
    browser.close(&[]).await;
}
