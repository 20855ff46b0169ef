//! Markup and script in everything that is shown of a customer is text, on every page that shows it.

use customer_sync::domain::role::Role;
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Site;
use crate::support::sql::execute;

/// Acts where it is taken for markup, in a text as in an attribute. Few words: it is searched for, too.
const HOSTILE: &str = "\"'><script>hit=1</script><img src onerror=hit=1>";

/// A document with that text in all those fields.
fn document(fields: &[&str], more: &Value) -> Value {
    let hostile = fields.iter().map(|field| ((*field).to_owned(), json!(HOSTILE)));
    let mut document: Map<String, Value> = hostile.collect();
    document.extend(more.as_object().unwrap().clone());
    document.into()
}

/// Puts it into ERPNext as nobody could by its forms: a customer with an address and a contact, all of it hostile.
fn plant(site: &Site) {
    let customer = [
        "name",
        "customer_name",
        "customer_type",
        "customer_group",
        "territory",
        "tax_id",
        "tax_category",
        "language",
        "default_currency",
        "default_price_list",
        "payment_terms",
        "customer_details",
        "custom_tier",
        "owner",
    ];
    let times = json!({"creation": "2026-01-01 10:00:00.000000", "modified": "2026-01-02 10:00:00.000000"});
    let mut plain = times.clone();
    plain["website"] = json!("javascript:hit=1");
    plain["customer_primary_address"] = json!(HOSTILE);
    plain["customer_primary_contact"] = json!(HOSTILE);
    site.erpnext.put("Customer", document(&customer, &plain));
    let mut linked = times;
    linked["links"] = json!([{"link_doctype": "Customer", "link_name": HOSTILE}]);
    let address = [
        "name",
        "address_title",
        "address_type",
        "address_line1",
        "address_line2",
        "city",
        "county",
        "state",
        "pincode",
        "country",
        "phone",
        "email_id",
    ];
    site.erpnext.put("Address", document(&address, &linked));
    let contact = ["name", "first_name", "last_name", "full_name", "designation", "email_id", "phone", "mobile_no"];
    linked["email_ids"] = json!([{"email_id": HOSTILE, "is_primary": 1}]);
    linked["phone_nos"] = json!([{"phone": HOSTILE, "is_primary_phone": 1}]);
    site.erpnext.put("Contact", document(&contact, &linked));
}

#[tokio::test]
async fn whatever_a_customer_holds_is_text_on_every_page() {
    let site = Site::configured(&[("mapping.extra", "tier=customer.custom_tier"), ("matching.keys", "email")]).await;
    site.erpnext.add_custom_field("Customer", "custom_tier", false);
    plant(&site);
    let run = site.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    site.run_is(run, RunState::Succeeded).await;
    let synced = site.app.customer(HOSTILE).await.unwrap()["id"].as_i64().unwrap();
    // It changed, then it fails, and somebody sends what no ERPNext does.
    let read = async || {
        let answer = site.app.request(Method::POST, &format!("/api/customers/{synced}/sync?wait=30")).send().await;
        answer.unwrap().json::<Value>().await.unwrap()["data"]["effect"].clone()
    };
    site.erpnext.sql_edit("Customer", HOSTILE, json!({"tax_id": format!("{HOSTILE}2")})).unwrap();
    assert_eq!(read().await, "updated");
    site.erpnext.faults().poison(HOSTILE, 417);
    assert_eq!(read().await, "failed");
    site.app.hint(HOSTILE, "Customer", HOSTILE).await;
    let every = [
        "name",
        "company_name",
        "contact_person",
        "phone",
        "address",
        "city",
        "state",
        "postal_code",
        "country",
        "tax_number",
        "payment_terms",
        "notes",
        "customer_type",
        "customer_group",
        "territory",
        "currency",
        "price_list",
        "language",
        "tax_category",
    ];
    let extra = json!({"extra": {HOSTILE: HOSTILE}});
    let local = site.local(document(&every, &extra)).await;
    // As another program may write it, since the API does not.
    let email = HOSTILE.replace('\'', "''");
    let written = format!("UPDATE customers SET website = 'javascript:hit=1', email = '{email}' WHERE id = {local}");
    execute(&site.database, &written).await;
    site.app
        .request(Method::PATCH, &format!("/api/customers/{local}"))
        .json(&json!({"notes": "now harmless", "extra": {HOSTILE: "now harmless"}}))
        .send()
        .await
        .unwrap();

    let browser = site.browser("anna", Role::Admin).await;
    let search = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    let pages = [
        "/".to_owned(),
        "/customers".to_owned(),
        format!("/customers?q={search}"),
        "/customers?show=problems".to_owned(),
        format!("/customers/{synced}"),
        format!("/customers/{synced}/edit"),
        format!("/customers/{local}"),
        format!("/customers/{local}/edit"),
        "/activity".to_owned(),
        "/activity/webhooks".to_owned(),
        "/activity/failures".to_owned(),
        "/activity/links".to_owned(),
        "/settings/audit".to_owned(),
    ];
    for page in &pages {
        browser.goto(page).await;
        if page.starts_with("/customers") {
            browser.shows("hit=1").await;
        }
        let acting =
            "return document.querySelectorAll('body script, main img, [onerror], [href^=\"javascript\" i]').length";
        assert_eq!(browser.script(acting).await, 0, "{page}");
        assert_eq!(browser.script("return window.hit ?? null").await, Value::Null, "{page}");
    }
    browser.goto(&format!("/customers/{synced}")).await;
    let linked = "return [...document.querySelectorAll('.cards li')].map((part) => part.innerText).join()";
    let linked = browser.script(linked).await.as_str().unwrap().matches(HOSTILE).count();
    assert!(linked >= 14, "of an address and a contact {linked} texts are shown");
    browser.shows("javascript:hit=1").await;
    browser.press("Document as ERPNext sent it").await;
    browser.shows(&format!("{HOSTILE}2")).await;
    browser.is_accessible("a hostile customer").await;
    browser.close(&[]).await;
}
