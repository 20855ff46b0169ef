//! The check of every template before a Webhook is touched: rendered by this very ERPNext, read by our own reader.
//!
//! Invariant: nothing is sent or saved. A template that cannot be checked (no document of that doctype yet, or an ERPNext
//! without previews) is told, not refused: the round trip still proves the way.

use serde_json::{Value, json};

use super::SetupError;
use crate::domain::hint::Verdict;
use crate::domain::webhook::Webhook;
use crate::erpnext::admin::{Admin, Preview};
use crate::erpnext::{Client, Error, List, Work};
use crate::sync::receive::read_hint;

/// How much of what a template gives is shown.
const SHOWN: usize = 200;

/// What could be checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Templates that work.
    pub works: usize,
    /// Sentences about those that could not be checked.
    pub notes: Vec<String>,
}

/// Checks these templates. `reader` may read customers where the administrator may not.
///
/// # Errors
/// [`SetupError::Template`] for the first that does not work, or ERPNext's.
pub async fn check_templates(
    admin: &Admin,
    reader: Option<&Client>,
    webhooks: &[&Webhook],
) -> Result<Checked, SetupError> {
    let mut checked = Checked::default();
    let mut doctypes: Vec<&str> = webhooks.iter().map(|webhook| webhook.doctype.as_str()).collect();
    doctypes.sort_unstable();
    doctypes.dedup();
    for doctype in doctypes {
        let Some(document) = any_document(admin, reader, doctype).await else {
            checked
                .notes
                .push(format!("the templates for {doctype} could not be tried: there is no {doctype} to be seen"));
            continue;
        };
        for webhook in webhooks.iter().filter(|webhook| webhook.doctype == doctype) {
            match preview(admin, webhook, &document).await? {
                Preview::Unavailable => {
                    checked.notes.push(format!("the template of \"{}\" could not be tried: no preview", webhook.name));
                }
                Preview::Body(body) => {
                    check(webhook, &document, &body)?;
                    checked.works += 1;
                }
            }
        }
    }
    Ok(checked)
}

async fn preview(admin: &Admin, webhook: &Webhook, document: &str) -> Result<Preview, SetupError> {
    match admin.preview(webhook, document).await {
        // A version of Frappe that renders previews in another way says so in one of these.
        Err(Error::Missing { .. } | Error::Invalid { .. } | Error::Server { exc_type: Some(_), .. }) => {
            Ok(Preview::Unavailable)
        }
        answer => answer.map_err(SetupError::during(format!("try the template of \"{}\"", webhook.name))),
    }
}

/// Whether the receiver would read the right hint out of that body.
fn check(webhook: &Webhook, document: &str, body: &str) -> Result<(), SetupError> {
    let hint = read_hint(String::new(), body.as_bytes()).delivery;
    let right = hint.verdict == Verdict::Queued
        && hint.name.as_deref() == Some(document)
        && hint.doctype.as_ref() == Some(&webhook.doctype)
        && hint.event.as_ref() == Some(&webhook.event);
    if right {
        return Ok(());
    }
    Err(SetupError::Template { webhook: webhook.name.clone(), said: body.chars().take(SHOWN).collect() })
}

/// The name of any document of a doctype that one of the two may see.
async fn any_document(admin: &Admin, reader: Option<&Client>, doctype: &str) -> Option<String> {
    let list = List {
        doctype,
        parent: None,
        fields: &["name"],
        filters: json!([]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 1,
    };
    for client in std::iter::once(admin.client()).chain(reader) {
        // A System Manager need not be allowed to read customers: then the other one is asked.
        let rows = client.list(&list, Work::Interactive).await.unwrap_or_default();
        if let Some(name) = rows.first().and_then(|row| row.get("name")?.as_str()) {
            return Some(name.to_owned());
        }
    }
    None
}
