//! What the receiver answers, with the recorded webhooks of a real ERPNext and with bad input.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use customer_sync::erpnext::signature::sign;
use customer_sync::simulator::{Options, Simulator};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::support::app::{SECRET, TestApp, wait_until};
use crate::support::databases::{Database, Kind, fresh};
use crate::support::proxy::TcpProxy;
use crate::support::recordings;

/// The service, and what must live as long as it.
async fn start(settings: &[(&'static str, &str)]) -> (TestApp, (Simulator, Database)) {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    let database = fresh(Kind::Sqlite).await;
    let app = TestApp::configured(&database, &erpnext, settings).await;
    (app, (erpnext, database))
}

/// Deliveries that were stored.
async fn stored(app: &TestApp) -> u64 {
    app.store().delivery_count().await.unwrap()
}

async fn problem(response: reqwest::Response) -> (u16, Value) {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn each_recorded_webhook_gets_the_promised_answer() {
    let (app, _kept) = start(&[]).await;
    let mut seen = 0;
    for webhook in recordings::all().iter().filter(|exchange| exchange.is_webhook) {
        let method = Method::from_bytes(webhook.method.as_bytes()).unwrap();
        let mut request = app.http.request(method, app.webhook_url()).body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            if !matches!(name.as_str(), "Host" | "Content-Length" | "Connection" | "Accept-Encoding") {
                request = request.header(name, value);
            }
        }
        let before = stored(&app).await;
        let status = request.send().await.unwrap().status().as_u16();
        let body: Value = serde_json::from_slice(&webhook.body).unwrap();
        // Its template has now(), which Frappe renders twice: once to sign and once to send.
        let unverifiable = webhook.file.starts_with("38-");
        let expected = match (webhook.header("X-Frappe-Webhook-Signature"), body.as_object().unwrap().is_empty()) {
            (None, _) => 401,
            _ if unverifiable => 401,
            (Some(_), true) => 422,
            (Some(_), false) => 202,
        };
        assert_eq!(status, expected, "{}: {body}", webhook.file);
        assert_eq!(stored(&app).await - before, u64::from(expected != 401), "{}", webhook.file);
        seen += 1;
    }
    assert!(seen > 40, "only {seen} recorded webhooks were found");
}

#[tokio::test]
async fn a_database_that_is_read_but_takes_no_writes_is_not_ready_until_it_does() {
    let (app, (_erpnext, database)) = start(&[]).await;
    let mut connection = SqliteConnection::connect(&database.url).await.unwrap();
    let ready = async || app.http.get(format!("{}/readyz", app.url)).send().await.unwrap().status().as_u16();
    assert_eq!(ready().await, 200);
    // As a full disk does: reading works.
    for table in ["sync_deliveries", "sync_meta"] {
        let sql =
            format!("CREATE TRIGGER full_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END");
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
    assert_eq!(app.hint("on_update", "Customer", "Acme").await.status(), 503);
    assert_eq!(ready().await, 503);
    for table in ["sync_deliveries", "sync_meta"] {
        connection.execute(sqlx::AssertSqlSafe(format!("DROP TRIGGER full_{table}"))).await.unwrap();
    }
    assert_eq!(
        ready().await,
        200,
        "it finds out by itself, since nobody sends webhooks to a service that is not ready"
    );
    assert_eq!(app.hint("on_update", "Customer", "Acme").await.status(), 202);
}

#[tokio::test]
async fn what_is_not_signed_by_us_is_never_stored_or_queued() {
    let (app, _kept) = start(&[]).await;
    let body = json!({"event": "on_update", "doctype": "Customer", "name": "Acme"}).to_string();
    let right = sign(SECRET, body.as_bytes());
    let post = async |signature: Option<&str>, body: &str| {
        let mut request = app.http.post(app.webhook_url()).body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("X-Frappe-Webhook-Signature", signature);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(None, &body).await, 401);
    for wrong in ["", "x", &sign("another secret", body.as_bytes()), &right[1..], &right.to_lowercase()] {
        assert_eq!(post(Some(wrong), &body).await, 401, "{wrong:?}");
    }
    assert_eq!(post(Some(&right), &body.replace("Acme", "Acmf")).await, 401);
    assert_eq!(stored(&app).await, 0);
    assert_eq!(app.store().queue().await.unwrap().due_fast, 0);
    assert_eq!(post(Some(&right), &body).await, 202);
    let metrics = app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("customer_sync_deliveries_total{verdict=\"unsigned\"}"), "{metrics}");
}

#[tokio::test]
async fn two_secrets_are_accepted_while_one_replaces_the_other() {
    let (app, _kept) = start(&[("webhook.secrets", "new one,old one")]).await;
    let body = json!({"name": "Acme"}).to_string();
    for (secret, status) in [("new one", 202), ("old one", 202), (SECRET, 401)] {
        let request =
            app.http.post(app.webhook_url()).header("X-Frappe-Webhook-Signature", sign(secret, body.as_bytes()));
        assert_eq!(request.body(body.clone()).send().await.unwrap().status().as_u16(), status, "{secret}");
    }
}

#[tokio::test]
async fn an_unusable_body_is_kept_and_says_what_to_change() {
    let (app, _kept) = start(&[]).await;
    for (body, advice) in [("{}", "Request Structure"), (r#"{"doctype": "Customer"}"#, "doc.name"), ("hello", "tojson")]
    {
        let (status, problem) = problem(app.webhook(body).await).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), (422, "unusable_webhook"));
        assert!(problem["detail"].as_str().unwrap().contains(advice), "{problem}");
        assert_eq!(problem["request_id"].as_str().unwrap().len(), 36);
    }
    assert_eq!(stored(&app).await, 3);
    let ignored = app.webhook(r#"{"doctype": "Sales Order", "name": "SO-1"}"#).await;
    assert_eq!(ignored.status().as_u16(), 202);
    assert_eq!(ignored.json::<Value>().await.unwrap()["verdict"], "ignored");
    assert_eq!(stored(&app).await, 4);
    assert_eq!(app.store().queue().await.unwrap().due_fast, 0);
}

#[tokio::test]
async fn without_a_secret_the_receiver_is_closed_and_says_so() {
    let (app, _kept) = start(&[("webhook.secrets", "")]).await;
    let (status, problem) = problem(app.hint("on_update", "Customer", "Acme").await).await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (503, "receiver_closed"));
    let ready = app.get("/readyz").await;
    assert_eq!(ready["status"], "degraded");
    assert!(ready["reasons"].to_string().contains("ERPNEXT_WEBHOOK_SECRET"), "{ready}");
}

#[tokio::test]
async fn insecure_mode_takes_unsigned_webhooks() {
    let (app, _kept) = start(&[("webhook.secrets", ""), ("webhook.insecure", "true")]).await;
    let response = app.http.post(app.webhook_url()).body(r#"{"name": "Acme"}"#).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
}

#[tokio::test]
async fn bounds_of_a_body() {
    let (app, _kept) =
        start(&[("server.body_limit", "1KiB"), ("server.body_timeout", "2s"), ("server.bodies_in_flight", "1500")])
            .await;
    let (status, too_large) = problem(app.webhook("x".repeat(1025)).await).await;
    assert_eq!((status, too_large["code"].as_str().unwrap()), (413, "body_too_large"));

    // A body that never ends holds its reservation until the deadline; others are told to come back meanwhile.
    let address = app.url.trim_start_matches("http://").to_owned();
    let begun = || {
        let mut slow = TcpStream::connect(&address).unwrap();
        write!(
            slow,
            "POST /webhooks/erpnext HTTP/1.1\r\nHost: x\r\nX-Frappe-Webhook-Signature: x\r\nContent-Length: 1000\r\n\r\nab"
        )
        .unwrap();
        slow
    };
    let mut slow = begun();
    let status = |response: reqwest::Response| response.status().as_u16();
    let mut crowded = 0;
    while crowded == 0 {
        match status(app.webhook("y".repeat(1000)).await) {
            503 => crowded += 1,
            422 => {}
            other => panic!("{other}"),
        }
        if let Some(answer) = read_available(&mut slow) {
            // One of the others was there first: now it is the slow one that was told to come back.
            assert!(answer.starts_with("HTTP/1.1 503"), "it was answered before anybody met the full house: {answer}");
            slow = begun();
        }
    }
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(status(app.webhook("y".repeat(1000)).await), 422);
}

fn read_available(stream: &mut TcpStream) -> Option<String> {
    stream.set_nonblocking(true).unwrap();
    let mut buffer = [0; 512];
    let read = stream.read(&mut buffer);
    stream.set_nonblocking(false).unwrap();
    read.ok().map(|count| String::from_utf8_lossy(&buffer[..count]).into_owned())
}

#[tokio::test]
async fn other_methods_and_paths_are_problems_too() {
    let (app, _kept) = start(&[]).await;
    let response = app.http.get(app.webhook_url()).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST, PUT");
    let (status, _problem) = problem(response).await;
    assert_eq!(status, 405);
    let (status, _problem) = problem(app.http.get(format!("{}/nowhere", app.url)).send().await.unwrap()).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn while_the_database_is_away_webhooks_are_turned_away_in_time() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let erpnext = Simulator::start(Options::default()).await.unwrap();
        let database = fresh(kind).await;
        let proxy = TcpProxy::to(url::Url::parse(&database.url).unwrap().port().unwrap()).await;
        let through = database.url_via(proxy.port());
        let app = TestApp::configured(&database, &erpnext, &[("database.url", &through)]).await;
        assert_eq!(app.hint("on_update", "Customer", "Acme").await.status().as_u16(), 202);
        for away in [TcpProxy::cut, TcpProxy::silence] {
            away(&proxy);
            let started = Instant::now();
            let answer = app.hint("on_update", "Customer", "Acme").await;
            let took = started.elapsed();
            assert!(answer.headers().contains_key("retry-after"), "{kind:?}: {answer:?}");
            assert_eq!(problem(answer).await.0, 503, "{kind:?}");
            assert!(took < Duration::from_secs(2), "{kind:?}: {took:?}");
            let ready = app.http.get(format!("{}/readyz", app.url)).send().await.unwrap();
            assert_eq!(ready.status().as_u16(), 503, "{kind:?}");
            proxy.restore();
            wait_until("webhooks are accepted again", async || {
                app.hint("on_update", "Customer", "Acme").await.status().as_u16() == 202
            })
            .await;
        }
        app.settled().await;
    }
}
