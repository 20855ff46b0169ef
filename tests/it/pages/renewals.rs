//! A page that renews itself under its reader's hands leaves them where they were.

use customer_sync::domain::role::Role;
use reqwest::Method;
use serde_json::json;

use super::Site;
use crate::support::chromium::Browser;

/// Puts the focus on what the CSS selector finds; where the page is scrolled to then.
async fn focus(browser: &Browser, selector: &str) -> serde_json::Value {
    browser.script(&format!("document.querySelector({selector:?}).focus(); return window.scrollY")).await
}

#[tokio::test]
async fn who_is_far_down_a_list_stays_there_with_the_focus() {
    let site = Site::start().await;
    for number in 10..50 {
        site.local(json!({"name": format!("Alder {number}")})).await;
    }
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/customers").await;
    let customers = site.app.customers().await;
    let link = format!("#results a[href='/customers/{}']", customers[30]["id"]);
    let place = focus(&browser, &link).await;
    assert!(place.as_f64().unwrap() > 500.0, "{place}");
    for city in ["Ulm", "Bonn"] {
        let path = format!("/api/customers/{}", customers[32]["id"]);
        let changed = site.app.request(Method::PATCH, &path).json(&json!({"city": city}));
        assert_eq!(changed.send().await.unwrap().status(), 200);
        browser.shows(city).await;
        assert_eq!(browser.script("return window.scrollY").await, place, "{city}");
        assert_eq!(browser.script(&format!("return document.activeElement.matches({link:?})")).await, true);
    }
    browser.close(&[]).await;
}

#[tokio::test]
async fn who_retries_a_failure_far_down_stays_there() {
    let site = Site::start().await;
    let names: Vec<String> = (10..34).map(|number| format!("Wonky {number}")).collect();
    site.fail(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/activity/failures").await;
    let place = focus(&browser, "[aria-label='Retry Wonky 24']").await;
    browser.keys("\n").await;
    browser.shows("1 document is tried again now.").await;
    let stays = format!("window.scrollY === {place} && document.activeElement.closest('[data-item]')");
    browser.until(&stays).await;
    // The list is renewed because there is one more.
    site.fail(&["Zebra"]).await;
    browser.shows("Zebra").await;
    browser.until(&stays).await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn a_button_that_goes_away_hands_its_focus_to_no_other_button() {
    let site = Site::start().await;
    site.fail(&["Wonky 1", "Wonky 2", "Wonky 3"]).await;
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/activity/failures").await;
    focus(&browser, "[aria-label='Discard Wonky 2']").await;
    let mut anna = site.signed_in("anna", Role::Operator).await;
    let discarded = anna.submit("/activity/failures/discard", &[("doctype", "Customer"), ("name", "Wonky 2")]).await;
    assert_eq!(discarded.status(), 303);
    browser.until("!document.querySelector('#failures').innerText.includes('Wonky 2')").await;
    let focused = "return [document.activeElement.tagName, document.activeElement.ariaLabel]";
    assert_eq!(browser.script(focused).await, json!(["LI", "Wonky 3"]));
    browser.is_accessible("failures with the focus on one").await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn the_way_back_to_a_list_outlives_an_edit() {
    let site = Site::start().await;
    let id = site.local(json!({"name": "Alder"})).await;
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/customers?show=local&q=ald").await;
    browser.click(&format!("#results a[href='/customers/{id}']")).await;
    browser.press("Edit").await;
    browser.fill("#city", "Ulm").await;
    browser.press("Save").await;
    browser.shows("The customer is changed.").await;
    browser.click(".crumb a").await;
    browser.at("/customers?show=local&q=ald").await;
    browser.close(&[]).await;
}
