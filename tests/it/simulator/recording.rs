//! Recorded exchanges, and how an answer is compared with one.
//!
//! Invariant: blanking touches only what differs from run to run, and is applied to both sides alike.

use serde_json::{Map, Value};

use super::wire::{Answer, Wire};

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub kind: String,
    pub method: String,
    pub path: String,
    /// As text; empty for none.
    pub body: String,
    pub headers: Vec<(String, String)>,
    pub status: Option<u16>,
    pub content_type: Option<String>,
    /// Parsed, where it is JSON; else a string.
    pub answer: Value,
}

/// The exchanges of a recording, in time order.
pub fn read(file: &str) -> Vec<Exchange> {
    let path = format!("{}/tests/fixtures/erpnext/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let exchanges = recorded["exchanges"].as_array().cloned().unwrap_or_else(|| vec![recorded]);
    exchanges.iter().map(exchange).collect()
}

/// The only API exchange of a recording.
pub fn only(file: &str) -> Exchange {
    let exchanges = read(file);
    assert_eq!(exchanges.len(), 1, "{file} has one exchange");
    exchanges.into_iter().next().unwrap()
}

fn exchange(recorded: &Value) -> Exchange {
    let (request, response) = (&recorded["request"], &recorded["response"]);
    let headers = pairs(&request["headers"]);
    let response_headers = pairs(&response["headers"]);
    let content_type = response_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    Exchange {
        kind: recorded["kind"].as_str().unwrap_or("api").to_owned(),
        method: request["method"].as_str().unwrap().to_owned(),
        path: request["path"].as_str().unwrap().to_owned(),
        body: match &request["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
        headers,
        status: response["status"].as_u64().map(|status| u16::try_from(status).unwrap()),
        content_type: content_type.map(|(_, value)| value.clone()),
        answer: match &response["body"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
            other => other.clone(),
        },
    }
}

fn pairs(headers: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match headers {
        Value::Array(pairs) => pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        _ => Vec::new(),
    }
}

/// Sends a recorded request and asserts that the stand-in answers as ERPNext did. Gives the answer.
pub async fn replay(wire: &Wire, exchange: &Exchange) -> Answer {
    let answer = wire.send(&exchange.method, &exchange.path, &exchange.body).await;
    let what = format!("{} {}", exchange.method, exchange.path.chars().take(200).collect::<String>());
    assert_eq!(Some(answer.status), exchange.status, "status of {what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), exchange.content_type.as_deref(), "content type of {what}");
    assert_eq!(blank(&answer.json()), blank(&exchange.answer), "body of {what}");
    answer
}

/// The value without what differs from run to run.
pub fn blank(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let is_row = fields.contains_key("parenttype") || fields.contains_key("comment_type");
            let kept = fields.iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("exc", _) => Value::from("<traceback>"),
                    ("name", Value::String(_)) if is_row => Value::from("<row>"),
                    ("_server_messages", Value::String(text)) => messages(text),
                    _ => blank(value),
                };
                (name.clone(), value)
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(blank).collect()),
        Value::String(text) => Value::from(blank_times(text)),
        other => other.clone(),
    }
}

/// JSON in strings in JSON: opened, so that it is compared as what it means.
fn messages(text: &str) -> Value {
    let messages: Vec<String> = serde_json::from_str(text).unwrap();
    let opened = messages.iter().map(|message| {
        let mut message: Value = serde_json::from_str(message).unwrap();
        if let Some(id) = message.get_mut("__frappe_exc_id") {
            *id = Value::from("<id>");
        }
        message
    });
    Value::Array(opened.collect())
}

/// Replaces every `YYYY-MM-DD HH:MM:SS[.ffffff]`.
pub fn blank_times(text: &str) -> String {
    const SHAPE: &[u8] = b"dddd-dd-dd dd:dd:dd";
    let bytes = text.as_bytes();
    let fits = |at: usize| {
        let window = bytes.get(at..at + SHAPE.len());
        window.is_some_and(|window| {
            window
                .iter()
                .zip(SHAPE)
                .all(|(byte, shape)| if *shape == b'd' { byte.is_ascii_digit() } else { byte == shape })
        })
    };
    let mut out = String::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if fits(at) {
            out.push_str("<time>");
            at += SHAPE.len();
            if bytes.get(at) == Some(&b'.') {
                at += 1 + bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            }
        } else {
            out.push(character);
            at += character.len_utf8();
        }
    }
    out
}

#[test]
fn blanking_leaves_everything_else() {
    assert_eq!(blank_times("\"2026-11-22 01:35:07.149879\", 2026-11-22 ü"), "\"<time>\", 2026-11-22 ü");
    let row = serde_json::json!({"name": "0of9lqd5kj", "parenttype": "Customer", "idx": 1});
    assert_eq!(blank(&row), serde_json::json!({"name": "<row>", "parenttype": "Customer", "idx": 1}));
    assert_eq!(blank(&serde_json::json!({"name": "Acme"})), serde_json::json!({"name": "Acme"}));
}
