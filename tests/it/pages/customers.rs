//! The list of customers: looked up as one types, filtered, sorted, paged through, followed live; the same without a script.

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::simulator::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use super::files::{HEAVIEST, loaded};
use super::{Site, place};
use crate::support::app::wait_until;
use crate::support::chromium::Browser;

impl Site {
    /// Synced customers of these names, in ERPNext and here.
    async fn synced(&self, names: &[&str]) {
        for name in names {
            self.erpnext.create_customer(json!({"customer_name": name})).unwrap();
        }
        for name in names {
            wait_until(&format!("{name} is here"), async || self.app.customer(name).await.is_some()).await;
        }
        self.app.settled().await;
    }

    /// A local customer with these fields; its id.
    pub(super) async fn local(&self, fields: Value) -> i64 {
        let answer = self.app.request(Method::POST, "/api/customers").json(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["data"]["id"].as_i64().unwrap()
    }

    /// Waits until that many customers are here, and nothing is left to do.
    pub(super) async fn arrived(&self, number: usize) {
        wait_until(&format!("{number} customers are here"), async || self.app.customers().await.len() == number).await;
        self.app.settled().await;
    }
}

/// The names that the list shows, in its order.
async fn listed(browser: &Browser) -> Vec<String> {
    let names = "return [...document.querySelectorAll('.people-name a')].map((name) => name.textContent)";
    serde_json::from_value(browser.script(names).await).unwrap()
}

async fn lists(browser: &Browser, number: usize) {
    browser.until(&format!("document.querySelectorAll('.people-name').length === {number}")).await;
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
    browser.at("/customers?q=ced").await;
    lists(&browser, 1).await;
    assert_eq!(listed(&browser).await, ["Cedar & Sons"]);
    browser.until("document.querySelector('#told').textContent === '1 customer'").await;
    assert_eq!(browser.script("return document.activeElement.id").await, "q", "one can go on typing");
    browser.script("location.reload()").await;
    browser.until("document.querySelector('#q')?.value === 'ced'").await;
    assert_eq!(listed(&browser).await, ["Cedar & Sons"]);
    browser.fill("#q", "nobody").await;
    browser.shows("Nothing found for “nobody”").await;
    browser.press("Clear the search").await;
    browser.at("/customers").await;

    // The filter keeps the search, and the browser's way back leads back.
    browser.fill("#q", "d").await;
    lists(&browser, 1).await;
    browser.press("Local only").await;
    browser.at("/customers?q=d&show=local").await;
    assert_eq!(listed(&browser).await, ["Dogwood"]);
    let file = browser.script("return document.querySelector('[download]').getAttribute('href')").await;
    assert_eq!(file, "/api/customers.csv?q=d&show=local");
    browser.press("Synced").await;
    browser.shows("Nothing found for “d”").await;
    browser.script("history.back()").await;
    browser.at("/customers?q=d&show=local").await;

    browser.goto("/customers").await;
    browser.press("Customer").await;
    browser.at("/customers?sort=-name").await;
    assert_eq!(listed(&browser).await, ["Dogwood", "Cedar & Sons", "Birch Ltd", "Alder GmbH"]);
    browser.press("Last change").await;
    browser.at("/customers?sort=-updated").await;
    assert_eq!(listed(&browser).await.first().map(String::as_str), Some("Dogwood"));
    browser.press("Birch Ltd").await;
    browser.until("document.querySelector('h1').textContent === 'Birch Ltd'").await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn a_list_without_anybody_is_filled_by_a_sync_while_one_looks() {
    let site = Site::start().await;
    site.erpnext.seed_customers(60);
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/customers").await;
    browser.shows("No customers yet").await;
    // Slow enough to look at.
    site.erpnext.faults().requests_to("Customer", Fault::Slow(Duration::from_millis(1500)), 2);
    browser.press("Sync from ERPNext").await;
    browser.until("document.querySelector('#sync progress') && document.querySelector('#sync-cancel')").await;
    browser.shows("Sync complete: 60 created.").await;
    lists(&browser, 50).await;

    browser.press("Next").await;
    lists(&browser, 10).await;
    browser.press("Previous").await;
    lists(&browser, 50).await;

    // A change arrives by itself, and is marked.
    browser.goto("/customers?sort=-updated").await;
    let name = site.erpnext.names("Customer").pop().unwrap();
    site.erpnext.update("Customer", &name, json!({"customer_name": "Quite Another"})).unwrap();
    browser.until("document.querySelector('.people-name a')?.textContent === 'Quite Another'").await;
    browser.until("document.querySelector('tr.fresh')?.textContent.includes('Quite Another')").await;

    // And while one has typed something: the list stays what was asked for.
    browser.fill("#q", "quite").await;
    browser.at("/customers?q=quite&sort=-updated").await;
    lists(&browser, 1).await;
    let other = site.erpnext.names("Customer").remove(0);
    site.erpnext.update("Customer", &other, json!({"customer_name": "Quite New"})).unwrap();
    lists(&browser, 2).await;
    assert_eq!(listed(&browser).await, ["Quite New", "Quite Another"]);
    browser.close(&[]).await;
}

#[tokio::test]
async fn whoever_types_waits_for_no_list_that_renews_itself_and_is_not_led_back_by_it() {
    let site = Site::start().await;
    for name in ["Alder", "Birch", "Beech"] {
        site.local(json!({"name": name})).await;
    }
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/customers").await;
    lists(&browser, 3).await;
    // Lists that renew themselves do not arrive until they are let through.
    browser
        .script(
            "window.kept = []; window.most = 0;
            const {send, setRequestHeader} = XMLHttpRequest.prototype;
            XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
                this.renews ||= name === 'X-Unattended';
                return setRequestHeader.call(this, name, value);
            };
            XMLHttpRequest.prototype.send = function (body) {
                this.renews && window.kept ? window.kept.push(() => send.call(this, body)) : send.call(this, body);
            };",
        )
        .await;
    site.local(json!({"name": "Cedar"})).await;
    browser.until("window.kept.length > 0").await;
    browser.fill("#q", "b").await;
    lists(&browser, 2).await;
    site.local(json!({"name": "Buckthorn"})).await;
    browser
        .script(
            "const rows = () => document.querySelectorAll('#results tbody tr').length;
            new MutationObserver(() => (window.most = Math.max(window.most, rows()))).observe(document.body, {childList: true, subtree: true});
            const kept = window.kept; window.kept = null; kept.forEach((go) => go());",
        )
        .await;
    lists(&browser, 3).await;
    assert_eq!(listed(&browser).await, ["Beech", "Birch", "Buckthorn"]);
    assert_eq!(browser.script("return window.most").await, 3, "the list of all was never there again");
    browser.close(&[]).await;
}

#[tokio::test]
async fn what_changed_before_a_page_listens_is_told_once_it_does() {
    let site = Site::start().await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let id = site.local(json!({"name": "Early"})).await;
    let page = vera.page(&format!("/customers/{id}")).await;
    let live = page.split("data-live=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    site.app
        .request(Method::PATCH, &format!("/api/customers/{id}"))
        .json(&json!({"city": "Ulm"}))
        .send()
        .await
        .unwrap();
    let mut stream = vera.get(&live).await;
    let mut told = String::new();
    while !(told.contains("event: customer\n") && told.contains("event: change\n")) {
        told.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn a_page_that_renews_itself_does_not_swallow_a_click() {
    let site = Site::start().await;
    site.local(json!({"name": "Early"})).await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/customers").await;
    lists(&browser, 1).await;
    let event = |name: &str| format!("document.dispatchEvent(new PointerEvent('{name}'))");
    browser.script("document.addEventListener('htmx:beforeSwap', () => (window.asked = true))").await;
    browser.script(&event("pointerdown")).await;
    site.local(json!({"name": "Late"})).await;
    browser.until("window.asked").await;
    assert_eq!(listed(&browser).await, ["Early"], "it is under the pointer");
    browser.script(&event("pointerup")).await;
    lists(&browser, 2).await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn without_a_script_the_list_is_the_same() {
    let site = Site::start().await;
    site.synced(&["Alder", "Birch"]).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let page = vera.page("/customers?q=ald").await;
    assert!(page.contains(">Alder</a>") && !page.contains(">Birch</a>"), "{page}");
    assert!(!page.contains("/customers/new") && !page.contains("sync-start"), "a viewer has nothing to start");
    for (question, told) in [
        ("q=a+b+c+d+e+f+g+h+i+j+k", "The search may have 10 words at most"),
        ("show=nobody", "Show must be one of"),
        ("sort=nothing", "Sort must be one of"),
        ("after=nonsense", "After and before must be"),
        ("show=deleted", "No customer was deleted"),
        ("show=problems", "No customer has a problem"),
        ("show=to_link", "No customer waits to be linked"),
        ("show=inactive", "Every customer is active"),
    ] {
        let page = vera.page(&format!("/customers?{question}")).await;
        assert!(page.contains(told), "{question}: {page}");
    }
    let started = vera.submit("/sync", &[("back", "/customers")]).await;
    assert_eq!((started.status().as_u16(), place(&started)), (403, ""));
}

#[tokio::test]
async fn filters_show_who_needs_somebody_and_badges_say_why() {
    let site = Site::configured(&[("matching.keys", "email")]).await;
    let asked = site.ask(["Maybe one", "Maybe two"]).await;
    site.synced(&["Broken", "Sleeping"]).await;
    site.erpnext.update("Customer", "Sleeping", json!({"disabled": 1})).unwrap();
    site.erpnext.faults().poison("Broken", 417);
    site.app.hint("on_update", "Customer", "Broken").await;
    site.app.settled().await;
    wait_until("it sleeps", async || site.app.customer("Sleeping").await.is_some_and(|row| row["is_active"] == false))
        .await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    for (show, badge, names) in [
        ("to_link", "to be linked", &["Maybe one", "Maybe two"][..]),
        ("problems", "problem", &["Broken"]),
        ("inactive", "inactive", &["Sleeping"]),
        ("local", "local", &["Maybe one", "Maybe two"]),
    ] {
        let page = vera.page(&format!("/customers?show={show}")).await;
        let shown = page.split("<tr data-watch").skip(1).collect::<Vec<_>>();
        assert_eq!(shown.len(), names.len(), "{show}: {page}");
        for (row, name) in shown.iter().zip(names) {
            assert!(row.contains(name) && row.contains(&format!(">{badge}</span>")), "{show}: {row}");
        }
    }
    let page = vera.page(&format!("/customers/{}", asked[0])).await;
    assert!(page.contains("may be the same customer") && page.contains("/activity/links?after="), "{page}");
}

#[tokio::test]
async fn the_pages_of_customers_are_light_and_ask_nobody_else() {
    let site = Site::start().await;
    site.erpnext.seed_customers(60);
    site.erpnext.announce_customers();
    site.arrived(60).await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    let id = site.app.customers().await[0]["id"].as_i64().unwrap();
    for path in ["/customers".to_owned(), format!("/customers/{id}"), "/customers/new".to_owned()] {
        let html = otto.page(&path).await;
        let mut weight = html.len();
        for url in loaded(&html) {
            weight += otto.get(&url).await.bytes().await.unwrap().len();
        }
        assert!(weight < HEAVIEST, "{path} weighs {weight} bytes");
    }
    let browser = site.browser("vera", Role::Viewer).await;
    for path in ["/customers".to_owned(), format!("/customers/{id}")] {
        browser.goto(&path).await;
        let elsewhere = "return performance.getEntriesByType('resource').filter((entry) => \
                         new URL(entry.name).origin !== location.origin).map((entry) => entry.name)";
        assert_eq!(browser.script(elsewhere).await, json!([]), "{path}");
    }
    browser.close(&[]).await;
}
