//! One customer: shown whole, changed by hand where that is allowed, and nothing that was typed is lost.

use std::time::Duration;

use customer_sync::domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Site, place};
use crate::support::app::wait_until;
use crate::support::chromium::{Browser, PHONE, WIDE};

/// The version that a form is about.
fn version(html: &str) -> String {
    html.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What is told to have been typed in vain.
const LINES: &str = "return [...document.querySelectorAll('[role=alert] li')].map((line) => line.innerText)";

/// What the page says of a field.
async fn fact(browser: &Browser, name: &str) -> Value {
    let script = format!(
        "const fact = [...document.querySelectorAll('.fact')].find((fact) => \
            fact.querySelector('dt').textContent === {name:?}); return fact?.querySelector('dd').innerText.trim()"
    );
    browser.script(&script).await
}

#[tokio::test]
async fn a_local_customer_is_made_changed_and_deleted_by_forms_alone() {
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
    let changed = [("version", first.as_str()), ("name", "Acme"), ("city", "Bonn")];
    assert_eq!(otto.submit(&page, &changed).await.status(), 303);
    let html = otto.page(&page).await;
    assert!(html.contains("inactive") && html.contains("<del dir=\"auto\">Ulm</del>"), "{html}");
    assert!(html.contains("by otto"), "{html}");

    // Whoever was slower keeps what was typed and sees what is there now.
    let late = [("version", first.as_str()), ("name", "Acme"), ("city", "Kiel")];
    let answer = otto.submit(&page, &late).await;
    assert_eq!(answer.status(), 412);
    let html = answer.text().await.unwrap();
    assert!(html.contains("value=\"Kiel\"") && html.contains("Now: <bdi>Bonn</bdi>"), "{html}");
    assert!(html.contains("Look at <a href=\"#city\">City</a>."), "{html}");
    assert_eq!(place(&otto.submit(&format!("{page}/delete"), &[("version", &first)]).await), page);
    assert!(otto.page(&page).await.contains("Not deleted"));
    let now = version(&otto.page(&edit).await);
    assert_eq!(otto.submit(&format!("{page}/delete"), &[("version", &now)]).await.status(), 303);
    assert!(otto.page(&page).await.contains("This customer was deleted"));
    assert_eq!(otto.get(&edit).await.status(), 409);
}

#[tokio::test]
async fn what_was_typed_is_not_lost_where_a_customer_is_linked_unlinked_or_deleted_meanwhile() {
    let site = Site::configured(&[("mapping.fields", "notes=")]).await;
    let id = site.local(json!({"name": "Ours", "city": "Ulm"})).await;
    let theirs = site.erpnext.import("Customer", json!({"customer_name": "Theirs"})).unwrap();
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto(&format!("/customers/{id}/edit")).await;
    for (field, text) in [("#tax_number", "T-7"), ("#notes", "Pays late")] {
        browser.fill(field, text).await;
    }
    browser.script("document.querySelector('#is_active').click()").await;
    let link = site.app.request(Method::POST, &format!("/api/customers/{id}/link?wait=30"));
    assert_eq!(link.json(&json!({"erpnext_id": theirs})).send().await.unwrap().status(), 200);
    browser.press("Save").await;
    browser.shows("Not saved: somebody linked this customer to ERPNext while you were writing.").await;
    assert_eq!(browser.script(LINES).await, json!(["Tax number: T-7", "Active: no"]));
    browser.is_accessible("a form of a customer that was linked meanwhile").await;
    browser.press("Save").await;
    browser.shows("The customer is changed.").await;
    assert_eq!(fact(&browser, "Notes").await, "Pays late kept here");

    // The other way round, nothing is emptied.
    browser.press("Edit").await;
    browser.fill("#notes", "Pays").await;
    let unlink = site.app.request(Method::POST, &format!("/api/customers/{id}/unlink"));
    assert_eq!(unlink.send().await.unwrap().status(), 200);
    browser.press("Save").await;
    browser.shows("somebody changed this customer while you were writing").await;
    assert_eq!(browser.script("return document.querySelector('#name').value").await, "Theirs");
    browser.press("Save").await;
    browser.shows("The customer is changed.").await;
    let customer = &site.app.get(&format!("/api/customers/{id}")).await["data"];
    assert_eq!(
        (&customer["notes"], &customer["name"], &customer["is_active"]),
        (&json!("Pays"), &json!("Theirs"), &json!(true))
    );

    // Nor is anything lost where there is nothing to save it to.
    browser.press("Edit").await;
    browser.fill("#city", "Ghent").await;
    browser.fill("#notes", "").await;
    let gone = site.app.request(Method::DELETE, &format!("/api/customers/{id}"));
    assert_eq!(gone.send().await.unwrap().status(), 200);
    browser.press("Save").await;
    browser.shows("Not saved: somebody deleted this customer while you were writing.").await;
    assert_eq!(browser.script(LINES).await, json!(["City: Ghent", "Notes: nothing"]));
    browser.is_accessible("a form of a customer that was deleted meanwhile").await;
    browser.press("Look at the customer").await;
    browser.shows("This customer was deleted").await;
    browser.close(&["412 (Precondition", "409 (Conflict"]).await;
}

#[tokio::test]
async fn an_operator_adds_corrects_and_deletes_a_customer() {
    let site = Site::start().await;
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto("/customers").await;
    browser.press("New customer").await;
    browser.at("/customers/new").await;
    browser.fill("#name", "Dogwood & Daughters").await;
    browser.fill("#credit_limit", "a lot").await;
    browser.press("Save").await;
    browser.shows("Credit limit is no number").await;
    assert_eq!(browser.script("return document.querySelector('#name').value").await, "Dogwood & Daughters");
    browser.is_accessible("a form that was refused").await;
    browser.fill("#credit_limit", "2500.50").await;
    browser.press("Save").await;
    browser.shows("The customer is added.").await;
    browser.until("document.querySelector('h1').textContent === 'Dogwood & Daughters'").await;
    assert_eq!(fact(&browser, "Credit limit").await, "2500.5");
    let id = site.app.customers().await[0]["id"].as_i64().unwrap();

    // Somebody else is quicker.
    browser.press("Edit").await;
    browser.fill("#city", "Ulm").await;
    let quicker = site
        .app
        .request(Method::PATCH, &format!("/api/customers/{id}"))
        .json(&json!({"city": "Bonn", "email": "new@dogwood.example"}));
    assert_eq!(quicker.send().await.unwrap().status(), 200);
    browser.press("Save").await;
    browser.shows("somebody changed this customer while you were writing").await;
    browser.shows("Now: Bonn").await;
    assert_eq!(browser.script("return document.querySelectorAll('.hint').length").await, 1, "only where both wrote");
    browser.press("Save").await;
    browser.shows("The customer is changed.").await;
    assert_eq!(fact(&browser, "City").await, "Ulm");
    assert_eq!(fact(&browser, "E-mail").await, "new@dogwood.example");

    browser.press("Delete…").await;
    browser.press("Delete the customer").await;
    browser.shows("The customer is deleted.").await;
    browser.shows("This customer was deleted").await;
    assert_eq!(browser.script("return document.querySelectorAll('.customer-head form').length").await, 0);
    browser.close(&["422 (Unprocessable", "412 (Precondition"]).await;
}

#[tokio::test]
async fn a_local_customer_is_linked_synced_and_unlinked() {
    let site = Site::start().await;
    let id = site.local(json!({"name": "Ours", "city": "Ulm"})).await;
    site.erpnext.import("Customer", json!({"customer_name": "Theirs", "tax_id": "T-1"})).unwrap();
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto(&format!("/customers/{id}")).await;
    browser.shows("Only here: it is not linked to a customer in ERPNext").await;
    browser.press("Link to ERPNext…").await;
    browser.fill("#link-name", "Nobody").await;
    browser.press("Link the customer").await;
    browser.shows("ERPNext has no Customer of that name").await;
    browser.until("document.querySelector('#link').open && document.activeElement.id === 'link-name'").await;
    assert_eq!(browser.script("return document.querySelector('#link-name').value").await, "Nobody");
    browser.is_accessible("a link that was refused").await;

    browser.screen(PHONE).await;
    for menu in ["Delete…", "Link to ERPNext…"] {
        browser.press(menu).await;
        browser.is_accessible(menu).await;
        assert_eq!(browser.script("return document.documentElement.scrollWidth").await, PHONE.0, "{menu} sticks out");
    }
    browser.screen(WIDE).await;

    // What is typed stays while the page renews itself.
    browser.fill("#link-name", "Theirs").await;
    let changed = site.app.request(Method::PATCH, &format!("/api/customers/{id}")).json(&json!({"city": "Bonn"}));
    assert_eq!(changed.send().await.unwrap().status(), 200);
    browser.until("document.querySelector('.fact.fresh')?.innerText.includes('Bonn')").await;
    browser
        .until("document.querySelector('#link').open && document.querySelector('#link-name').value === 'Theirs'")
        .await;
    browser.press("Link the customer").await;
    browser.shows("Linked: it follows ERPNext from now on.").await;
    browser.shows("From ERPNext, and changed there").await;
    assert_eq!(fact(&browser, "Tax number").await, "T-1");
    let desk = "return document.querySelector('.customer-head a[target=_blank]').href";
    assert!(browser.script(desk).await.as_str().unwrap().ends_with("/app/customer/Theirs"));

    browser.press("Sync now").await;
    browser.shows("Nothing had changed in ERPNext.").await;
    site.erpnext.sql_edit("Customer", "Theirs", json!({"tax_id": "T-2"})).unwrap();
    browser.press("Sync now").await;
    browser.shows("Synced: it has ERPNext's present values.").await;
    assert_eq!(fact(&browser, "Tax number").await, "T-2");

    browser.press("Unlink…").await;
    browser.press("Unlink the customer").await;
    browser.shows("Unlinked: it is only here from now on.").await;
    browser.shows("Unlinked from ERPNext by otto").await;
    wait_until("theirs is a customer of its own", async || site.app.customers().await.len() == 2).await;
    browser.close(&[]).await;
}

#[tokio::test]
async fn a_change_appears_while_one_looks_and_what_is_unfolded_stays_so() {
    let site = Site::start().await;
    let name = site.erpnext.create_customer(json!({"customer_name": "Alder", "tax_id": "OLD"})).unwrap();
    site.arrived(1).await;
    let id = site.app.customers().await[0]["id"].as_i64().unwrap();
    let browser = site.browser("otto", Role::Operator).await;
    browser.goto(&format!("/customers/{id}")).await;
    browser.press("Document as ERPNext sent it").await;
    browser.until("document.querySelector('#document').open").await;
    site.erpnext.update("Customer", &name, json!({"tax_id": "NEW", "customer_name": "Alder & Co"})).unwrap();
    browser.until("document.querySelector('h1').textContent === 'Alder & Co'").await;
    browser.until("document.title.startsWith('Alder & Co')").await;
    browser.until("[...document.querySelectorAll('.fact.fresh')].some((fact) => fact.innerText.includes('NEW'))").await;
    browser.until("document.querySelector('.timeline .fresh')?.innerText.includes('OLD')").await;
    assert_eq!(browser.script("return document.querySelector('#document').open").await, true);
    let untouched =
        "return [...document.querySelectorAll('.fact.fresh')].some((fact) => /Group|City/.test(fact.innerText))";
    assert_eq!(browser.script(untouched).await, false, "only what changed is marked");
    browser.close(&[]).await;
}

#[tokio::test]
async fn the_last_of_several_changes_is_shown_however_slow_the_line() {
    let site = Site::start().await;
    let id = site.local(json!({"name": "Dogwood"})).await;
    let browser = site.browser("vera", Role::Viewer).await;
    let change = async |city: &str| {
        let changed = site.app.request(Method::PATCH, &format!("/api/customers/{id}")).json(&json!({"city": city}));
        assert_eq!(changed.send().await.unwrap().status(), 200);
    };
    for page in [format!("/customers/{id}"), "/customers".to_owned()] {
        browser.goto(&page).await;
        change("Nowhere").await;
        browser.shows("Nowhere").await;
        browser.slow_down(Duration::from_secs(2)).await;
        browser.script("document.addEventListener('htmx:beforeSend', () => (window.asked = true))").await;
        change("Ulm").await;
        browser.until("window.asked").await;
        change("Bonn").await;
        browser.shows("Bonn").await;
        browser.slow_down(Duration::ZERO).await;
    }
    browser.close(&[]).await;
}

#[tokio::test]
async fn fields_that_only_live_here_are_told_from_those_of_erpnext() {
    let site = Site::configured(&[("mapping.fields", "notes=")]).await;
    site.erpnext.create_customer(json!({"customer_name": "Alder", "website": "alder.example"})).unwrap();
    site.arrived(1).await;
    let id = site.app.customers().await[0]["id"].as_i64().unwrap();
    let page = format!("/customers/{id}");
    let mut otto = site.signed_in("otto", Role::Operator).await;
    let html = otto.page(&page).await;
    let kept: Vec<&str> = html.split("<div class=\"fact\"").filter(|fact| fact.contains("kept here")).collect();
    assert!(kept.len() == 1 && kept[0].contains(">Notes<"), "{html}");
    assert!(html.contains("href=\"https://alder.example/\""), "{html}");
    let form = otto.page(&format!("{page}/edit")).await;
    assert!(form.contains("name=\"notes\"") && !form.contains("name=\"tax_number\""), "{form}");
    let fields = [("version", version(&form)), ("notes", "Pays late".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(otto.submit(&page, &fields).await.status(), 303);
    assert!(otto.page(&page).await.contains("Pays late"));
}

#[tokio::test]
async fn a_viewer_only_looks() {
    let site = Site::start().await;
    site.erpnext.create_customer(json!({"customer_name": "Alder"})).unwrap();
    site.arrived(1).await;
    let synced = site.app.customers().await[0]["id"].as_i64().unwrap();
    let local = site.local(json!({"name": "Dogwood"})).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    for id in [synced, local] {
        let html = vera.page(&format!("/customers/{id}")).await;
        let main = html.split("<main").nth(1).unwrap();
        assert!(!main.contains("<form") && !main.contains("/edit\"") && !main.contains("as ERPNext sent it"), "{main}");
        for deed in ["sync", "delete", "link", "unlink"] {
            let refused = vera.submit(&format!("/customers/{id}/{deed}"), &[]).await;
            assert_eq!(refused.status(), 403, "{deed}");
        }
        assert_eq!(vera.get(&format!("/customers/{id}/edit")).await.status(), 403);
    }
    assert_eq!(vera.get("/customers/new").await.status(), 403);
    assert_eq!(vera.get("/customers/4711").await.status(), 404);
}
