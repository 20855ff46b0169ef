//! More calls that wait than one caller may have, and than the service has places for.

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::simulator::Fault;
use customer_sync::sync::tokens;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Browser, answer};
use crate::service::Connected;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;

/// Settings that let few calls wait.
const TWO: [(&str, &str); 1] = [("access.waiting_calls", "2")];

async fn token(app: &TestApp, name: &str) -> String {
    tokens::create(app.store(), name, Role::Operator).await.unwrap()
}

fn call(app: &TestApp, token: &str, method: Method, path: &str) -> RequestBuilder {
    app.http.request(method, format!("{}{path}", app.url)).bearer_auth(token)
}

async fn stream(app: &TestApp, token: &str) -> Response {
    call(app, token, Method::GET, "/api/events").send().await.unwrap()
}

/// The answer says what is wrong and when to come back.
async fn refused(request: RequestBuilder, status: u16, code: &str) {
    let response = request.send().await.unwrap();
    let url = response.url().clone();
    assert_eq!(response.status(), status, "{url}");
    assert_eq!(response.headers()["retry-after"], "5", "{url}");
    assert_eq!(response.json::<Value>().await.unwrap()["code"], code, "{url}");
}

#[tokio::test]
async fn one_caller_has_so_many_places_and_others_have_their_own() {
    let connected = Connected::configured(Kind::Sqlite, &TWO).await;
    let app = &connected.app;
    let name = connected.erpnext.create_customer(json!({"customer_name": "Waited For"})).unwrap();
    connected.settled().await;
    let id = connected.row(&name).await["id"].clone();
    let greedy = token(app, "greedy").await;
    let mut streams = vec![stream(app, &greedy).await, stream(app, &greedy).await];
    assert!(streams.iter().all(|stream| stream.status() == 200));
    for (method, path) in [
        (Method::GET, "/api/events".to_owned()),
        (Method::GET, "/api/changes?wait=1".to_owned()),
        (Method::POST, format!("/api/customers/{id}/sync?wait=1")),
        (Method::POST, format!("/api/customers/{id}/link?wait=1")),
        (Method::POST, "/api/customers/sync".to_owned()),
    ] {
        let request = call(app, &greedy, method, &path).json(&json!({"erpnext_id": "Waited For"}));
        refused(request, 429, "too_many_requests").await;
    }
    let runs = app.get("/api/runs?kind=full").await;
    assert_eq!(runs["data"].as_array().map(Vec::len), Some(0), "what may not wait is not begun");
    let deeds =
        [(Method::GET, "/api/changes".to_owned(), 200), (Method::POST, format!("/api/customers/{id}/sync"), 202)];
    for (method, path, expected) in deeds {
        assert_eq!(
            answer(call(app, &greedy, method, &path)).await.0,
            expected,
            "{path}: who does not wait needs no place"
        );
    }
    let other = token(app, "other").await;
    assert_eq!(answer(call(app, &other, Method::GET, "/api/changes?wait=1")).await.0, 200);
    // Whoever leaves without a word is found out by the next heartbeat.
    streams.pop();
    wait_until("the place of the stream is free", async || stream(app, &greedy).await.status() == 200).await;
}

#[tokio::test]
async fn a_user_has_as_many_places_in_all_sessions_together() {
    let connected = Connected::configured(Kind::Sqlite, &TWO).await;
    let app = &connected.app;
    let first = Browser::new(app, "anna", Role::Viewer).await;
    let second = Browser::signed_in(app, "anna", super::PASSWORD).await;
    let page = first.alone(app, Method::GET, "/live").send().await.unwrap();
    let stream = second.alone(app, Method::GET, "/api/events").send().await.unwrap();
    assert_eq!((page.status().as_u16(), stream.status().as_u16()), (200, 200));
    refused(first.alone(app, Method::GET, "/api/events"), 429, "too_many_requests").await;
    assert_eq!(second.alone(app, Method::GET, "/live").send().await.unwrap().status(), 429);
}

#[tokio::test]
async fn all_callers_together_have_so_many_places() {
    let connected = Connected::configured(Kind::Sqlite, &TWO).await;
    let app = &connected.app;
    let mut streams = Vec::new();
    for number in 0..4 {
        let token = token(app, &format!("reader {number}")).await;
        streams.extend([stream(app, &token).await, stream(app, &token).await]);
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    let late = token(app, "late").await;
    refused(call(app, &late, Method::GET, "/api/changes?wait=1"), 503, "busy").await;
    drop(streams);
    wait_until("places are free", async || stream(app, &late).await.status() == 200).await;
}

#[tokio::test]
async fn a_call_that_waits_gives_its_place_back_with_its_answer() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.waiting_calls", "1")]).await;
    let app = &connected.app;
    let name = connected.erpnext.create_customer(json!({"customer_name": "Waited For"})).unwrap();
    connected.settled().await;
    let id = connected.row(&name).await["id"].clone();
    let path = format!("/api/customers/{id}/sync?wait=60");
    let caller = token(app, "caller").await;
    let sync = || call(app, &caller, Method::POST, &path);
    connected.erpnext.faults().requests_to("Customer", Fault::Slow(Duration::from_secs(2)), 1);
    let meanwhile = async {
        let begun =
            async || app.store().job(&customer_sync::domain::job::DocKey::customer(&name)).await.unwrap().is_some();
        wait_until("the first call waits", begun).await;
        refused(sync(), 429, "too_many_requests").await;
    };
    let ((status, _), ()) = tokio::join!(answer(sync()), meanwhile);
    assert_eq!(status, 200);
    for _ in 0..3 {
        assert_eq!(answer(sync()).await.0, 200);
    }
}
