//! What an open page does while the service, its database or the session behind it is away: it says so, loses nothing that
//! was typed, and reads itself anew afterwards.

use customer_sync::domain::role::Role;
use reqwest::Method;
use serde_json::json;

use super::{PASSWORD, Site};
use crate::support::app::TestApp;
use crate::support::databases::{Kind, fresh};
use crate::support::proxy::TcpProxy;

/// That the page tells that it may be old.
const WARNS: &str = "document.getElementById('unheard')?.textContent.includes('may be old')";
/// That it does not.
const CALM: &str = "document.getElementById('unheard')?.textContent === ''";

#[tokio::test]
async fn a_page_without_its_service_says_so_and_reads_itself_anew_once_it_is_back() {
    let site = Site::start().await;
    site.local(json!({"name": "Alder"})).await;
    let proxy = TcpProxy::to(url::Url::parse(&site.app.url).unwrap().port().unwrap()).await;
    let browser = site.browser_at(&format!("http://127.0.0.1:{}", proxy.port()), "otto", Role::Operator).await;
    browser.goto("/customers").await;
    browser.shows("Alder").await;
    proxy.cut();
    browser.until(WARNS).await;
    // What happens meanwhile, and what is asked meanwhile.
    site.local(json!({"name": "Birch"})).await;
    browser.fill("#q", "bir").await;
    browser.shows("The service cannot be reached.").await;
    proxy.restore();
    browser.until(CALM).await;
    browser.at("/customers?q=bir").await;
    browser.until("document.querySelector('#results tbody')?.innerText.includes('Birch')").await;
    browser.close(&["net::ERR_", "htmx:sendError", "htmx:afterRequest"]).await;
}

#[tokio::test]
async fn a_button_that_is_pressed_without_the_service_says_so_and_works_once_it_is_back() {
    let site = Site::start().await;
    let proxy = TcpProxy::to(url::Url::parse(&site.app.url).unwrap().port().unwrap()).await;
    let browser = site.browser_at(&format!("http://127.0.0.1:{}", proxy.port()), "otto", Role::Operator).await;
    browser.goto("/settings").await;
    proxy.cut();
    browser.until(WARNS).await;
    browser.click("#pause-sweep").await;
    browser.shows("Nothing was sent. No connection to the service.").await;
    proxy.restore();
    browser.until(CALM).await;
    browser.click("#pause-sweep").await;
    browser.until("document.querySelector('#pause-sweep').textContent.startsWith('Resume')").await;
    browser.until("document.activeElement.id === 'pause-sweep'").await;
    browser.close(&["net::ERR_"]).await;
}

#[tokio::test]
async fn a_page_whose_database_is_away_says_so_and_recovers() {
    let database = fresh(Kind::Postgres).await;
    let proxy = TcpProxy::to(url::Url::parse(&database.url).unwrap().port().unwrap()).await;
    let mut site = Site::start().await;
    site.database = database.through(proxy.port());
    site.app = TestApp::configured(&site.database, &site.erpnext, &[]).await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/customers").await;
    site.local(json!({"name": "Alder"})).await;
    browser.shows("Alder").await;
    proxy.cut();
    browser.until("document.getElementById('standing').textContent === 'Database away'").await;
    // What is asked meanwhile is asked again by itself.
    browser.fill("#q", "bir").await;
    browser.shows("The database cannot be reached").await;
    proxy.restore();
    browser.until("document.getElementById('standing').textContent === 'In sync'").await;
    browser.at("/customers?q=bir").await;
    site.local(json!({"name": "Birch"})).await;
    browser.until("document.querySelector('#results tbody')?.innerText.includes('Birch')").await;
    browser.until(CALM).await;
    browser.close(&["503 (Service Unavailable)", "htmx:responseError", "Response Status Error Code 503"]).await;
}

#[tokio::test]
async fn whoever_is_signed_out_elsewhere_is_led_to_the_sign_in_page_and_back() {
    let site = Site::start().await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.goto("/customers?q=alder").await;
    site.sign_out_everywhere("vera").await;
    browser.at("/sign-in?next=%2Fcustomers%3Fq%3Dalder").await;
    browser.fill("[name=name]", "vera").await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.press("Sign in").await;
    browser.at("/customers?q=alder").await;
    browser.close(&["401 (Unauthorized)"]).await;
}

#[tokio::test]
async fn a_session_that_ends_while_the_service_is_away_is_noticed_once_it_is_back() {
    let site = Site::start().await;
    let proxy = TcpProxy::to(url::Url::parse(&site.app.url).unwrap().port().unwrap()).await;
    let browser = site.browser_at(&format!("http://127.0.0.1:{}", proxy.port()), "vera", Role::Viewer).await;
    browser.goto("/customers").await;
    proxy.cut();
    browser.until(WARNS).await;
    site.sign_out_everywhere("vera").await;
    proxy.restore();
    browser.at("/sign-in?next=%2Fcustomers").await;
    browser.close(&["net::ERR_", "401 (Unauthorized)"]).await;
}

#[tokio::test]
async fn what_was_typed_outlives_a_session() {
    let site = Site::start().await;
    let id = site.local(json!({"name": "Alder"})).await;
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto(&format!("/customers/{id}/edit")).await;
    browser.fill("#city", "Ulm").await;
    site.sign_out_everywhere("otto").await;
    browser.shows("You are signed out. Sign in in another tab, and go on here: what you typed stays.").await;
    browser.press("Save").await;
    browser.shows("You are signed out. Sign in in another tab, then save here again").await;
    // As another tab does: the same browser has a new session, with another proof.
    let signing_in = json!({"name": "otto", "password": PASSWORD});
    browser
        .script(&format!(
            "fetch('/api/session', {{method: 'POST', body: JSON.stringify({signing_in})}}).then(() => (document.body.dataset.signed = 'in'))"
        ))
        .await;
    browser.until("document.body.dataset.signed === 'in'").await;
    browser.until(CALM).await;
    browser.press("Save").await;
    browser.at(&format!("/customers/{id}")).await;
    assert_eq!(site.app.get(&format!("/api/customers/{id}")).await["data"]["city"], "Ulm");
    browser.close(&["401 (Unauthorized)"]).await;
}

#[tokio::test]
async fn a_form_that_is_sent_without_a_session_says_that_nothing_was_done() {
    let site = Site::start().await;
    let id = site.local(json!({"name": "Alder"})).await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    site.sign_out_everywhere("otto").await;
    let page = format!("{}/customers/{id}?before=9", otto.url);
    let request = otto.request(Method::POST, &format!("/customers/{id}/delete")).header("Referer", page);
    let answer = otto.answer(request.body("csrf=old&version=x")).await;
    assert_eq!(super::place(&answer), format!("/sign-in?next=%2Fcustomers%2F{id}%3Fbefore%3D9"));
    assert!(otto.page("/sign-in").await.contains("You are signed out, so nothing was done."));
    assert!(site.app.get(&format!("/api/customers/{id}")).await["data"]["deleted_at"].is_null());
}
