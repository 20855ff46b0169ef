//! A call as somebody types it, with values that its schema allows.
//!
//! Invariant: what is shown can be pasted into a shell that has address and access in the variables that the page names.
//! Where nothing but its owner's own value makes sense stands the name of the field in capitals.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::words::{members, resolved, text};

/// Deeper than that nothing is filled in.
const DEEPEST: usize = 4;

/// What cannot stand as it is in a path or a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The header by which ERPNext proves that a webhook is its own.
const SIGNATURE: &str = "X-Frappe-Webhook-Signature";

/// The call by curl, a line for each of its parts.
pub(super) fn curl(method: &str, path: &str, operation: &Value) -> String {
    let content = operation.pointer("/requestBody/content/application~1json");
    let body = content.map(|content| {
        let body = content.get("example").cloned().unwrap_or_else(|| value("body", &content["schema"], 0));
        quoted(&body.to_string())
    });
    let mut path = path.to_owned();
    let mut query = Vec::new();
    let mut parts = access(&operation["security"]);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = text(parameter, "name");
        let value = value(name, &parameter["schema"], 0);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = utf8_percent_encode(&value, RESERVED).to_string();
        match (text(parameter, "in"), &body) {
            ("path", _) => path = path.replace(&format!("{{{name}}}"), &value),
            ("query", _) if parameter["required"] == true => query.push(format!("{name}={value}")),
            ("header", Some(body)) if name == SIGNATURE => parts.push(format!(
                "-H \"{SIGNATURE}: $(printf %s {body} | openssl dgst -sha256 -hmac \"$SECRET\" -binary | base64)\""
            )),
            _ => {}
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let method = if method == "get" { String::new() } else { format!("-X {} ", method.to_uppercase()) };
    parts.insert(0, format!("curl {method}\"$URL{path}\""));
    if let Some(body) = body {
        parts.push("-H \"Content-Type: application/json\"".to_owned());
        parts.push(format!("-d {body}"));
    }
    parts.join(" \\\n  ")
}

/// By what somebody comes in: a token where one is taken, else what a browser has.
fn access(security: &Value) -> Vec<String> {
    let taken = |scheme: &str| security.as_array().into_iter().flatten().any(|way| way.get(scheme).is_some());
    let mut parts = Vec::new();
    if taken("token") {
        parts.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
    } else if taken("session") {
        parts.push("-H \"Cookie: customer_sync=$SESSION\"".to_owned());
        if taken("csrf") {
            parts.push("-H \"X-CSRF-Token: $CSRF\"".to_owned());
        }
    }
    parts
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A value that the schema allows.
fn value(name: &str, schema: &Value, depth: usize) -> Value {
    let schema = resolved(schema);
    if let Some(example) = schema["examples"].get(0).or_else(|| schema["enum"].get(0)) {
        return example.clone();
    }
    if let Some(first) = ["oneOf", "allOf"].into_iter().find_map(|key| schema[key].get(0)) {
        return value(name, first, depth);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "object" if depth < DEEPEST => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = members(&schema["properties"]).filter(|(name, _)| required.contains(name));
            Value::Object(fields.map(|(name, field)| (name.to_owned(), value(name, field, depth + 1))).collect())
        }
        "object" => Value::Object(Map::new()),
        "array" => Value::Array(vec![value(name, &schema["items"], depth + 1)]),
        "integer" | "number" => schema.get("minimum").filter(|least| *least != 0).cloned().unwrap_or_else(|| 17.into()),
        "boolean" => true.into(),
        _ => name.to_uppercase().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::curl;

    #[test]
    fn values_are_quoted_for_address_and_shell() {
        let operation = json!({
            "parameters": [
                {"name": "name", "in": "query", "required": true, "schema": {"type": "string", "examples": ["O'Neil & Söhne"]}},
                {"name": "page", "in": "query", "required": false, "schema": {"type": "integer"}},
                {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}},
            ],
            "requestBody": {"content": {"application/json": {"example": {"name": "O'Neil"}}}},
            "security": [{"token": ["viewer"]}, {"session": ["viewer"]}],
        });
        let lines = [
            r#"curl -X PATCH "$URL/api/17?name=O%27Neil%20%26%20S%C3%B6hne""#,
            r#"-H "Authorization: Bearer $TOKEN""#,
            r#"-H "Content-Type: application/json""#,
            r#"-d '{"name":"O'\''Neil"}'"#,
        ];
        assert_eq!(curl("patch", "/api/{id}", &operation), lines.join(" \\\n  "));
    }

    #[test]
    fn a_webhook_is_signed() {
        let operation = json!({
            "parameters": [{"name": "X-Frappe-Webhook-Signature", "in": "header", "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"example": {"name": "A"}}}},
        });
        let signed = r#"$(printf %s '{"name":"A"}' | openssl dgst -sha256 -hmac "$SECRET" -binary | base64)"#;
        assert!(curl("post", "/", &operation).contains(signed));
    }
}
