//! Signing in and out, the first admin and the own password, by forms alone.

use customer_sync::domain::role::Role;
use customer_sync::sync::users;

use super::{PASSWORD, Site, place};

#[tokio::test]
async fn who_signs_in_is_led_to_where_they_wanted_to_go() {
    let site = Site::start().await;
    site.add("anna", Role::Viewer).await;
    let mut anna = site.visitor();
    let answer = anna.get("/account?from=mail").await;
    assert_eq!(place(&answer), "/sign-in?next=%2Faccount%3Ffrom%3Dmail");
    let page = anna.page(place(&answer)).await;
    assert!(page.contains(r#"name="next" value="/account?from=mail""#), "{page}");
    let answer =
        anna.send("/sign-in", &[("name", "anna"), ("password", PASSWORD), ("next", "/account?from=mail")]).await;
    assert_eq!((answer.status().as_u16(), place(&answer)), (303, "/account?from=mail"));
    assert!(anna.page("/account").await.contains("signed in as <strong dir=\"auto\">anna</strong>"));
    assert_eq!(place(&anna.get("/sign-in?next=/account").await), "/account", "nobody signs in twice");
}

#[tokio::test]
async fn nobody_is_led_elsewhere() {
    let site = Site::start().await;
    site.add("anna", Role::Viewer).await;
    for next in
        ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", ""]
    {
        let mut anna = site.visitor();
        let answer = anna.send("/sign-in", &[("name", "anna"), ("password", PASSWORD), ("next", next)]).await;
        assert_eq!((answer.status().as_u16(), place(&answer)), (303, "/"), "{next:?}");
        let answer = anna.submit("/theme", &[("theme", "dark"), ("back", next)]).await;
        assert_eq!((answer.status().as_u16(), place(&answer)), (303, "/"), "{next:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_and_never_sent_back() {
    let site = Site::start().await;
    site.add("anna", Role::Viewer).await;
    let mut anna = site.visitor();
    let wrong = [("name", "<b>anna"), ("password", "wrong password"), ("next", "/account")];
    let answer = anna.send("/sign-in", &wrong).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().get("www-authenticate").is_none(), "a browser would ask by a window of its own");
    let page = answer.text().await.unwrap();
    assert!(page.contains("do not belong together") && page.contains("value=\"/account\""), "{page}");
    assert!(!page.contains("wrong password") && !page.contains("<b>anna"), "{page}");
    assert!(!anna.is_signed_in());
}

#[tokio::test]
async fn a_form_with_a_character_that_no_database_takes_is_refused() {
    let site = Site::start().await;
    let mut anna = site.visitor();
    let answer = anna.send("/sign-in", &[("name", "anna"), ("password", "a\0b"), ("next", "/")]).await;
    assert_eq!(answer.status(), 400);
    let answer = anna.send("/sign-in", &[("name", "anna"), ("password", "a%00\\u0000b"), ("next", "/")]).await;
    assert_eq!(answer.status(), 401, "these only look like it");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_says_so_once() {
    let site = Site::start().await;
    let mut anna = site.signed_in("anna", Role::Viewer).await;
    let kept = anna.cookies.clone();
    assert_eq!(place(&anna.submit("/sign-out", &[]).await), "/sign-in");
    assert!(!anna.is_signed_in());
    assert!(anna.page("/sign-in").await.contains("You are signed out."));
    assert!(!anna.page("/sign-in").await.contains("You are signed out."));
    anna.cookies = kept;
    assert_eq!(place(&anna.get("/").await), "/sign-in", "the session itself is over");
}

#[tokio::test]
async fn the_first_admin_comes_by_the_link() {
    let site = Site::start().await;
    let mut visitor = site.visitor();
    assert!(visitor.page("/sign-in").await.contains("Nobody can sign in yet"));
    let token = users::first_admin_link(site.app.store()).await.unwrap().unwrap();
    assert_eq!(visitor.get("/first-admin?token=another").await.status(), 403, "before anything is filled in");
    assert!(visitor.page(&format!("/first-admin?token={token}")).await.contains(&token));
    let short = visitor.send("/first-admin", &[("token", &token), ("name", "anna"), ("password", "short")]).await;
    assert_eq!(short.status(), 400);
    assert!(short.text().await.unwrap().contains("12 characters at least"));
    let made = visitor.send("/first-admin", &[("token", &token), ("name", "anna"), ("password", PASSWORD)]).await;
    assert_eq!((made.status().as_u16(), place(&made)), (303, "/"));
    assert!(visitor.page("/").await.contains("You are the first admin"));
    let again =
        site.visitor().send("/first-admin", &[("token", &token), ("name", "eve"), ("password", PASSWORD)]).await;
    assert_eq!(again.status(), 403);
    let over = site.visitor().get(&format!("/first-admin?token={token}")).await;
    assert_eq!(over.status(), 403);
    assert!(over.text().await.unwrap().contains("This link cannot be used (any more)"));
    assert!(!visitor.page("/account").await.contains("Nobody can sign in yet"));
}

#[tokio::test]
async fn a_new_password_keeps_this_session_and_ends_the_others() {
    let site = Site::start().await;
    let mut here = site.signed_in("anna", Role::Viewer).await;
    let mut there = site.visitor();
    there.send("/sign-in", &[("name", "anna"), ("password", PASSWORD)]).await;
    let wrong = here.submit("/account/password", &[("current", "not mine at all"), ("new", "another good one")]).await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.text().await.unwrap().contains("not your present password"));
    let done = here
        .submit("/account/password", &[("username", "anna"), ("current", PASSWORD), ("new", "another good one")])
        .await;
    assert_eq!((done.status().as_u16(), place(&done)), (303, "/account"));
    assert!(here.page("/account").await.contains("Your password is changed."));
    assert_eq!(place(&there.get("/").await), "/sign-in");
    assert_eq!(place(&here.submit("/account/sign-out-everywhere", &[]).await), "/sign-in");
}
