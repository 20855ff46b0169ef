//! Every page in both themes and on a phone: axe-core finds no violation, nothing sticks out, and a picture is kept.

use customer_sync::domain::role::Role;
use customer_sync::sync::users;
use serde_json::json;

use super::Site;
use crate::support::chromium::{Browser, PHONE, WIDE};

/// The pages of somebody who is signed in: name of the picture and address.
const PAGES: &[(&str, &str)] = &[
    ("overview", "/"),
    ("customers", "/customers"),
    ("settings-schedules", "/settings"),
    ("settings-configuration", "/settings/configuration"),
    ("settings-people", "/settings/people"),
    ("settings-tokens", "/settings/tokens"),
    ("settings-sessions", "/settings/sessions"),
    ("settings-audit", "/settings/audit"),
    ("account", "/account"),
    ("reference", "/reference"),
    ("not-found", "/nothing"),
];

/// Looks at these pages: name of the picture and address.
pub(super) async fn look(browser: &Browser, pages: &[(&str, &str)]) {
    for (name, path) in pages {
        browser.goto(path).await;
        for theme in ["dark", "light"] {
            browser.script(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            browser.is_accessible(&format!("{name}, {theme}")).await;
            browser.picture(&format!("{name}-{theme}"), WIDE).await;
        }
        browser.screen(PHONE).await;
        let width = browser.script("return document.documentElement.scrollWidth").await;
        assert_eq!(width, json!(PHONE.0), "{name} is wider than a phone");
        browser.is_accessible(&format!("{name}, on a phone")).await;
        browser.picture(&format!("{name}-phone"), PHONE).await;
    }
}

#[tokio::test]
async fn every_page_is_accessible_in_both_themes_and_on_a_phone() {
    let site = Site::start().await;
    site.erpnext.seed_customers(50);
    site.erpnext.announce_customers();
    let browser = Browser::open(&site.app.url).await;
    let link = users::first_admin_link(site.app.store()).await.unwrap().unwrap();
    let link = format!("/first-admin?token={link}");
    look(&browser, &[("sign-in", "/sign-in"), ("first-admin", &link)]).await;
    browser.close(&[]).await;
    let browser = site.browser("anna", Role::Admin).await;
    look(&browser, PAGES).await;
    browser.close(&["404 (Not Found)"]).await;
}

#[tokio::test]
async fn what_the_rules_of_a_page_forbid_is_a_complaint_of_the_browser() {
    let site = Site::start().await;
    let browser = Browser::open(&site.app.url).await;
    browser.goto("/sign-in").await;
    browser.script("document.querySelector('h1').setAttribute('style', 'color: red')").await;
    let complaints = browser.complaints().await;
    assert!(complaints.iter().any(|said| said.contains("Content Security Policy")), "{complaints:?}");
    browser.close(&[]).await;
}
