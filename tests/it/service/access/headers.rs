//! What a browser or a proxy may do with an answer: nothing but show it.

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use customer_sync::web::listed_routes;
use reqwest::Method;

use super::{Browser, PASSWORD, add, sign_in, somewhere};
use crate::service::Connected;
use crate::support::databases::Kind;

#[tokio::test]
async fn no_answer_is_kept_framed_guessed_at_or_told_on() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    add(app, "anna", Role::Viewer).await;
    let url = |path: &str| app.http.get(format!("{}{path}", app.url));
    for request in [
        app.request(Method::GET, "/api/customers"),
        app.request(Method::GET, "/api/nothing"),
        app.request(Method::DELETE, "/api/customers"),
        url("/api/customers"),
        url("/nothing"),
        url("/livez"),
        url("/readyz"),
        url("/metrics"),
        url("/webhooks/erpnext"),
        app.http.post(app.webhook_url()).body("{}"),
        sign_in(app, "anna", PASSWORD),
        sign_in(app, "anna", "a wrong password"),
    ] {
        let response = request.send().await.unwrap();
        let path = response.url().path().to_owned();
        let header = |name: &str| {
            let values: Vec<_> = response.headers().get_all(name).iter().collect();
            assert_eq!(values.len(), 1, "{path}: {name}");
            values[0].to_str().unwrap()
        };
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(response.headers().get("strict-transport-security").is_none(), "{path}: not over TLS");
        assert!(response.headers().get("server").is_none(), "{path}");
    }
}

#[tokio::test]
async fn no_cache_keeps_what_any_route_answers_to_anybody() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let admin = tokens::create(app.store(), "test", Role::Admin).await.unwrap();
    for route in listed_routes() {
        let url = format!("{}{}", app.url, somewhere(&route));
        let call = || app.http.request(route.method.parse().unwrap(), &url).header("Prefer", "respond-async");
        for (who, request) in [("nobody", call()), ("an admin", call().bearer_auth(&admin).body("{}"))] {
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["cache-control"], "no-store", "{route:?} for {who}");
            assert!(response.headers().get("expires").is_none(), "{route:?} for {who}");
        }
    }
}

#[tokio::test]
async fn tls_is_asked_for_over_tls_only() {
    let connected = Connected::configured(Kind::Sqlite, &[("server.trusted_proxies", "127.0.0.1")]).await;
    let app = &connected.app;
    let answer = async |scheme: &str| {
        let request = app.http.get(format!("{}/livez", app.url)).header("X-Forwarded-Proto", scheme);
        request.send().await.unwrap().headers().get("strict-transport-security").is_some()
    };
    assert!(answer("https").await);
    assert!(!answer("http").await);
}

#[tokio::test]
async fn no_answer_sends_a_browser_elsewhere_and_no_header_is_made_of_what_was_sent() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    for path in [
        "//evil.example/",
        "/api//evil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "/api/runs?kind=full%0d%0aX-Injected:%20yes&limit=1",
        "/api/jobs?q=%0d%0aX-Injected:%20yes&limit=1",
        "/api/customers?limit=1&after=0",
        "/api/session?next=https://evil.example",
        "/api/session?redirect=//evil.example",
    ] {
        let response = anna.alone(app, Method::GET, path).header("Host", "evil.example").send().await.unwrap();
        assert!(!response.status().is_redirection(), "{path}");
        assert!(
            response.headers().get("x-injected").is_none() && response.headers().get("set-cookie").is_none(),
            "{path}"
        );
        if let Some(place) = response.headers().get("link").or(response.headers().get("location")) {
            let place = place.to_str().unwrap();
            assert!(!place.contains("evil.example"), "{path}: {place}");
        }
    }
}
