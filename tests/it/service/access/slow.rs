//! Requests that arrive slowly, or never to their end: each is answered, and its connection ends.

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::erpnext::signature::sign;
use customer_sync::sync::tokens;
use tokio::io::AsyncWriteExt as _;

use super::{raw, send, until_closed};
use crate::service::Connected;
use crate::support::app::{SECRET, TestApp};
use crate::support::databases::Kind;

async fn impatient() -> Connected {
    // Not shorter: the server's own clock for headers goes in steps of half a second.
    Connected::configured(Kind::Sqlite, &[("server.body_timeout", "2s")]).await
}

#[tokio::test]
async fn who_sends_slowly_is_sent_away() {
    let connected = impatient().await;
    let app = &connected.app;
    let token = tokens::create(app.store(), "test", Role::Operator).await.unwrap();
    let said = raw(app, "GET /api/customers HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "slow headers: {said}");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for (who, headers) in [("a caller", bearer.as_str()), ("nobody", "")] {
        let request = format!("POST /api/runs HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 50\r\n\r\n{{\"kind\"");
        let said = raw(app, &request).await;
        let expected = if headers.is_empty() { "HTTP/1.1 401" } else { "HTTP/1.1 408" };
        assert!(said.starts_with(expected), "{who}: {said}");
    }
}

/// Sends a head, then a chunk of one byte again and again; what comes back until the server closes the connection.
async fn trickle(app: &TestApp, head: &str) -> String {
    let stream = send(app, &format!("{head}Host: x\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    let (reading, mut writing) = stream.into_split();
    let sending = async {
        while writing.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        said = until_closed(reading) => said,
        never = sending => never,
    }
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_keep_its_connection() {
    let connected = impatient().await;
    let app = &connected.app;
    let token = tokens::create(app.store(), "test", Role::Operator).await.unwrap();
    let signature = sign(SECRET, b"something else");
    let attacks = [
        ("POST /webhooks/erpnext HTTP/1.1\r\n".to_owned(), 401),
        (format!("POST /webhooks/erpnext HTTP/1.1\r\nX-Frappe-Webhook-Signature: {signature}\r\n"), 408),
        ("GET /webhooks/erpnext HTTP/1.1\r\n".to_owned(), 405),
        ("GET /livez HTTP/1.1\r\n".to_owned(), 200),
        ("HEAD /livez HTTP/1.1\r\n".to_owned(), 200),
        ("GET /metrics HTTP/1.1\r\n".to_owned(), 200),
        ("GET /nowhere HTTP/1.1\r\n".to_owned(), 404),
        ("POST /api/runs HTTP/1.1\r\n".to_owned(), 401),
        ("POST /api/session HTTP/1.1\r\n".to_owned(), 408),
        (format!("POST /api/runs HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"), 408),
        (format!("GET /api/changes?wait=1 HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"), 408),
    ];
    futures_util::future::join_all(attacks.map(async |(head, expected)| {
        let said = trickle(app, &head).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {expected}")), "{head}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{head}: {said}");
    }))
    .await;
}

#[tokio::test]
async fn a_chunked_body_that_ends_keeps_its_connection() {
    let connected = impatient().await;
    let app = &connected.app;
    let hint = r#"{"event":"on_update","doctype":"Customer","name":"C-1"}"#;
    let (one, two) = hint.split_at(9);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    let signature = sign(SECRET, hint.as_bytes());
    let head = format!("X-Frappe-Webhook-Signature: {signature}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    let posted = format!("POST /webhooks/erpnext HTTP/1.1\r\n{head}\r\n{chunks}");
    let last = format!("GET /livez HTTP/1.1\r\n{head}Connection: close\r\n\r\n{chunks}");
    let said = raw(app, &format!("{posted}{posted}{last}")).await;
    assert_eq!((said.matches("HTTP/1.1 202").count(), said.matches("HTTP/1.1 200").count()), (2, 1), "{said}");
}
