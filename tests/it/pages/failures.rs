//! What goes wrong is a page for people and a problem for programs.

use customer_sync::domain::role::Role;
use reqwest::Method;

use super::Site;

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_a_problem() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Viewer).await;
    for (path, people) in [("/nothing", true), ("/apiary", true), ("/api/nothing", false), ("/webhooks/x", false)] {
        let answer = anna.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(kind.starts_with("text/html"), people, "{path}: {kind}");
    }
    let page = anna.get("/nothing?<script>").await.text().await.unwrap();
    assert!(page.contains("There is nothing here") && !page.contains("?<script>"), "{page}");
    let program = site.app.http.get(format!("{}/nothing", site.app.url)).send().await.unwrap();
    assert_eq!(program.headers()["content-type"], "application/problem+json");
    let wrong_method = anna.answer(anna.request(Method::DELETE, "/account")).await;
    assert_eq!((wrong_method.status().as_u16(), wrong_method.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
}

#[tokio::test]
async fn a_part_of_a_page_is_refused_in_words_that_a_script_can_show() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Viewer).await;
    let part = anna.request(Method::POST, "/sync").header("HX-Request", "true");
    let answer = anna.answer(part).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (403, "application/problem+json")
    );
    let mut nobody = site.visitor();
    let part = nobody.request(Method::GET, "/sync").header("HX-Request", "true");
    let answer = nobody.answer(part).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["hx-refresh"].to_str().unwrap()), (401, "true"));
}
