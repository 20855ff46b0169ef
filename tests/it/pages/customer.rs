//! One customer: shown whole, changed by hand where that is allowed, and nothing that was typed is lost.

use customer_sync::domain::role::Role;
use serde_json::json;

use super::{Site, place};

const HOSTILE: &str = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=1>";

/// The version that a form is about.
fn version(html: &str) -> String {
    html.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_local_customer_is_made_changed_and_deleted() {
    let site = Site::start().await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    let refused = otto.submit("/customers", &[("name", "Acme"), ("credit_limit", "much"), ("city", "Ulm")]).await;
    assert_eq!(refused.status(), 422);
    let html = refused.text().await.unwrap();
    assert!(html.contains("Credit limit is no number") && html.contains("value=\"Ulm\""), "{html}");

    let made = otto.submit("/customers", &[("name", "Acme"), ("city", "Ulm"), ("is_active", "yes")]).await;
    let page = place(&made).to_owned();
    assert_eq!(made.status(), 303, "{page}");
    let edit = format!("{page}/edit");
    let first = version(&otto.page(&edit).await);
    let fields = |version: &str, city: &str| {
        [("version", version.to_owned()), ("name", "Acme".to_owned()), ("city", city.to_owned())]
    };
    let changed = fields(&first, "Bonn");
    let changed: Vec<(&str, &str)> = changed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(otto.submit(&page, &changed).await.status(), 303);
    let html = otto.page(&page).await;
    assert!(html.contains("inactive") && html.contains("<del dir=\"auto\">Ulm</del>"), "{html}");

    // Whoever was slower keeps what was typed and sees what is there now.
    let late = fields(&first, "Kiel");
    let late: Vec<(&str, &str)> = late.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = otto.submit(&page, &late).await;
    assert_eq!(answer.status(), 412);
    let html = answer.text().await.unwrap();
    assert!(html.contains("value=\"Kiel\"") && html.contains("Now: <bdi>Bonn</bdi>"), "{html}");
    assert_eq!(place(&otto.submit(&format!("{page}/delete"), &[("version", &first)]).await), page);
    assert!(otto.page(&page).await.contains("Not deleted"));
    let now = version(&otto.page(&edit).await);
    assert_eq!(otto.submit(&format!("{page}/delete"), &[("version", &now)]).await.status(), 303);
    assert!(otto.page(&page).await.contains("This customer was deleted"));
    assert_eq!(otto.get(&edit).await.status(), 409);
}

#[tokio::test]
async fn a_synced_customer_is_shown_whole_as_text_and_synced_linked_and_left_to_erpnext() {
    let site = Site::start().await;
    let name = site.erpnext.create_customer(json!({"customer_name": HOSTILE, "tax_id": HOSTILE})).unwrap();
    site.app.hint("on_update", "Customer", &name).await;
    site.app.settled().await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    let id = site.app.customers().await[0]["id"].as_i64().unwrap();
    let page = format!("/customers/{id}");
    let html = otto.page(&page).await;
    assert!(!html.contains("<script>window") && !html.contains("<img"), "{html}");
    assert!(html.contains("/app/customer/%3Cscript%3E") && html.contains("From ERPNext, and changed there."), "{html}");
    assert!(html.contains("by a webhook") && html.contains("Document as ERPNext sent it"), "{html}");
    assert_eq!(place(&otto.submit(&format!("{page}/sync"), &[]).await), page);
    assert!(otto.page(&page).await.contains("Nothing had changed in ERPNext."));
    assert!(otto.page(&format!("{page}/edit")).await.contains("There is no field that is only kept here."));

    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let html = vera.page(&page).await;
    assert!(!html.contains("Sync now") && !html.contains("Document as ERPNext sent it"), "{html}");
    assert_eq!(vera.submit(&format!("{page}/sync"), &[]).await.status(), 403);
}
