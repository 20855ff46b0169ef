//! *Activity* in a real browser: what people do there, what they see happen, and how it looks.

use customer_sync::domain::role::Role;
use customer_sync::domain::run::RunState;
use serde_json::json;

use super::Site;
use super::looks::look;
use crate::support::chromium::{PHONE, WIDE};

/// A text that would do harm where it is not escaped.
const SCRIPT: &str = "<script>document.title='harm'</script><b>Bold</b>";
/// The same for a name: ERPNext allows no `<` in one.
const HOSTILE: &str = "Eve\" autofocus onfocus=\"document.title='harm'";
const LONG: &str =
    "Sanctuary of the Everlasting Long Names and Sons and Daughters International Holding GmbH & Co. KGaA";
const ARABIC: &str = "شركة المستقبل للتجارة";

#[tokio::test]
async fn an_operator_retries_discards_sees_a_webhook_arrive_and_cancels_a_run() {
    let site = Site::start().await;
    site.fail(&["Wonky/1", "Wonky 2", "Wonky 3", HOSTILE]).await;
    site.complain("Wonky 3", SCRIPT).await;
    let browser = site.browser("otto", Role::Operator).await;

    browser.goto("/activity/failures").await;
    browser.shows("4 documents").await;
    browser.shows("<b>Bold</b>").await;
    site.erpnext.faults().heal("Wonky/1");
    browser.click("[aria-label='Retry Wonky/1']").await;
    browser.shows("1 document is tried again now.").await;
    browser.shows("3 documents").await;
    browser.until("document.querySelector('#tabs [aria-current]').innerText.endsWith('3')").await;
    browser.fill("[name=q]", "wonky").await;
    browser.shows("2 documents").await;
    browser.press("Discard all…").await;
    browser.picture("activity-discard", WIDE).await;
    browser.picture("activity-discard-phone", PHONE).await;
    browser.press("Discard all 2 that match").await;
    browser.shows("2 documents were discarded.").await;
    browser.shows("No failure matches").await;

    browser.goto("/activity/webhooks").await;
    browser.until("document.querySelectorAll('#webhooks tbody tr').length > 0").await;
    assert_eq!(browser.script("return document.querySelectorAll('.fresh').length").await, 0);
    site.app.hint("on_update", "Customer", "A new one").await;
    browser.until("document.querySelector('#webhooks .fresh')?.innerText.includes('A new one')").await;
    site.app.webhook(json!({"doctype": "Customer", "name": SCRIPT, "event": SCRIPT}).to_string()).await;
    browser.until("document.querySelector('#webhooks .fresh')?.innerText.includes('<b>Bold</b>')").await;
    browser.click("#webhooks .fresh a").await;
    browser.press("Body").await;
    browser.until("document.querySelector('pre').innerText.includes('<b>Bold</b>')").await;

    // ERPNext refuses the key for a while, so that there is something to watch.
    site.erpnext.seed_customers(30);
    let (_key, secret) = site.erpnext.key();
    site.erpnext.change_secret(Some("another"));
    browser.goto("/activity").await;
    browser.press("Sync from ERPNext").await;
    browser.until("document.querySelector('#runs .badge')?.innerText === 'paused'").await;
    browser.press("Full sync ").await;
    browser.shows("The sync is paused: ERPNext does not accept the API key").await;
    browser.picture("activity-running", WIDE).await;
    browser.press("Cancel this run").await;
    browser.shows("Cancelled. What was read so far stays.").await;
    browser.until("document.querySelector('h1 + .badge').innerText === 'cancelled'").await;
    site.erpnext.change_secret(Some(&secret));
    assert_ne!(browser.script("return document.title").await, "harm");
    browser.close(&[]).await;
}

#[tokio::test]
async fn an_admin_approves_a_hold_and_accepts_a_link_and_a_viewer_only_looks() {
    let site = Site::configured(&[("matching.keys", "email")]).await;
    let [mine, _other] = site.ask(["Two Limited", SCRIPT]).await;
    let run = site.hold().await;
    let browser = site.browser("anna", Role::Admin).await;

    browser.goto("/activity/links").await;
    browser.shows("They have the same e-mail.").await;
    browser.shows("<b>Bold</b>").await;
    browser.click(&format!("article:has(a[href='/customers/{mine}']) .button-main")).await;
    browser.shows("Accepted. They are linked in a moment.").await;

    browser.goto("/activity").await;
    browser.press("1 held").await;
    browser.press(&format!("Sweep {run}")).await;
    browser.shows("Remove 12 customers?").await;
    browser.press("Approve…").await;
    browser.press("Remove 12 customers").await;
    browser.shows("Approved.").await;
    browser.until("document.querySelector('h1 + .badge').innerText === 'complete'").await;
    browser.shows("12 customers, by name; 12 removed by now").await;
    site.run_is(run, RunState::Succeeded).await;
    assert_ne!(browser.script("return document.title").await, "harm");
    browser.close(&[]).await;

    site.fail(&["Wonky"]).await;
    let browser = site.browser("vera", Role::Viewer).await;
    for path in ["/activity", &format!("/activity/runs/{run}"), "/activity/failures", "/activity/links"] {
        browser.goto(path).await;
        assert_eq!(
            browser.script("return document.querySelectorAll('main form[method=post]').length").await,
            0,
            "{path}"
        );
    }
    browser.close(&[]).await;
}

#[tokio::test]
async fn activity_is_accessible_in_both_themes_and_on_a_phone() {
    let site = Site::configured(&[("matching.keys", "email")]).await;
    site.ask(["Two Limited", LONG]).await;
    let run = site.hold().await;
    site.fail(&[LONG, ARABIC, HOSTILE, "Crème 🍓 & Söhne"]).await;
    site.complain(ARABIC, SCRIPT).await;
    let delivery = site.app.get("/api/deliveries?limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let browser = site.browser("anna", Role::Admin).await;
    let pages = [
        ("overview-trouble", "/".to_owned()),
        ("activity-runs", "/activity".to_owned()),
        ("activity-held", format!("/activity/runs/{run}")),
        ("activity-run", format!("/activity/runs/{}", run - 1)),
        ("activity-webhooks", "/activity/webhooks".to_owned()),
        ("activity-webhook", format!("/activity/webhooks/{delivery}")),
        ("activity-failures", "/activity/failures".to_owned()),
        ("activity-links", "/activity/links".to_owned()),
        ("activity-links-none", "/activity/links?state=rejected".to_owned()),
        ("activity-webhooks-none", "/activity/webhooks?name=nobody".to_owned()),
    ];
    let pages: Vec<(&str, &str)> = pages.iter().map(|(name, path)| (*name, path.as_str())).collect();
    look(&browser, &pages).await;
    browser.close(&[]).await;
}
