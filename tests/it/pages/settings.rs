//! What an admin and an operator do under Settings, by forms alone.

use customer_sync::domain::role::Role;
use serde_json::Value;

use super::{PASSWORD, Site, place};
use crate::support::app::SECRET;

#[tokio::test]
async fn an_operator_pauses_resumes_and_runs_a_schedule() {
    let site = Site::configured(&[("schedule.sweep", "1h")]).await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    assert_eq!(place(&otto.submit("/settings/schedules/sweep/pause", &[]).await), "/settings");
    let page = otto.page("/settings").await;
    assert!(
        page.contains("Compare all names: paused until somebody resumes it.") && page.contains(">paused<"),
        "{page}"
    );
    otto.submit("/settings/schedules/sweep/run", &[]).await;
    assert!(otto.page("/settings").await.contains("It is paused: resume it first."));
    otto.submit("/settings/schedules/sweep/resume", &[]).await;
    let page = otto.page("/settings").await;
    assert!(page.contains("runs again as configured") && !page.contains(">paused<"), "{page}");
    assert_eq!(otto.submit("/settings/schedules/nothing/run", &[]).await.status(), 404);
    assert!(!page.contains("/settings/people"), "an operator is offered no tab that is refused");
}

#[tokio::test]
async fn an_admin_adds_changes_and_removes_people() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    let short =
        anna.submit("/settings/people", &[("name", "berta"), ("role", "operator"), ("password", "short")]).await;
    assert_eq!(short.status(), 400);
    let page = short.text().await.unwrap();
    assert!(page.contains("12 characters at least") && page.contains("value=\"berta\""), "{page}");
    assert!(page.contains("<option value=\"operator\" selected>"), "what was filled in is still there: {page}");
    anna.submit("/settings/people", &[("name", "berta"), ("role", "viewer"), ("password", PASSWORD)]).await;
    let page = anna.page("/settings/people").await;
    assert!(page.contains("berta may sign in now."), "{page}");
    let users = site.app.store().users().await.unwrap();
    let berta = users.iter().find(|user| user.name == "berta").unwrap().id;
    let anna_id = users.iter().find(|user| user.name == "anna").unwrap().id;

    let mut visitor = site.visitor();
    visitor.send("/sign-in", &[("name", "berta"), ("password", PASSWORD)]).await;
    assert!(visitor.is_signed_in());
    anna.submit(&format!("/settings/people/{berta}/role"), &[("role", "operator")]).await;
    assert_eq!(place(&visitor.get("/").await), "/sign-in", "whoever gets another role signs in anew");
    anna.submit(&format!("/settings/people/{berta}/password"), &[("password", "another good one")]).await;
    visitor.send("/sign-in", &[("name", "berta"), ("password", "another good one")]).await;
    anna.submit(&format!("/settings/people/{berta}/sign-out"), &[]).await;
    assert_eq!(place(&visitor.get("/").await), "/sign-in");
    anna.submit(&format!("/settings/people/{berta}/remove"), &[]).await;
    let refused = anna.submit(&format!("/settings/people/{anna_id}/remove"), &[]).await;
    let page = anna.page(place(&refused)).await;
    let menu = page.split(&format!("id=\"person-{anna_id}\" open")).nth(1).unwrap();
    assert!(menu.split("</details>").next().unwrap().contains("This is the last admin"), "{page}");
    assert_eq!(site.app.store().users().await.unwrap().len(), 1);
    let log = anna.page("/settings/audit?action=user_remove").await;
    assert!(log.contains("User remove") && log.contains("refused"), "{log}");
    assert!(log.contains(&format!("user {berta}")), "{log}");
    assert_eq!(log.matches("<a href=\"/settings/people\" dir").count(), 1, "nothing leads to who is gone: {log}");
    assert!(!anna.page("/settings/audit?action=token_create").await.contains("<table"), "nobody made a token");
}

#[tokio::test]
async fn a_token_is_shown_once_and_can_be_revoked() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    let answer = anna.submit("/settings/tokens", &[("name", "<i>shop"), ("role", "viewer"), ("days", "x")]).await;
    assert_eq!(answer.status(), 400);
    let page = answer.text().await.unwrap();
    assert!(page.contains("must be a number") && page.contains("value=\"&#60;i&#62;shop\""), "{page}");
    let answer = anna.submit("/settings/tokens", &[("name", "<i>shop"), ("role", "viewer"), ("days", "90")]).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page = answer.text().await.unwrap();
    let token =
        page.split("data-once=\"/settings/tokens\"><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let call =
        async || site.app.http.get(format!("{}/api/session", site.app.url)).bearer_auth(&token).send().await.unwrap();
    let me: Value = call().await.json().await.unwrap();
    assert_eq!(me["data"]["token"]["name"], "<i>shop");
    let page = anna.page("/settings/tokens").await;
    assert!(!page.contains(&token) && !page.contains("<i>shop"), "{page}");
    let id = me["data"]["token"]["id"].as_i64().unwrap();
    anna.submit(&format!("/settings/tokens/{id}/revoke"), &[]).await;
    assert_eq!(call().await.status(), 401);
}

#[tokio::test]
async fn an_admin_sees_what_the_service_runs_with_but_no_secret() {
    let site = Site::configured(&[("sync.max_removed_percent", "7")]).await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    let page = anna.page("/settings/configuration").await;
    for text in [
        "[erpnext]",
        "api_secret",
        "set, not shown",
        "max_removed_percent",
        "<code>customer.tax_id</code>",
        ">default<",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let (_key, secret) = site.erpnext.key();
    assert!(!page.contains(&secret) && !page.contains(SECRET), "{page}");
    let written = anna.page("/settings/configuration?only=written").await;
    assert!(written.contains("max_removed_percent") && !written.contains(">default<"), "{written}");
    assert_eq!(anna.get("/settings/configuration?nonsense=1").await.status(), 400);
    let mut otto = site.signed_in("otto", Role::Operator).await;
    assert!(!otto.page("/settings").await.contains("/settings/configuration"));
}

#[tokio::test]
async fn a_session_that_was_left_open_is_ended_from_elsewhere() {
    let site = Site::start().await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    let another = async |name: &str| {
        let mut visitor = site.visitor();
        visitor.send("/sign-in", &[("name", name), ("password", PASSWORD)]).await;
        visitor
    };
    let end = |page: &str, from: &str| {
        let path = page.split("action=\"").find(|part| part.starts_with(from) && part.contains("/end\""));
        path.unwrap().split('"').next().unwrap().to_owned()
    };

    let mut left = another("otto").await;
    let page = otto.page("/account").await;
    assert!(page.contains("This session") && page.matches("Another session").count() == 1, "{page}");
    let own = end(&page, "/account/sessions/");
    assert_eq!(anna.submit(&own, &[]).await.status(), 303);
    assert!(anna.page("/account").await.contains("It was over already."), "nobody ends those of others there");
    assert_eq!(left.get("/").await.status(), 200);
    otto.submit(&own, &[]).await;
    assert!(otto.page("/account").await.contains("That session is over."));
    assert_eq!(place(&left.get("/").await), "/sign-in");

    let page = anna.page("/settings/sessions").await;
    assert!(page.contains("otto") && page.contains("this one") && page.matches("/end\"").count() == 1, "{page}");
    let path = end(&page, "/settings/people/");
    anna.submit(&path, &[]).await;
    assert!(anna.page("/settings/sessions").await.contains("That session is over."));
    assert_eq!(place(&otto.get("/").await), "/sign-in");
    anna.submit(&path, &[]).await;
    assert!(anna.page("/settings/sessions").await.contains("It was over already."));
    let log = anna.page("/settings/audit?action=user_sign_out").await;
    assert!(log.contains("User sign out"), "{log}");
}
