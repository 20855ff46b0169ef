//! The overview tells what happens while somebody looks at it, and the sync button does what it says.

use customer_sync::domain::role::Role;
use serde_json::json;

use super::Site;

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
    browser.shows("Sync cancelled.").await;
    browser.shows("Last full sync cancelled").await;

    // It says what came of it.
    site.erpnext.change_secret(Some(&secret));
    browser.until("document.querySelector('.bar-pill').textContent.includes('In sync')").await;
    browser.press("Sync from ERPNext").await;
    browser.shows("Sync complete: 40 created.").await;
    browser.shows("Last full sync complete").await;
    browser.shows("Everything is in sync").await;

    // A webhook that comes meanwhile is seen.
    browser.shows("None yet").await;
    let name = site.erpnext.names("Customer").remove(0);
    site.erpnext.update("Customer", &name, json!({"tax_id": "NEW"})).unwrap();
    browser.until("!document.body.innerText.includes('None yet')").await;
    browser.close(&[]).await;
}
