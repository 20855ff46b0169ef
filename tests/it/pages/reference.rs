//! The reference of the API: every call stands there, and its links lead to what they name.

use customer_sync::domain::role::Role;
use customer_sync::web;

use super::Site;

#[tokio::test]
async fn every_call_is_there_with_its_role_and_an_example() {
    let site = Site::start().await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let html = vera.page("/reference").await;
    for item in web::openapi()["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let card =
                html.split(&format!("<article class=\"card\" id=\"{id}\"")).nth(1).unwrap_or_else(|| panic!("{id}"));
            let card = card.split("</article>").next().unwrap();
            let role = operation["x-role"].as_str().unwrap_or("everybody");
            assert!(card.contains(&format!(">{role}</span>")) && card.contains("curl "), "{id}: {card}");
            assert!(html.contains(&format!("href=\"#{id}\"")), "{id} is not in the index");
        }
    }
    for name in web::openapi()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.starts_with("Answer_") || html.contains(&format!("id=\"shape-{name}\"")), "{name}");
    }
}

#[tokio::test]
async fn it_is_found_in_the_menu_and_its_links_lead_to_calls_and_shapes() {
    let site = Site::start().await;
    let browser = site.browser("vera", Role::Viewer).await;
    browser.press("vera").await;
    browser.press("API reference").await;
    browser.at("/reference").await;
    let nowhere = "return [...document.querySelectorAll('main a[href^=\"#\"]')].map((link) => link.hash.slice(1))\
                   .filter((id) => !document.getElementById(id))";
    assert_eq!(browser.script(nowhere).await, serde_json::json!([]));
    browser.script("document.querySelector('.reference-index a[href=\"#show_customer\"]').click()").await;
    browser.until("document.querySelector('article:target')?.id === 'show_customer'").await;
    // Below the bar, not behind it.
    browser
        .until("document.querySelector('article:target').getBoundingClientRect().top >= document.querySelector('.bar').getBoundingClientRect().bottom")
        .await;
    browser.close(&[]).await;
}
