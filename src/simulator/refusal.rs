//! Frappe's refusals: status, exception and the body that goes with them, as recorded.
//!
//! Invariant: `exc_type` is always there, which is how a client tells ERPNext's own answer from that of a proxy.
//! Tracebacks are shortened to their first and last lines. Which case is refused when is decided by the callers.

use serde_json::{Map, Value, json};

use super::json::{Style, to_text};

/// Why ERPNext refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ERPNext answers {status} {exc_type}: {message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Class of the exception, e.g. `DoesNotExistError`.
    pub exc_type: &'static str,
    /// What it says.
    pub message: String,
    shape: Shape,
}

/// Which keys the body has beside `exc_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `exception`, `exc`, and the message to the user.
    Thrown,
    /// `exception` and `exc` only.
    Raised,
    /// The message to the user only.
    Quiet,
    /// No right to a doctype: a message without indicator, and `_error_message`; with the traceback or without it.
    Forbidden { traceback: bool },
    /// No right to one document: `_error_message` only.
    Insufficient,
}

impl Refusal {
    fn new(status: u16, exc_type: &'static str, message: impl Into<String>, shape: Shape) -> Self {
        Self { status, exc_type, message: message.into(), shape }
    }

    pub(super) fn missing(doctype: &str, name: &str) -> Self {
        Self::new(404, "DoesNotExistError", format!("{doctype} {name} not found"), Shape::Quiet)
    }

    /// ERPNext's own code fails on a document: 417 is what it was written to say, 500 what it was not.
    pub(super) fn broken_document(status: u16) -> Self {
        let exc_type = if status == 417 { "ValidationError" } else { "TypeError" };
        Self::new(status, exc_type, "this document is broken", Shape::Thrown)
    }

    pub(super) fn unknown_doctype(doctype: &str) -> Self {
        Self::new(404, "DoesNotExistError", format!("DocType {doctype} not found"), Shape::Quiet)
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        Self::new(417, "ValidationError", format!("Failed to get method for command {method}"), Shape::Thrown)
    }

    /// No permission on a doctype, found while listing it.
    pub(super) fn list_forbidden(user: &str, doctype: &str) -> Self {
        Self::forbidden(user, doctype, true)
    }

    /// No permission on a doctype, found while writing to it.
    pub(super) fn write_forbidden(user: &str, doctype: &str) -> Self {
        Self::forbidden(user, doctype, false)
    }

    fn forbidden(user: &str, doctype: &str, traceback: bool) -> Self {
        let message = format!(
            "User <strong>{user}</strong> does not have doctype access via role permission for document \
             <strong>{doctype}</strong>"
        );
        Self::new(403, "PermissionError", message, Shape::Forbidden { traceback })
    }

    /// No permission on one document.
    pub(super) fn document_forbidden(doctype: &str, name: &str) -> Self {
        let message = format!("Insufficient Permission for <strong>{doctype} {name}</strong>");
        Self::new(403, "PermissionError", message, Shape::Insufficient)
    }

    /// A function called by somebody who is not logged in.
    pub(super) fn not_whitelisted(method: &str) -> Self {
        let message = format!("Function <strong>{method}</strong> is not whitelisted.");
        Self::new(403, "PermissionError", message, Shape::Insufficient)
    }

    pub(super) fn authentication() -> Self {
        Self::new(401, "AuthenticationError", "", Shape::Raised)
    }

    pub(super) fn bad_field(field: &str) -> Self {
        Self::new(417, "DataError", format!("Field not permitted in query: {field}"), Shape::Thrown)
    }

    pub(super) fn ambiguous_column(field: &str) -> Self {
        let message = format!("(1052, \"Column '{field}' in ORDER BY is ambiguous\")");
        Self::new(500, "OperationalError", message, Shape::Raised)
    }

    pub(super) fn bad_json(column: usize) -> Self {
        let at = column.saturating_sub(1);
        let message = format!("Expecting value: line 1 column {column} (char {at})");
        Self::new(500, "JSONDecodeError", message, Shape::Raised)
    }

    pub(super) fn bad_link(doctype: &str, name: &str) -> Self {
        Self::new(417, "LinkValidationError", format!("Could not find {doctype}: {name}"), Shape::Thrown)
    }

    pub(super) fn mandatory(doctype: &str, name: &str, field: &str) -> Self {
        Self::new(417, "MandatoryError", format!("[{doctype}, {name}]: {field}"), Shape::Thrown)
    }

    pub(super) fn too_long(doctype: &str, name: &str, field: &str) -> Self {
        let message = format!("{doctype} {name}: '{field}' will get truncated, as max characters allowed is 140");
        Self::new(417, "CharacterLengthExceededError", message, Shape::Thrown)
    }

    pub(super) fn bad_name(name: &str) -> Self {
        let message = format!("Name {name} cannot contain special characters like '<', '>'");
        Self::new(417, "NameError", message, Shape::Thrown)
    }

    pub(super) fn stale(shown: &str, current: &str) -> Self {
        let message = format!(
            "Error: Document has been modified after you have opened it ({current}, {shown}). Please refresh to get \
             the latest document."
        );
        Self::new(417, "TimestampMismatchError", message, Shape::Thrown)
    }

    pub(super) fn linked(doctype: &str, name: &str, by_doctype: &str, by: &str) -> Self {
        let message = format!(
            "Cannot delete or cancel because {doctype} <strong>{name}</strong> is linked with {by_doctype} \
             <strong>{by}</strong>"
        );
        Self::new(417, "LinkExistsError", message, Shape::Thrown)
    }

    pub(super) fn duplicate(doctype: &str, name: &str) -> Self {
        let message = format!("{doctype} <strong>{name}</strong> already exists");
        Self::new(409, "DuplicateEntryError", message, Shape::Thrown)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(417, "ValidationError", message, Shape::Thrown)
    }

    pub(super) fn maintenance() -> Self {
        Self::new(503, "SessionStopped", "Session Stopped", Shape::Raised)
    }

    pub(super) fn read_only() -> Self {
        let message = "Site is running in read only mode for maintenance or site update, this action can not be \
                       performed right now. Please try again later.";
        Self::new(503, "InReadOnlyMode", message, Shape::Thrown)
    }

    pub(super) fn rate_limited() -> Self {
        Self::new(429, "TooManyRequestsError", "", Shape::Raised)
    }

    /// The body in the style of `/api/resource` and `/api/method`.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        let thrown = matches!(self.shape, Shape::Thrown | Shape::Raised | Shape::Forbidden { traceback: true });
        if thrown {
            let exception = self.exception();
            let traceback = format!(
                "Traceback (most recent call last):\n  File \"apps/frappe/frappe/app.py\", line 120, in application\n    \
                 response = frappe.api.handle(request)\n{exception}\n"
            );
            body.insert("exception".to_owned(), Value::from(exception));
            body.insert("exc".to_owned(), Value::from(to_text(&json!([traceback]), Style::Spaced)));
        }
        body.insert("exc_type".to_owned(), Value::from(self.exc_type));
        let note = match self.shape {
            Shape::Thrown | Shape::Quiet => Some(json!({
                "message": self.message, "title": "Message", "indicator": "red", "raise_exception": 1,
                "__frappe_exc_id": "21f227edc87fc1feb688e5c8e0c2382a5b20f851a7724a9fba4b6268",
            })),
            Shape::Forbidden { .. } => Some(json!({"message": self.message, "title": "Message"})),
            Shape::Raised | Shape::Insufficient => None,
        };
        if let Some(note) = note {
            let messages = json!([to_text(&note, Style::Spaced)]);
            body.insert("_server_messages".to_owned(), Value::from(to_text(&messages, Style::Spaced)));
        }
        match self.shape {
            Shape::Forbidden { .. } => {
                let doctype = self.message.rsplit("<strong>").next().unwrap_or_default();
                let doctype = doctype.trim_end_matches("</strong>");
                body.insert("_error_message".to_owned(), Value::from(format!("No permission for {doctype}")));
            }
            Shape::Insufficient => drop(body.insert("_error_message".to_owned(), Value::from(self.message.as_str()))),
            Shape::Thrown | Shape::Raised | Shape::Quiet => {}
        }
        Value::Object(body)
    }

    /// The body in the style of `/api/v2`.
    pub(super) fn body_v2(&self) -> Value {
        json!({"errors": [{
            "type": self.exc_type, "message": self.message, "title": "Message", "indicator": "red",
        }]})
    }

    fn exception(&self) -> String {
        let module = match self.exc_type {
            "JSONDecodeError" => "json.decoder",
            "OperationalError" => "pymysql.err",
            _ => "frappe.exceptions",
        };
        // A permission error is raised without a text; what it says is a message of its own.
        match self.shape {
            Shape::Forbidden { .. } | Shape::Insufficient => format!("{module}.{}", self.exc_type),
            _ if self.message.is_empty() => format!("{module}.{}", self.exc_type),
            _ => format!("{module}.{}: {}", self.exc_type, self.message),
        }
    }
}
