//! Cookies that were planted, forged, replayed, or are too old.

use customer_sync::domain::role::Role;
use reqwest::Method;

use super::{Browser, PASSWORD, add, answer, sign_in};
use crate::service::Connected;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;

async fn cookie_line(app: &TestApp, headers: &[(&'static str, &str)]) -> String {
    let request =
        headers.iter().fold(sign_in(app, "anna", PASSWORD), |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["set-cookie"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_planted_session_is_not_the_one_that_is_signed_in() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    add(app, "anna", Role::Admin).await;
    let planted = format!("customer_sync={}", "A".repeat(43));
    let line = cookie_line(app, &[("Cookie", &planted)]).await;
    assert!(!line.starts_with(&planted), "{line}");
    let call = app.http.get(format!("{}/api/session", app.url)).header("Cookie", planted);
    assert_eq!(answer(call).await.0, 401);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let before = Browser::new(app, "anna", Role::Viewer).await;
    let line = cookie_line(app, &[("Cookie", &before.cookie)]).await;
    assert!(!line.starts_with(&before.cookie));
    assert!(!before.is_signed_in(app).await, "rotated");
}

#[tokio::test]
async fn forged_and_replayed_cookies_are_worth_nothing() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    let id = anna.cookie.split_once('=').unwrap().1.to_owned();
    let swapped: String = id.chars().rev().collect();
    for forged in [
        format!("customer_sync={swapped}"),
        format!("customer_sync={id}x"),
        format!("customer_sync={}", id.to_uppercase()),
        "customer_sync=".to_owned(),
        "customer_sync=' OR '1'='1".to_owned(),
        "customer_sync=%".to_owned(),
        format!("Customer_Sync={id}"),
        format!("__Host-customer_sync={id}"),
        format!("customer_sync={}", "x".repeat(4_000)),
    ] {
        let call = app.http.get(format!("{}/api/session", app.url)).header("Cookie", &forged);
        assert_eq!(answer(call).await.0, 401, "{forged}");
    }
    // A session is no token, and its csrf token is no session.
    for token in [&id, &anna.csrf, &format!("csync_{id}")] {
        assert_eq!(answer(app.http.get(format!("{}/api/session", app.url)).bearer_auth(token)).await.0, 401);
    }
    assert_eq!(answer(anna.request(app, Method::DELETE, "/api/session")).await.0, 204);
    assert!(!anna.is_signed_in(app).await, "signed out means that the server forgot it");
}

#[tokio::test]
async fn a_cookie_is_out_of_reach_for_scripts_and_behind_tls_for_everybody_else() {
    let connected = Connected::configured(Kind::Sqlite, &[("server.trusted_proxies", "127.0.0.1")]).await;
    let app = &connected.app;
    add(app, "anna", Role::Admin).await;
    let plain = cookie_line(app, &[]).await;
    assert!(plain.starts_with("customer_sync=") && !plain.contains("Secure"), "{plain}");
    let secure = cookie_line(app, &[("X-Forwarded-Proto", "https")]).await;
    assert!(secure.starts_with("__Host-customer_sync=") && secure.contains("; Secure"), "{secure}");
    for line in [plain, secure] {
        for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_say_that_the_connection_is_encrypted() {
    let connected = Connected::start(Kind::Sqlite).await;
    add(&connected.app, "anna", Role::Admin).await;
    let line = cookie_line(&connected.app, &[("X-Forwarded-Proto", "https")]).await;
    assert!(line.starts_with("customer_sync="), "{line}");
}

#[tokio::test]
async fn a_session_in_use_ends_all_the_same_some_day() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("access.session_max", "1500ms")]).await;
        let berta = Browser::new(&connected.app, "berta", Role::Viewer).await;
        wait_until("the session is over", async || !berta.is_signed_in(&connected.app).await).await;
    }
}

#[tokio::test]
async fn replicas_share_sessions() {
    let connected = Connected::start(Kind::Postgres).await;
    let anna = Browser::new(&connected.app, "anna", Role::Viewer).await;
    let other = TestApp::configured(&connected.database, &connected.erpnext, &[]).await;
    assert!(anna.is_signed_in(&other).await);
    assert_eq!(answer(anna.request(&other, Method::DELETE, "/api/session")).await.0, 204);
    assert!(!anna.is_signed_in(&connected.app).await);
}

#[tokio::test]
async fn a_token_that_is_sent_counts_and_the_cookie_beside_it_does_not() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let admin = Browser::new(app, "anna", Role::Admin).await;
    let call = admin.request(app, Method::GET, "/api/users").bearer_auth("csync_wrong");
    assert_eq!(answer(call).await.0, 401);
}
