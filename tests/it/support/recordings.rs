//! The recorded exchanges with a real ERPNext (`tests/fixtures/erpnext`).

use serde_json::Value;

/// One recorded exchange.
pub struct Exchange {
    /// File name without its ending.
    pub file: String,
    pub method: String,
    pub headers: Vec<(String, String)>,
    /// The request's exact bytes.
    pub body: Vec<u8>,
    pub response: Value,
    /// Whether ERPNext sent the request.
    pub is_webhook: bool,
}

impl Exchange {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _value)| header.eq_ignore_ascii_case(name))
            .map(|(_header, value)| value.as_str())
    }

    /// The answer's body as JSON; null where it is none.
    pub fn answer(&self) -> Value {
        match &self.response["body"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        }
    }
}

/// Every exchange of every recording, in order.
pub fn all() -> Vec<Exchange> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/erpnext");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .flat_map(|path| read(path))
        .collect()
}

fn read(path: &std::path::Path) -> Vec<Exchange> {
    let recording: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let file = path.file_stem().unwrap().to_string_lossy().into_owned();
    let exchanges = recording["exchanges"].as_array().cloned().unwrap_or_else(|| vec![recording]);
    exchanges.into_iter().map(|exchange| exchange_of(&file, &exchange)).collect()
}

fn exchange_of(file: &str, exchange: &Value) -> Exchange {
    let request = &exchange["request"];
    let headers: Vec<(String, String)> = request["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
        .collect();
    let body = match &request["body"] {
        Value::String(text) => text.clone().into_bytes(),
        Value::Null => Vec::new(),
        other => other.to_string().into_bytes(),
    };
    let path = request["path"].as_str().unwrap();
    Exchange {
        file: file.to_owned(),
        method: request["method"].as_str().unwrap().to_owned(),
        is_webhook: !path.starts_with("/api/"),
        headers,
        body,
        response: exchange["response"].clone(),
    }
}
