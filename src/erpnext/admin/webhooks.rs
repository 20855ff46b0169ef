//! Webhook documents: which there are, what one would send, and what became of what one sent.
//!
//! Invariant: a secret is only ever written: ERPNext masks it when it is read, so nothing here can compare one. An enabled
//! Webhook is never deleted: it would stay in ERPNext's cache and fail at the next save.

use serde_json::{Value, json};

use super::super::errors::Error;
use super::super::list::List;
use super::super::pacing::Work;
use super::Admin;
use crate::domain::document::Doc;
use crate::domain::webhook::Webhook;

/// What we compare of a Webhook; never its headers, in which other integrations have tokens.
const FIELDS: [&str; 12] = [
    "name",
    "webhook_doctype",
    "webhook_docevent",
    "enabled",
    "request_url",
    "is_dynamic_url",
    "request_method",
    "request_structure",
    "webhook_json",
    "enable_security",
    "condition",
    "timeout",
];

/// What a template would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preview {
    /// This body.
    Body(String),
    /// ERPNext answered, but not with a preview: a version that has none.
    Unavailable,
}

/// One attempt of ERPNext to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The last line of Python's traceback; `None` where it was delivered.
    pub error: Option<String>,
}

impl Admin {
    /// Every Webhook document, by name, with the fields that tell whether it is as it should be.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn webhooks(&self) -> Result<Vec<Doc>, Error> {
        let list = List {
            doctype: "Webhook",
            parent: None,
            fields: &FIELDS,
            filters: json!([]),
            or_filters: Value::Null,
            order_by: "name asc",
            limit: 0,
        };
        self.0.list(&list, Work::Interactive).await
    }

    /// Creates a Webhook, enabled.
    ///
    /// # Errors
    /// Every kind of [`Error`].
    pub async fn create_webhook(&self, webhook: &Webhook, secret: &str) -> Result<(), Error> {
        self.create("Webhook", &webhook.document(secret)).await.map(drop)
    }

    /// Disables a Webhook, then deletes it.
    ///
    /// # Errors
    /// Every kind of [`Error`].
    pub async fn remove_webhook(&self, name: &str) -> Result<(), Error> {
        match self.update("Webhook", name, &json!({"enabled": 0})).await {
            Ok(()) => self.delete("Webhook", name).await,
            // Somebody else was faster.
            Err(Error::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Renders a Webhook's body for a document; nothing is sent or saved. Frappe answers with the unsaved document, in
    /// which `preview_request_body` is the body, or a sentence where the template fails
    /// (frappe/integrations/doctype/webhook/webhook.py, version 15).
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn preview(&self, webhook: &Webhook, document: &str) -> Result<Preview, Error> {
        let mut unsaved = webhook.fields();
        unsaved["doctype"] = json!("Webhook");
        unsaved["name"] = json!(webhook.name);
        unsaved["__islocal"] = json!(1);
        unsaved["preview_document"] = json!(document);
        let call = json!({"docs": unsaved.to_string(), "method": "generate_preview"});
        let answer = self.run("preview", "run_doc_method", &call).await?;
        let shown = answer.get("docs").and_then(|docs| docs.get(0)).and_then(|doc| doc.get("preview_request_body"));
        let shown = shown.or_else(|| answer.get("message")).and_then(Value::as_str);
        Ok(shown.map_or(Preview::Unavailable, |body| Preview::Body(body.to_owned())))
    }

    /// What became of the latest attempts to deliver a Webhook, the newest first; at most ten.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn attempts(&self, webhook: &str) -> Result<Vec<Attempt>, Error> {
        let list = List {
            doctype: "Webhook Request Log",
            parent: None,
            fields: &["name", "creation", "error"],
            filters: json!([["webhook", "=", webhook]]),
            or_filters: Value::Null,
            order_by: "creation desc",
            limit: 10,
        };
        let rows = self.0.list(&list, Work::Interactive).await?;
        let error = |row: &Doc| {
            let error = row.get("error").and_then(Value::as_str).unwrap_or_default().trim();
            error.lines().next_back().map(|line| line.trim().to_owned())
        };
        Ok(rows.iter().map(|row| Attempt { error: error(row) }).collect())
    }
}
