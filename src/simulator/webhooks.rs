//! Webhook documents as tests and the demo register them.
//!
//! Invariant: a Webhook registered here is the same document as one created over REST.

use serde_json::{Value, json};

use super::documents::Doc;
use crate::domain::webhook::template;

/// What a webhook sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// The template that `setup` writes.
    Recommended,
    /// A `webhook_json` of one's own, in Jinja.
    Json(String),
    /// Rows of `webhook_data`: key and field name.
    Rows(Vec<(String, String)>),
    /// Neither: the body is `{}`.
    Empty,
}

/// A Webhook document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Name of the document, free to choose.
    pub name: String,
    /// `Customer`, `Contact` …
    pub doctype: String,
    /// `after_insert`, `on_update`, `on_trash`, `on_change` …
    pub event: String,
    /// Where it is sent (`http://` only).
    pub url: String,
    /// Signs the body; `None` sends it unsigned.
    pub secret: Option<String>,
    /// The body.
    pub template: Template,
    /// Static headers.
    pub headers: Vec<(String, String)>,
}

impl Webhook {
    /// The recommended webhook of a doctype and event.
    #[must_use]
    pub fn new(doctype: &str, event: &str, url: &str, secret: &str) -> Self {
        Self {
            name: format!("{doctype} {event}"),
            doctype: doctype.to_owned(),
            event: event.to_owned(),
            url: url.to_owned(),
            secret: Some(secret.to_owned()),
            template: Template::Recommended,
            headers: Vec::new(),
        }
    }

    pub(super) fn into_doc(self) -> Doc {
        let (json, rows) = match self.template {
            Template::Recommended => (Some(template(&self.name, &self.doctype, &self.event)), Vec::new()),
            Template::Json(json) => (Some(json), Vec::new()),
            Template::Rows(rows) => (None, rows),
            Template::Empty => (None, Vec::new()),
        };
        let rows: Vec<Value> =
            rows.into_iter().map(|(key, fieldname)| json!({"key": key, "fieldname": fieldname})).collect();
        let headers: Vec<Value> =
            self.headers.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let doc = json!({
            "name": self.name, "webhook_doctype": self.doctype, "webhook_docevent": self.event, "enabled": 1,
            "request_url": self.url, "request_structure": json.as_ref().map(|_| "JSON"), "webhook_json": json,
            "enable_security": i32::from(self.secret.is_some()), "webhook_secret": self.secret,
            "webhook_data": rows, "webhook_headers": headers,
        });
        doc.as_object().cloned().unwrap_or_default()
    }
}
