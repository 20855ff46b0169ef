//! The API as a script uses it: tokens, pages, one customer, a sync on demand.

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::databases::Kind;

async fn status(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn nobody_enters_without_a_token_and_no_role_does_more_than_it_may() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    connected.erpnext.create_customer(json!({"customer_name": "Acme"})).unwrap();
    connected.settled().await;
    let viewer = tokens::create(app.store(), "reader", Role::Viewer).await.unwrap();
    let admin = tokens::create(app.store(), "boss", Role::Admin).await.unwrap();
    let call = |method: Method, path: &str, token: Option<&str>| {
        let request = app.http.request(method, format!("{}{path}", app.url));
        status(match token {
            Some(token) => request.header("Authorization", token),
            None => request,
        })
    };
    for (method, path) in
        [(Method::GET, "/api/customers"), (Method::GET, "/api/customers/1"), (Method::POST, "/api/customers/1/sync")]
    {
        let forged = format!("Bearer {}x", &viewer[..viewer.len() - 1]);
        for token in
            [None, Some("Bearer"), Some("Bearer "), Some(viewer.as_str()), Some(forged.as_str()), Some("Basic dTpw")]
        {
            let (code, problem) = call(method.clone(), path, token).await;
            assert_eq!((code, problem["code"].as_str()), (401, Some("unauthorized")), "{path} {token:?}");
        }
    }
    let lower = format!("bearer {viewer}");
    assert_eq!(call(Method::GET, "/api/customers/1", Some(&lower)).await.0, 200, "the scheme's case does not matter");
    let viewer = format!("Bearer {viewer}");
    let admin = format!("Bearer {admin}");
    assert_eq!(call(Method::GET, "/api/customers/1", Some(&viewer)).await.0, 200);
    let (code, problem) = call(Method::POST, "/api/customers/1/sync", Some(&viewer)).await;
    assert_eq!((code, problem["code"].as_str()), (403, Some("forbidden")));
    assert!(problem["detail"].as_str().unwrap().contains("operator"));
    assert_eq!(call(Method::POST, "/api/customers/1/sync", Some(&admin)).await.0, 202);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_double() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        connected.erpnext.seed_customers(25);
        for name in connected.erpnext.names("Customer") {
            connected.app.hint("on_update", "Customer", &name).await;
        }
        connected.settled().await;
        let mut path = Some("/api/customers?limit=10".to_owned());
        let mut ids = Vec::new();
        while let Some(page) = path {
            let response = connected.app.request(Method::GET, &page).send().await.unwrap();
            let mut links = response.headers().get_all("link").iter().map(|link| link.to_str().unwrap().to_owned());
            let link = links.find(|link| link.ends_with("rel=\"next\""));
            path = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
            let body: Value = response.json().await.unwrap();
            ids.extend(body["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
        }
        assert_eq!(ids.len(), 25, "{kind:?}");
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[tokio::test]
async fn a_sync_on_demand_tells_its_effect() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let name = connected.erpnext.create_customer(json!({"customer_name": "On Demand"})).unwrap();
        connected.settled().await;
        let id = connected.row(&name).await["id"].clone();
        connected.erpnext.set_value("Customer", &name, json!({"tax_id": "silent"})).unwrap();
        let sync =
            async || status(connected.app.request(Method::POST, &format!("/api/customers/{id}/sync?wait=30"))).await;
        let (code, body) = sync().await;
        assert_eq!((code, body["data"]["effect"].as_str()), (200, Some("updated")), "{kind:?}: {body}");
        assert_eq!(connected.row(&name).await["tax_number"], "silent");
        assert_eq!(sync().await.1["data"]["effect"], "unchanged");
        let change = &connected.app.store().changes_of(id.as_i64().unwrap(), None, 1).await.unwrap()[0];
        assert_eq!((change.cause.as_str(), &change.delivery_id), ("person", &None));
    }
}

#[tokio::test]
async fn bad_input_gets_a_problem() {
    let connected = Connected::start(Kind::Sqlite).await;
    let call = |method: Method, path: &str| status(connected.app.request(method, path));
    for (method, path, expected) in [
        (Method::GET, "/api/customers?limit=0", 400),
        (Method::GET, "/api/customers?limit=501", 400),
        (Method::GET, "/api/customers?limit=many", 400),
        (Method::GET, "/api/customers?after=x", 400),
        (Method::GET, "/api/customers?colour=red", 400),
        (Method::GET, "/api/customers/999999", 404),
        (Method::GET, "/api/customers/abc", 404),
        (Method::GET, "/api/customers/99999999999999999999", 404),
        (Method::POST, "/api/customers/7/sync", 404),
        (Method::POST, "/api/customers/7/sync?wait=61", 400),
        (Method::DELETE, "/api/customers/7", 404),
        (Method::PUT, "/api/customers/7", 405),
        (Method::GET, "/api/nothing", 404),
    ] {
        let (code, problem) = call(method, path).await;
        assert_eq!(code, expected, "{path}: {problem}");
        assert_eq!(problem["status"], expected, "{path}");
    }
}

#[tokio::test]
async fn nobody_learns_anything_without_a_token_not_even_that_the_request_is_wrong() {
    let connected = Connected::start(Kind::Sqlite).await;
    let url = &connected.app.url;
    let large = "x".repeat(2 << 20);
    for path in ["/api/runs", "/api/jobs/retry", "/api/jobs/discard", "/api/customers/1/link", "/api/nothing"] {
        for body in ["", "{", "{\"kind\": 7}", large.as_str()] {
            let request = connected.app.http.post(format!("{url}{path}")).body(body.to_owned());
            let (code, problem) = status(request).await;
            assert_eq!((code, &problem["code"]), (401, &"unauthorized".into()), "{path} {} bytes", body.len());
        }
    }
    for path in ["/api/customers?limit=many", "/api/runs?colour=red", "/api/customers/abc"] {
        let response = connected.app.http.get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(response.json::<Value>().await.unwrap()["request_id"], id.as_str(), "{path}");
    }
    let (code, problem) = status(connected.app.request(Method::POST, "/api/runs").body(large.clone())).await;
    assert_eq!((code, &problem["code"]), (413, &"body_too_large".into()), "with a token the body is judged");
}
