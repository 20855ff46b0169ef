//! Recorded exchanges, looked up by what was asked.

use std::path::Path;

use serde_json::Value;

use super::stand_in::{Reaction, Seen};

/// Every API exchange of a recording, in its order.
pub fn exchanges(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/erpnext").join(file);
    let recording: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    recording["exchanges"].as_array().cloned().unwrap_or_else(|| vec![recording])
}

/// The recorded answer to a request of the same method, path and JSON body; 500 where there is none.
pub fn answer(file: &str, request: &Seen) -> Reaction {
    let asked = |exchange: &&Value| {
        let recorded = &exchange["request"];
        recorded["method"] == request.method.as_str()
            && recorded["path"] == request.path.as_str()
            && question(recorded["body"].as_str().unwrap_or_default()) == question(&request.body)
    };
    match exchanges(file).iter().find(asked) {
        Some(exchange) => reaction(exchange),
        None => Reaction::json(500, &format!(r#"{{"exc_type":"NotRecorded","exception":"x: {}"}}"#, request.path)),
    }
}

/// A JSON body with the names of its `in` filters sorted, because their order means nothing; null for no body.
pub fn question(body: &str) -> Value {
    let mut question: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let filters = question.get_mut("filters").and_then(Value::as_array_mut);
    for filter in filters.into_iter().flatten() {
        if let Some(names) = filter.get_mut(2).and_then(Value::as_array_mut) {
            names.sort_by_key(ToString::to_string);
        }
    }
    question
}

/// The answer of one exchange.
pub fn reaction(exchange: &Value) -> Reaction {
    let response = &exchange["response"];
    let body = response["body"].as_str().map_or_else(|| response["body"].to_string(), str::to_owned);
    let headers = response["headers"].as_array().cloned().unwrap_or_default();
    let content_type = headers.iter().find(|header| header[0] == "Content-Type").unwrap();
    let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    let reaction = Reaction::Answer { status, headers: Vec::new(), body: body.into_bytes() };
    reaction.with("Content-Type", &content_type[1].as_str().unwrap())
}

/// The answer of the last exchange of a recording.
pub fn last(file: &str) -> Reaction {
    reaction(exchanges(file).last().unwrap())
}
