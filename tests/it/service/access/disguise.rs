//! Requests that claim to be what they are not: a token in another place, a role that nobody gave, another protocol.

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Browser, PASSWORD, answer, raw, sign_in};
use crate::service::Connected;
use crate::support::app::SECRET;
use crate::support::databases::Kind;

#[tokio::test]
async fn what_lets_in_does_so_in_its_own_place_only() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let token = tokens::create(app.store(), "test", Role::Admin).await.unwrap();
    let anna = Browser::new(app, "anna", Role::Admin).await;
    let session = anna.cookie.split_once('=').unwrap().1;
    let url = format!("{}/api/users", app.url);
    let get = || app.http.get(&url);
    let bearer = |text: String| get().header("Authorization", text);
    for (what, request) in [
        ("a token in the query", app.http.get(format!("{url}?access_token={token}"))),
        ("a token as a cookie", get().header("Cookie", format!("customer_sync={token}"))),
        ("a token as a password", get().basic_auth("token", Some(&token))),
        ("a token without its scheme", bearer(token.clone())),
        ("a token of another scheme", bearer(format!("Token {token}"))),
        ("one of two tokens", bearer(format!("Bearer csync_x, Bearer {token}"))),
        ("a token without its prefix", bearer(format!("Bearer {}", token.trim_start_matches("csync_")))),
        ("half a token", bearer(format!("Bearer {}", &token[..token.len() / 2]))),
        ("a token in other letters", bearer(format!("Bearer {}", token.to_uppercase()))),
        ("a token that is none", bearer("Bearer ".to_owned())),
        ("a key of an API", get().header("X-Api-Key", &token)),
        ("a name that a proxy might give", get().header("X-Forwarded-User", "anna").header("Remote-User", "anna")),
        ("the secret of the webhooks", bearer(format!("Bearer {SECRET}"))),
        ("a session in the query", app.http.get(format!("{url}?customer_sync={session}"))),
        ("a session in a header", get().header("X-Session", session)),
        ("the token of a page", get().header("X-CSRF-Token", &anna.csrf)),
    ] {
        let (status, problem) = answer(request).await;
        assert_eq!((status, &problem["code"]), (401, &"unauthorized".into()), "{what}: {problem}");
    }
    assert_eq!(answer(bearer(format!("Bearer {token}"))).await.0, 200);
    let webhook = app.http.post(app.webhook_url()).bearer_auth(&token).header("Cookie", &anna.cookie).body("{}");
    assert_eq!(answer(webhook).await.0, 401, "who may use the API may not send webhooks for that");
}

#[tokio::test]
async fn nobody_gives_themselves_a_role() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.sign_ins_per_minute", "100")]).await;
    let app = &connected.app;
    let root = Browser::new(app, "root", Role::Admin).await;
    let operator = Browser::new(app, "anna", Role::Operator).await;
    let by = |method: Method, path: &str, body: Value| operator.request(app, method, path).json(&body);
    let raw_body = |text: &str| root.request(app, Method::POST, "/api/tokens").body(text.to_owned());
    let typed = |request: RequestBuilder| request.header("Content-Type", "application/json");
    let own = format!("/api/users/{}", operator.id);
    let new = "another good password";
    let with_role = json!({"name": "anna", "password": PASSWORD, "role": "admin"});
    for (what, request, expected) in [
        ("a role at sign-in", app.http.post(format!("{}/api/session", app.url)).json(&with_role), 400),
        (
            "a role with a password",
            { by(Method::PUT, "/api/session/password", json!({"current": PASSWORD, "new": new, "role": "admin"})) },
            400,
        ),
        ("a role of one's own", by(Method::PATCH, &own, json!({"role": "admin"})), 403),
        ("a user of one's own", by(Method::POST, "/api/users", json!({"name": "x", "role": "admin"})), 403),
        ("a token of one's own", by(Method::POST, "/api/tokens", json!({"name": "x", "role": "admin"})), 403),
        ("the end of the admin", by(Method::DELETE, &format!("/api/users/{}", root.id), json!({})), 403),
        ("the admin's sign-out", by(Method::DELETE, &format!("/api/users/{}/sessions", root.id), json!({})), 403),
        (
            "the first admin's link",
            by(Method::POST, "/api/first-admin", json!({"token": "", "name": "mallory", "password": new})),
            403,
        ),
        ("two roles in one", typed(raw_body(r#"{"name":"x","role":"viewer","role":"admin"}"#)), 400),
        ("a role in other letters", typed(raw_body(r#"{"name":"x","role":"ADMIN"}"#)), 400),
        ("a role that is a list", typed(raw_body(r#"{"name":"x","role":["admin"]}"#)), 400),
    ] {
        let (status, problem) = answer(request).await;
        assert_eq!(status, expected, "{what}: {problem}");
    }
    let (_, who) = answer(operator.alone(app, Method::GET, "/api/session")).await;
    assert_eq!(who["data"]["user"]["role"], "operator", "{who}");
    assert_eq!((app.store().users().await.unwrap().len(), root.is_signed_in(app).await), (2, true));
}

#[tokio::test]
async fn another_protocol_or_form_of_a_request_is_no_way_in() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    for (what, head) in [
        ("the absolute form", "GET http://localhost/api/users HTTP/1.1\r\nHost: x\r\n"),
        ("the absolute form of another site", "GET http://evil.example/api/users HTTP/1.1\r\nHost: x\r\n"),
        ("a tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n"),
        ("no path", "OPTIONS * HTTP/1.1\r\nHost: x\r\n"),
        ("an older HTTP", "GET /api/users HTTP/1.0\r\n"),
        ("no HTTP", "GET /api/users\r\n"),
        ("two hosts", "GET /api/users HTTP/1.1\r\nHost: x\r\nHost: y\r\n"),
        (
            "HTTP/2 without TLS",
            "GET /api/users HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        ),
        ("HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n"),
        (
            "a web socket",
            "GET /api/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        ),
        ("a folded header", "GET /api/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n csync_x\r\n"),
        (
            "a header with a blank in its name",
            "GET /api/users HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer csync_x\r\n",
        ),
    ] {
        let close = if head.contains("Connection:") { "" } else { "Connection: close\r\n" };
        let said = raw(app, &format!("{head}{close}\r\n")).await;
        let status = said.get(9..12).unwrap_or_default();
        assert!(said.is_empty() || status.starts_with('4'), "{what}: {said}");
        assert!(!said.contains("anna"), "{what}: {said}");
    }
    // A proxy's word for another path is not heard, and a request is not sent back with the cookie that it brought.
    for (head, expected) in [
        ("GET /livez HTTP/1.1\r\nX-Original-URL: /api/users\r\nX-Rewrite-URL: /api/users\r\n", "200"),
        ("TRACE /livez HTTP/1.1\r\n", "405"),
        ("TRACE /api/users HTTP/1.1\r\n", "403"),
    ] {
        let said = raw(app, &format!("{head}Host: x\r\nCookie: {}\r\nConnection: close\r\n\r\n", anna.cookie)).await;
        assert_eq!(said.get(9..12), Some(expected), "{head}: {said}");
        assert!(!said.contains(&anna.cookie) && !said.contains("anna"), "{head}: {said}");
    }
}

#[tokio::test]
async fn a_body_that_claims_to_be_something_else_is_read_as_it_is() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    Browser::new(app, "anna", Role::Viewer).await;
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let plain = sign_in(app, "anna", PASSWORD).header("Content-Encoding", coding);
        assert_eq!(answer(plain).await.0, 200, "{coding}: nothing is unpacked, so nothing can swell");
    }
    for kind in ["text/html", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-7"] {
        let (status, problem) = answer(sign_in(app, "<script>", "x").header("Content-Type", kind)).await;
        assert!([400, 401].contains(&status) && !problem.to_string().contains("script"), "{kind}: {problem}");
    }
}
