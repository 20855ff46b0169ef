//! A person comes, looks around by mouse and keyboard, is refused what they may not do, and goes.

use customer_sync::domain::role::Role;

use super::{PASSWORD, Site};
use crate::support::chromium::Browser;

#[tokio::test]
async fn somebody_signs_in_chooses_a_theme_changes_the_password_and_signs_out() {
    let site = Site::start().await;
    site.add("anna", Role::Admin).await;
    let browser = Browser::open(&site.app.url).await;
    browser.goto("/account").await;
    browser.at("/sign-in?next=%2Faccount").await;
    browser.until("document.activeElement.name === 'name'").await;
    browser.keys("anna\tnot the password\n").await;
    browser.shows("do not belong together").await;
    browser.until("document.activeElement.name === 'password'").await;
    browser.keys(&format!("{PASSWORD}\n")).await;
    browser.at("/account").await;

    browser.press("anna").await;
    browser.press("Dark").await;
    browser.until("getComputedStyle(document.body).backgroundColor === 'rgb(14, 17, 22)'").await;
    browser.goto("/").await;
    browser.until("document.documentElement.dataset.theme === 'dark'").await;

    browser.goto("/account").await;
    browser.fill("[name=current]", PASSWORD).await;
    browser.fill("[name=new]", "another good one").await;
    browser.press("Change password").await;
    browser.until("document.querySelector('.toast')?.textContent === 'Your password is changed.'").await;

    browser.press("anna").await;
    browser.press("Sign out").await;
    browser.at("/sign-in").await;
    browser.shows("You are signed out.").await;
    browser.goto("/").await;
    browser.at("/sign-in").await;
    browser.close(&["401 (Unauthorized)"]).await;
}

#[tokio::test]
async fn the_keyboard_reaches_the_content_and_a_viewer_finds_nothing_to_start() {
    let site = Site::start().await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/").await;
    browser.keys("\t").await;
    browser.until("document.activeElement.className === 'skip'").await;
    browser.keys("\n").await;
    browser.until("location.hash === '#content'").await;
    assert_eq!(browser.script("return document.querySelectorAll('#sync-start').length").await, 0);
    // Times are the reader's, the exact one is on hover.
    browser.until("[...document.querySelectorAll('time')].every((time) => !time.textContent.includes('UTC') && time.title.length > 20)").await;
    browser.close(&[]).await;
}
