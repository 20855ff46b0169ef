//! The request of one webhook: address, headers, signed body.
//!
//! Invariant: the signature is over exactly the bytes that are sent, and rendering happens when the worker takes the
//! job, not at the save (so `now()` and `get_value` see that later moment, as on a real site).

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::delivery::Job;
use super::documents::{Doc, filled, flag, rows, text};
use super::json::{Style, respace, to_text, write_text};
use super::template::{Context, render};

/// What goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Renders a job's request.
///
/// # Errors
/// Where a template fails or its result is not JSON; nothing is sent then, only logged.
pub(super) fn build(job: &Job, context: &Context<'_>) -> Result<Payload, String> {
    let webhook = &job.webhook;
    let body = body(webhook, context)?;
    let url = text(webhook, "request_url").unwrap_or_default();
    let url = if flag(webhook, "is_dynamic_url") { render(url, context)? } else { url.to_owned() };
    let mut headers = Vec::new();
    if flag(webhook, "enable_security")
        && let Some(secret) = filled(webhook, "webhook_secret")
    {
        headers.push(("X-Frappe-Webhook-Signature".to_owned(), sign(secret, &body)));
    }
    let own = rows(webhook, "webhook_headers").filter_map(|row| Some((filled(row, "key")?, filled(row, "value")?)));
    headers.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    Ok(Payload { method: filled(webhook, "request_method").unwrap_or("POST").to_owned(), url, headers, body })
}

fn body(webhook: &Doc, context: &Context<'_>) -> Result<String, String> {
    let fields: Vec<&Doc> = rows(webhook, "webhook_data").collect();
    if !fields.is_empty() {
        let mut body = String::from("{");
        for (at, row) in fields.iter().enumerate() {
            if at > 0 {
                body.push_str(", ");
            }
            write_text(&mut body, filled(row, "key").unwrap_or_default());
            body.push_str(": ");
            let value = filled(row, "fieldname").and_then(|field| context.doc.get(field)).unwrap_or(&Value::Null);
            body.push_str(&to_text(value, Style::Spaced));
        }
        body.push('}');
        return Ok(body);
    }
    match filled(webhook, "webhook_json") {
        None => Ok("{}".to_owned()),
        Some(template) => {
            let rendered = render(template, context)?;
            respace(&rendered).map_err(|error| format!("json.decoder.JSONDecodeError: {error}"))
        }
    }
}

fn sign(secret: &str, body: &str) -> String {
    match Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        Ok(mut mac) => {
            mac.update(body.as_bytes());
            BASE64_STANDARD.encode(mac.finalize().into_bytes())
        }
        // HMAC takes keys of any length.
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn signs_as_the_recordings_are_signed() {
        let body = r#"{"event": "on_update", "doctype": "Customer", "name": "Rec Acme Supplies", "modified": "2026-11-22 01:35:03.059828", "modified_by": "sync@example.com"}"#;
        assert_eq!(sign("test-webhook-secret", body), "LRxlML+EmjY1/6dtzSeFqrrWCoA9jlFqfBFCgWVKsR4=");
    }
}
