//! What the recorded answers of a real ERPNext mean, and what answers of others mean.

use std::path::Path;

use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};

use super::*;
use crate::erpnext::errors::Disposition;

/// The last API answer of a recording.
fn recorded(file: &str) -> Reply {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/erpnext").join(file);
    let recording: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let exchange = recording["exchanges"].as_array().and_then(|all| all.last()).unwrap_or(&recording);
    let response = &exchange["response"];
    let body = response["body"].as_str().map_or_else(|| response["body"].to_string(), str::to_owned);
    Reply {
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        headers: HeaderMap::new(),
        body: body.into_bytes(),
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
}

fn with(mut reply: Reply, name: HeaderName, value: &'static str) -> Reply {
    reply.headers.insert(name, HeaderValue::from_static(value));
    reply
}

fn error(reply: Reply) -> Error {
    reply.read::<Map<String, Value>>("test").expect_err("this is no success")
}

#[test]
fn recorded_errors_have_their_kind_and_erpnexts_words() {
    for (file, label, words) in [
        ("72-get-missing-404.json", "missing", Some("Customer Nope Not Here not found")),
        ("73-wrong-credentials-401.json", "unauthorized", None),
        ("74-no-credentials-403.json", "forbidden", Some("User Guest does not have doctype access")),
        ("75-no-permission-403.json", "forbidden", Some("for document Customer")),
        ("77-bad-field-417.json", "invalid", Some("Field not permitted in query: nope")),
        ("78-bad-filters-500.json", "server_error", Some("Expecting value: line 1 column 2 (char 1)")),
        ("79-put-bad-link-417.json", "invalid", Some("Could not find Customer Group: Nope")),
        ("83-maintenance-503.json", "maintenance", None),
        ("85-get-request-line-too-long-400.json", "not_erpnext", None),
    ] {
        let error = error(recorded(file));
        assert_eq!(error.label(), label, "{file}");
        match words {
            Some(words) => {
                assert!(error.detail().unwrap().contains(words), "{file}: {error}");
                assert!(error.to_string().contains(words), "{file}: {error}");
                assert!(!error.without_detail().contains(words), "{file}: {error}");
            }
            None => {
                assert_eq!(error.detail(), None, "{file}");
                assert_eq!(error.without_detail(), error.to_string(), "{file}");
            }
        }
        assert!(!error.to_string().contains('<'), "{file}: {error}");
    }
}

#[test]
fn recorded_successes_are_read() {
    let one = recorded("21-customer-get-full.json").read::<Map<String, Value>>("get").unwrap();
    assert_eq!(take(one, "data").unwrap()["customer_name"], "Rec Full Details Inc");
    let empty = recorded("76-no-permission-empty-list.json").read::<Map<String, Value>>("list").unwrap();
    assert_eq!(take(empty, "data").unwrap(), serde_json::json!([]));
    let user = recorded("71-logged-user.json").read::<Map<String, Value>>("logged_user").unwrap();
    assert_eq!(take(user, "message").unwrap(), "sync@example.com");
}

#[test]
fn without_exc_type_it_is_not_erpnexts() {
    let html = "<html><h1>Not Found</h1></html>";
    for status in [400, 401, 403, 404, 413, 417] {
        for (body, what) in
            [(html, "an HTML page"), ("", "an empty answer"), ("gone", "plain text"), ("{}", "JSON without")]
        {
            let error = error(reply(status, body));
            assert_eq!(error.label(), "not_erpnext", "{status} {body}");
            assert!(error.to_string().contains(what) && error.to_string().contains("ERPNEXT_URL"), "{error}");
            assert_eq!(error.disposition(), Disposition::RetryAfter(None));
        }
    }
    assert_eq!(error(reply(404, r#"{"errors":[{"type":"DoesNotExistError"}]}"#)).label(), "not_erpnext");
    assert_eq!(error(reply(404, r#"{"exc_type":""}"#)).label(), "not_erpnext");
    assert_eq!(error(reply(200, html)).label(), "not_erpnext");
    assert_eq!(error(reply(204, "")).label(), "not_erpnext");
    assert_eq!(error(reply(200, "[1]")).label(), "not_erpnext");
    assert_eq!(take(Map::new(), "data").unwrap_err().label(), "not_erpnext");
}

#[test]
fn half_an_answer_is_not_taken_for_one() {
    assert_eq!(error(reply(200, r#"{"message": [{"name": "A"}"#)).label(), "decode");
}

#[test]
fn failures_of_the_server_and_of_gateways() {
    let bare = error(with(reply(503, "<html>"), RETRY_AFTER, "9"));
    assert_eq!(bare.disposition(), Disposition::RetryAfter(Some(Duration::from_secs(9))));
    assert!(bare.is_outage());
    let gateway = error(reply(504, ""));
    assert_eq!(gateway.disposition(), Disposition::Split);
    assert!(gateway.is_outage());
    let explained = error(reply(500, r#"{"exc_type":"QueryTimeoutError"}"#));
    assert_eq!(explained.disposition(), Disposition::Split);
    assert!(!explained.is_outage(), "ERPNext said what was wrong, so it is there");
    assert!(explained.to_string().contains("500 QueryTimeoutError"));
}

#[test]
fn the_rate_limit_says_how_long() {
    let limited = |reply| match error(reply) {
        Error::RateLimited { retry_after } => retry_after,
        other => panic!("{other}"),
    };
    let seconds = Duration::from_secs;
    assert_eq!(limited(with(reply(429, "Too Many Requests"), RETRY_AFTER, "17")), seconds(17));
    assert_eq!(limited(with(reply(429, ""), RETRY_AFTER, "0")), SHORTEST_HOLD);
    assert_eq!(limited(reply(429, "<html>")), DEFAULT_HOLD);
    let header = HeaderName::from_static;
    let only_reset = with(reply(429, ""), header("x-ratelimit-reset"), "600");
    let only_reset = with(with(only_reset, header("x-ratelimit-limit"), "1"), header("x-ratelimit-remaining"), "0");
    assert_eq!(limited(only_reset), seconds(600));
}

#[test]
fn redirects_name_their_target_without_secrets() {
    let target = |to| error(with(reply(302, ""), LOCATION, to)).to_string();
    assert!(target("https://erp.example.com/login?token=abc#x").contains("to https://erp.example.com/login."));
    assert!(target("https://me:pw@erp.example.com/").contains("to https://erp.example.com/."));
    assert!(target("/login?token=abc").contains("to /login."));
    assert_eq!(error(reply(304, "")).label(), "not_erpnext");
}
