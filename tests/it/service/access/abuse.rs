//! Requests that are too big, twisted, smuggled, or SQL.

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use reqwest::Method;
use serde_json::json;

use super::{Browser, PASSWORD, answer, raw, sign_in};
use crate::service::Connected;
use crate::support::databases::Kind;

#[tokio::test]
async fn what_is_too_big_is_refused_wherever_it_stands() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let long = "x".repeat(200_000);
    let large = "x".repeat((1 << 20) + 1);
    let anna = Browser::new(app, "anna", Role::Admin).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let run = |body: String| {
        anna.request(app, Method::POST, "/api/runs").header("Content-Type", "application/json").body(body)
    };
    let many: Vec<_> = (0..5_000).map(|number| json!({"doctype": "Customer", "name": number.to_string()})).collect();
    for (what, request, expected) in [
        ("a depth", run(deep), 400),
        ("a number", run(format!("{{\"kind\": 1e{}}}", "9".repeat(1_000))), 400),
        ("a search", anna.request(app, Method::GET, &format!("/api/jobs?q={}", &long[..60_000])), 200),
        ("a page", anna.request(app, Method::GET, "/api/customers?limit=4294967295"), 400),
        ("a wait", anna.request(app, Method::GET, "/api/changes?wait=18446744073709551615"), 400),
        ("a list", anna.request(app, Method::POST, "/api/jobs/retry").json(&json!({"jobs": many})), 400),
        ("a body", anna.request(app, Method::POST, "/api/runs").body(large.clone()), 413),
        ("a body of nobody", app.http.post(format!("{}/api/runs", app.url)).body(large.clone()), 401),
        ("a sign-in", app.http.post(format!("{}/api/session", app.url)).body(large), 413),
        ("a password", sign_in(app, "anna", &long), 401),
        ("a name", sign_in(app, &long, PASSWORD), 401),
        (
            "a token's name",
            anna.request(app, Method::POST, "/api/tokens").json(&json!({"name": long, "role": "admin"})),
            400,
        ),
        ("an id", anna.request(app, Method::GET, &format!("/api/customers/{}", "9".repeat(1_000))), 404),
    ] {
        let (status, problem) = answer(request).await;
        assert_eq!(status, expected, "{what}: {problem}");
        assert!(problem.to_string().len() < 5_000, "{what}: the answer is not as long as the question");
    }
    // More headers than a server reads: the connection ends, and the service goes on.
    let said = raw(app, &format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: {long}\r\n\r\n")).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{}", &said[..said.len().min(200)]);
    let said = raw(app, &format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(1_000))).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{}", &said[..said.len().min(200)]);
    assert!(anna.is_signed_in(app).await);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_by_name() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    let sent = |method: Method, path: &str, body: &str| {
        anna.request(app, method, path).header("Content-Type", "application/json").body(body.to_owned())
    };
    let made = answer(sent(Method::POST, "/api/customers", r#"{"name": "Once Ltd"}"#)).await.1;
    let customer = format!("/api/customers/{}", made["data"]["id"]);
    for (method, path, body, key) in [
        (Method::POST, "/api/customers", r#"{"name": "A", "name": "B"}"#, "name"),
        (Method::POST, "/api/customers", r#"{"name": "A", "extra": {"tier": 1, "tier": 2}}"#, "tier"),
        (Method::PATCH, customer.as_str(), r#"{"city": "Ulm", "phone": "1", "city": null}"#, "city"),
        (Method::PATCH, customer.as_str(), r#"{"city": "Ulm", "c\u0069ty": "Ulm"}"#, "city"),
        (Method::POST, "/api/jobs/retry", r#"{"all": true, "filter": {"label": "a", "label": "b"}}"#, "label"),
        (Method::POST, "/api/users", r#"{"name": "a", "role": "viewer", "role": "admin", "password": "x"}"#, "role"),
        (Method::POST, "/api/schedules/sweep/pause", r#"{"x": 1, "x": 2}"#, "x"),
    ] {
        let (status, problem) = answer(sent(method, path, body)).await;
        assert_eq!((status, &problem["code"]), (400, &"bad_request".into()), "{path} {body}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("\"{key}\" stands twice")), "{body}: {detail}");
    }
    assert_eq!(app.customers().await.len(), 1, "nothing was made or changed");
    assert_eq!(app.get(&customer).await["data"]["city"], json!(null));
    assert_eq!(app.get("/api/schedules").await.to_string().matches("paused\":true").count(), 0);
}

#[tokio::test]
async fn a_backslash_before_u0000_is_no_nul() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let path = r"C:\u0000";
        let (status, made) = answer(app.request(Method::POST, "/api/customers").json(&json!({"name": path}))).await;
        assert_eq!((status, &made["data"]["name"]), (201, &path.into()), "{kind:?}: {made}");
        let nul = json!({"name": "A", "notes": "\\\0"});
        let (status, problem) = answer(app.request(Method::POST, "/api/customers").json(&nul)).await;
        assert_eq!((status, &problem["code"]), (400, &"bad_request".into()), "{kind:?}: {problem}");
    }
}

#[tokio::test]
async fn twisted_paths_lead_nowhere() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let viewer = tokens::create(app.store(), "test", Role::Viewer).await.unwrap();
    for path in [
        "/api/../api/users",
        "/api/./users",
        "/api/%75sers",
        "/api/users/",
        "/api//users",
        "//api/users",
        "/api/users%00",
        "/api/users;x=1",
        "/api/users%2f",
        "/API/USERS",
        "/livez/../api/users",
        "/webhooks/erpnext/../../api/users",
        "/webhooks/erpnext/%2e%2e/%2e%2e/api/users",
        "/api/customers/..%2fusers",
        "/../../etc/passwd",
        "/api/%2e%2e/%2e%2e/etc/passwd",
    ] {
        for (who, header) in [("nobody", String::new()), ("a viewer", format!("Authorization: Bearer {viewer}\r\n"))] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n");
            let said = raw(app, &request).await;
            let status = said.get(9..12).unwrap_or_default();
            assert!(["400", "401", "403", "404"].contains(&status), "{path} as {who}: {said}");
        }
    }
}

#[tokio::test]
async fn sql_and_wildcards_are_text_like_any_other() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        for text in
            ["' OR '1'='1", "'; DROP TABLE sync_users; --", "%", "_", "\\", "\" OR \"\"=\"", "a' UNION SELECT 1 --"]
        {
            let query = [("q", text), ("label", text)];
            let (status, body) = answer(app.request(Method::GET, "/api/jobs").query(&query)).await;
            assert_eq!((status, body["data"].as_array().map(Vec::len)), (200, Some(0)), "{kind:?} {text:?}: {body}");
            let name = [("doctype", "Customer"), ("name", text)];
            assert_eq!(
                answer(app.request(Method::GET, "/api/jobs/one").query(&name)).await.0,
                404,
                "{kind:?} {text:?}"
            );
            let query = [("kind", text)];
            assert_eq!(answer(app.request(Method::GET, "/api/runs").query(&query)).await.0, 400, "{kind:?} {text:?}");
            let (status, _) = answer(app.admin(Method::GET, "/api/audit").await.query(&[("action", text)])).await;
            assert_eq!(status, 400, "{kind:?} {text:?}");
        }
        // Not every database stores it, and none of them is "not reachable" for that.
        let nul = app.request(Method::GET, "/api/jobs").query(&[("q", "a\0b")]);
        assert_eq!(answer(nul).await.0, 400, "{kind:?}");
        let nul = json!({"name": "a\0b", "password": PASSWORD});
        assert_eq!(answer(app.http.post(format!("{}/api/session", app.url)).json(&nul)).await.0, 400, "{kind:?}");
        assert!(app.store().users().await.is_ok());
    }
}

#[tokio::test]
async fn two_requests_in_one_are_not_smuggled() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let inner = "GET /api/users HTTP/1.1\r\nHost: x\r\n\r\n";
    for headers in [
        "Content-Length: 0\r\nContent-Length: 50",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Content-Length: -1",
        "Content-Length: +5",
    ] {
        let said =
            raw(app, &format!("POST /api/session HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n0\r\n\r\n{inner}")).await;
        let answers = said.matches("HTTP/1.1 ").count();
        assert!(answers <= 1 && !said.starts_with("HTTP/1.1 2"), "{headers}: {said}");
    }
}
