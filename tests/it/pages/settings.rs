//! What an admin and an operator do under Settings, by forms alone.

use customer_sync::domain::role::Role;
use serde_json::Value;

use super::{PASSWORD, Site, place};

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
    anna.submit("/settings/people", &[("name", "berta"), ("role", "viewer"), ("password", "short")]).await;
    assert!(anna.page("/settings/people").await.contains("12 characters at least"));
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
    anna.submit(&format!("/settings/people/{anna_id}/remove"), &[]).await;
    assert!(anna.page("/settings/people").await.contains("this is the last admin"));
    assert_eq!(site.app.store().users().await.unwrap().len(), 1);
    let log = anna.page("/settings/audit?action=user_remove").await;
    assert!(log.contains("User remove") && log.contains("refused"), "{log}");
    assert!(!anna.page("/settings/audit?action=token_create").await.contains("<table"), "nobody made a token");
}

#[tokio::test]
async fn a_token_is_shown_once_and_can_be_revoked() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Admin).await;
    let answer = anna.submit("/settings/tokens", &[("name", "<i>shop"), ("role", "viewer"), ("days", "x")]).await;
    assert_eq!(place(&answer), "/settings/tokens");
    assert!(anna.page("/settings/tokens").await.contains("must be a number"));
    let answer = anna.submit("/settings/tokens", &[("name", "<i>shop"), ("role", "viewer"), ("days", "90")]).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page = answer.text().await.unwrap();
    let token = page.split("<p class=\"token\"><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
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
