//! The list of customers: looked up as one types, filtered, sorted, paged through, followed live; the same without a script.

use customer_sync::domain::role::Role;
use serde_json::{Value, json};

use super::{Site, place};
use crate::support::chromium::Browser;

/// A text that would act if it were taken for markup or script.
const HOSTILE: &str = "<script>window.hit=1</script><img src=x onerror=window.hit=1>\"'><b>{{7*7}}";

impl Site {
    /// Synced customers of these names, in ERPNext and here.
    async fn synced(&self, names: &[&str]) {
        for name in names {
            self.erpnext.create_customer(json!({"customer_name": name})).unwrap();
        }
        self.app
            .store()
            .put(&self.erpnext.names("Customer").iter().map(|name| put(name)).collect::<Vec<_>>())
            .await
            .unwrap();
        self.app.settled().await;
    }

    /// A local customer with these fields; its id.
    async fn local(&self, fields: Value) -> i64 {
        let answer = self.app.request(reqwest::Method::POST, "/api/customers").json(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["data"]["id"].as_i64().unwrap()
    }
}

fn put(name: &str) -> customer_sync::domain::job::Put {
    use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
    Put::new(DocKey::customer(name), Lane::Fast, Cause::Person)
}

/// The names that the list shows, in its order.
async fn listed(browser: &Browser) -> Vec<String> {
    let names = "return [...document.querySelectorAll('.people-name a')].map((name) => name.textContent)";
    serde_json::from_value(browser.script(names).await).unwrap()
}

#[tokio::test]
async fn somebody_is_found_while_one_types_and_the_address_says_so() {
    let site = Site::start().await;
    site.synced(&["Alder GmbH", "Birch Ltd", "Cedar & Sons"]).await;
    site.local(json!({"name": "Dogwood", "email": "d@wood.example"})).await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/customers").await;
    assert_eq!(listed(&browser).await, ["Alder GmbH", "Birch Ltd", "Cedar & Sons", "Dogwood"]);
    browser.fill("#q", "ced").await;
    browser.until("document.querySelectorAll('.people-name').length === 1").await;
    browser.at("/customers?q=ced").await;
    assert_eq!(listed(&browser).await, ["Cedar & Sons"]);
    browser.script("location.reload()").await;
    browser.until("document.querySelector('#q').value === 'ced'").await;
    assert_eq!(listed(&browser).await, ["Cedar & Sons"]);
    browser.fill("#q", "nobody").await;
    browser.shows("Nothing found for “nobody”").await;
    browser.press("Clear the search").await;
    browser.at("/customers").await;

    // The filter keeps the search, and the browser's way back leads back.
    browser.fill("#q", "d").await;
    browser.until("document.querySelectorAll('.people-name').length === 1").await;
    browser.press("Local only").await;
    browser.at("/customers?q=d&show=local").await;
    assert_eq!(listed(&browser).await, ["Dogwood"]);
    browser.press("Synced").await;
    browser.shows("Nothing found for “d”").await;
    browser.script("history.back()").await;
    browser.at("/customers?q=d&show=local").await;

    browser.goto("/customers").await;
    browser.script("document.querySelector('[aria-sort=ascending] a').click()").await;
    browser.at("/customers?sort=-name").await;
    assert_eq!(listed(&browser).await, ["Dogwood", "Cedar & Sons", "Birch Ltd", "Alder GmbH"]);
    browser.press("Last change").await;
    browser.at("/customers?sort=-updated").await;
    assert_eq!(listed(&browser).await.first().map(String::as_str), Some("Dogwood"));
    assert_eq!(browser.script("return document.querySelector('[href=\"/customers/new\"]')").await, Value::Null);
    browser.close(&[]).await;
}

#[tokio::test]
async fn a_list_without_anybody_is_filled_by_a_sync_while_one_looks() {
    let site = Site::start().await;
    site.erpnext.seed_customers(60);
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/customers").await;
    browser.shows("No customers yet").await;
    browser.press("Sync from ERPNext").await;
    browser.shows("Sync complete: 60 created.").await;
    browser.until("document.querySelectorAll('.people-name').length === 50").await;

    browser.press("Next").await;
    browser.until("document.querySelectorAll('.people-name').length === 10").await;
    browser.press("Previous").await;
    browser.until("document.querySelectorAll('.people-name').length === 50").await;

    // A change arrives by itself, and is marked.
    browser.goto("/customers?sort=-updated").await;
    let name = site.erpnext.names("Customer").pop().unwrap();
    site.erpnext.update("Customer", &name, json!({"customer_name": "Quite Another"})).unwrap();
    browser.until("document.querySelector('.people-name a')?.textContent === 'Quite Another'").await;
    browser.until("document.querySelector('tr.fresh')?.textContent.includes('Quite Another')").await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn whatever_a_customer_is_called_is_text() {
    let site = Site::start().await;
    let long = "Extraordinarily".repeat(12);
    for name in [HOSTILE, "שלום עליכם בע\"מ", "😀 مرحبا", &long] {
        site.local(json!({"name": name, "email": HOSTILE, "phone": HOSTILE, "city": HOSTILE, "country": HOSTILE}))
            .await;
    }
    site.local(json!({"name": "Bare"})).await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/customers").await;
    assert!(listed(&browser).await.contains(&HOSTILE.to_owned()));
    browser.fill("#q", HOSTILE).await;

    browser.until("document.querySelectorAll('.people-name').length === 4").await;
    assert_eq!(browser.script("return window.hit ?? null").await, Value::Null);
    browser.goto("/customers").await;
    browser.is_accessible("customers with odd names").await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn without_a_script_the_list_is_the_same() {
    let site = Site::start().await;
    site.synced(&["Alder", "Birch"]).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let page = vera.page("/customers?q=ald").await;
    assert!(page.contains(">Alder</a>") && !page.contains(">Birch</a>"), "{page}");
    for (question, told) in [
        ("q=a+b+c+d+e+f+g+h+i+j+k", "q may have 10 words at most"),
        ("show=nobody", "show must be one of"),
        ("sort=nothing", "sort must be one of"),
        ("after=nonsense", "after and before must be"),
        ("show=deleted", "No customer was deleted"),
        ("show=problems", "No customer has a problem"),
    ] {
        let page = vera.page(&format!("/customers?{question}")).await;
        assert!(page.contains(told), "{question}: {page}");
    }
    let started = vera.submit("/sync", &[("back", "/customers")]).await;
    assert_eq!((started.status().as_u16(), place(&started)), (403, ""));
}
