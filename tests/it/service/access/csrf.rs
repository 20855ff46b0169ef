//! Other sites' pages that make a browser send its cookie.

use customer_sync::domain::role::Role;
use reqwest::Method;

use super::{Browser, PASSWORD, add, answer, sign_in};
use crate::service::Connected;
use crate::support::databases::Kind;

#[tokio::test]
async fn a_change_by_cookie_needs_what_only_our_page_can_send() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    let berta = Browser::new(app, "berta", Role::Admin).await;
    let post = || anna.alone(app, Method::POST, "/api/schedules/sweep/pause");
    let own = || post().header("X-CSRF-Token", &anna.csrf);
    let refused = [
        ("nothing but the cookie", post()),
        ("an empty token", post().header("X-CSRF-Token", "")),
        ("a made-up token", post().header("X-CSRF-Token", "A".repeat(43))),
        ("somebody else's token", post().header("X-CSRF-Token", &berta.csrf)),
        (
            "the token as a parameter",
            anna.alone(app, Method::POST, &format!("/api/schedules/sweep/pause?csrf={}", anna.csrf)),
        ),
        ("another site", own().header("Sec-Fetch-Site", "cross-site")),
        ("a neighbour", own().header("Sec-Fetch-Site", "same-site")),
        ("another origin", own().header("Origin", "https://evil.example")),
        ("no origin to name", own().header("Origin", "null")),
        ("an origin that the proxy's header names", {
            own().header("Origin", "https://evil.example").header("X-Forwarded-Host", "evil.example")
        }),
        ("another port", own().header("Origin", "http://127.0.0.1:1")),
        ("a form", post().header("Content-Type", "application/x-www-form-urlencoded").body("x=1")),
        ("a method in disguise", post().header("X-HTTP-Method-Override", "GET")),
    ];
    for (what, request) in refused {
        let (status, problem) = answer(request).await;
        assert_eq!((status, &problem["code"]), (403, &"not_from_our_page".into()), "{what}: {problem}");
    }
    assert_eq!(
        app.get("/api/schedules").await["data"].to_string().matches("\"paused\"").count(),
        0,
        "nothing happened"
    );
    assert_eq!(answer(own()).await.0, 200);
    assert_eq!(answer(own().header("Origin", &app.url)).await.0, 200);
    assert_eq!(answer(anna.request(app, Method::POST, "/api/schedules/sweep/resume")).await.0, 200);
}

#[tokio::test]
async fn another_sites_form_signs_nobody_in() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    add(app, "mallory", Role::Viewer).await;
    let form =
        sign_in(app, "mallory", PASSWORD).header("Content-Type", "text/plain").header("Sec-Fetch-Site", "cross-site");
    let response = form.send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.headers().get("set-cookie").is_none());
    let form = sign_in(app, "mallory", PASSWORD).header("Origin", "https://evil.example");
    assert_eq!(answer(form).await.0, 403);
}

#[tokio::test]
async fn no_answer_lets_another_sites_script_read_it() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    for method in [Method::GET, Method::OPTIONS] {
        let request = anna.alone(app, method, "/api/session").header("Origin", "https://evil.example");
        let response = request.header("Access-Control-Request-Method", "POST").send().await.unwrap();
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "{response:?}");
    }
}
