//! The overview tells what happens while somebody looks at it, and the sync button does what it says.

use customer_sync::domain::role::Role;
use serde_json::json;

use super::Site;
use crate::support::app::wait_until;

#[tokio::test]
async fn a_sync_is_started_watched_cancelled_and_finished_and_an_outage_is_seen() {
    let site = Site::start().await;
    site.erpnext.seed_customers(40);
    let browser = site.browser("otto", Role::Operator).await;
    browser.shows("Everything is in sync").await;

    // It shows that ERPNext refuses the key, and that it waits for that.
    let (_key, secret) = site.erpnext.key();
    site.erpnext.change_secret(Some("another"));
    browser.press("Sync from ERPNext").await;
    browser.shows("Sync started.").await;
    browser.shows("Syncing from ERPNext").await;
    browser.until("document.querySelector('.bar-pill').textContent.includes('Paused')").await;
    browser.shows("Sync does not go on at the moment").await;
    browser.press("Cancel").await;
    browser.shows("Sync cancelled").await;
    browser.shows("Last full sync cancelled").await;

    // It says what came of it.
    site.erpnext.change_secret(Some(&secret));
    browser.until("document.querySelector('.bar-pill').textContent.includes('In sync')").await;
    browser.press("Sync from ERPNext").await;
    browser.shows("Sync complete: 40 created.").await;
    browser.shows("Last full sync complete").await;
    browser.shows("Everything is in sync").await;

    // Also to who went on to another page, and once only.
    let toasts = "return document.querySelectorAll('.toast').length";
    for page in ["/settings", "/favicon.ico"] {
        site.erpnext.change_secret(Some("another"));
        browser.goto("/customers").await;
        browser.press("Sync from ERPNext").await;
        browser.shows("Syncing from ERPNext").await;
        browser.goto(page).await;
        site.erpnext.change_secret(Some(&secret));
        wait_until("the sync is over", async || {
            site.app.get("/api/runs?limit=1").await["data"][0]["state"] == "succeeded"
        })
        .await;
        if page == "/favicon.ico" {
            browser.goto("/reference").await;
        }
        browser.shows("Sync complete: 40 unchanged.").await;
        browser.goto("/").await;
        browser.shows("Everything is in sync").await;
        assert_eq!(browser.script(toasts).await, 0);
    }

    // A webhook that comes meanwhile is seen.
    browser.shows("None yet").await;
    let name = site.erpnext.names("Customer").remove(0);
    site.erpnext.update("Customer", &name, json!({"tax_id": "NEW"})).unwrap();
    browser.until("!document.body.innerText.includes('None yet')").await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn what_is_wrong_leads_to_where_something_can_be_done() {
    let site = Site::configured(&[("matching.keys", "email"), ("schedule.catch_up", "1h")]).await;
    site.ask(["Two Limited", "Two & Co."]).await;
    let run = site.hold().await;
    site.fail(&["Wonky"]).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    otto.submit("/settings/schedules/catch_up/pause", &[]).await;
    let page = vera.page("/").await;
    for place in ["/activity/links", &format!("/activity/runs/{run}"), "/activity/failures?state=dead", "/settings"] {
        let link = format!("class=\"point-link\" href=\"{place}\"");
        assert!(page.contains(&link), "{place}: {page}");
        assert_eq!(vera.get(place).await.status(), 200, "{place}");
    }
    assert!(page.contains("“Look for changes” is paused") && page.contains("Show the schedules"), "{page}");
    assert!(otto.page("/").await.contains("Resume it"));
}

#[tokio::test]
async fn a_webhook_that_is_turned_away_is_told_until_one_is_accepted() {
    let site = Site::start().await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let told = "A webhook was turned away. The signature does not belong to this body";
    assert!(!vera.page("/").await.contains("turned away"));
    let forged = site.app.http.post(site.app.webhook_url()).header("X-Frappe-Webhook-Signature", "forged").body("{}");
    assert_eq!(forged.send().await.unwrap().status(), 401);
    assert!(vera.page("/").await.contains(told));
    site.app.hint("on_update", "Customer", "Somebody").await;
    assert!(!vera.page("/").await.contains("turned away"));
}
