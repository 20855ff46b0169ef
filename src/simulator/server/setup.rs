//! The calls that set a site up: roles and permissions, API keys, previews of webhooks, versions and field lists.
//!
//! Invariant: only a System Manager may change permissions and keys; a reader may ask for versions and fields.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::reply::Reply;
use super::routes::Call;
use crate::simulator::accounts::Permission;
use crate::simulator::clock;
use crate::simulator::delivery::Job;
use crate::simulator::documents::{Doc, filled, text, with_nulls};
use crate::simulator::payload;
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::Kind;
use crate::simulator::shared::Shared;
use crate::simulator::template::Context;

fn require_system_manager(shared: &Shared, call: &Call, doctype: &str) -> Result<(), Refusal> {
    match shared.read().accounts.has_role(&call.user, "System Manager") {
        true => Ok(()),
        false => Err(Refusal::write_forbidden(&call.user, doctype)),
    }
}

pub(super) fn versions() -> Value {
    json!({
        "frappe": {"title": "Frappe Framework", "description": "Full stack web framework", "branch": "version-15",
            "version": "15.92.0"},
        "erpnext": {"title": "ERPNext", "description": "ERP made simple", "branch": "version-15", "version": "15.92.1"},
    })
}

/// `getdoctype`: the fields with their permission levels; a field hidden from somebody is on level 1.
pub(super) fn doctype(shared: &Shared, doctype: &str) -> Reply {
    let site = shared.read();
    let Some(schema) = site.schemas.get(doctype) else {
        return Reply::refused(&Refusal::unknown_doctype(doctype), false);
    };
    let fields = schema.fields.iter().skip(7).map(|field| {
        let mut shown = Map::new();
        shown.insert("fieldname".to_owned(), Value::from(field.name.as_ref()));
        shown.insert("fieldtype".to_owned(), Value::from(field.kind.fieldtype()));
        shown.insert("permlevel".to_owned(), Value::from(i32::from(site.accounts.hides(doctype, &field.name))));
        if let Kind::Link(target) | Kind::Table(target) = field.kind {
            shown.insert("options".to_owned(), Value::from(target));
        }
        Value::Object(shown)
    });
    let meta = json!({
        "doctype": "DocType", "name": schema.doctype, "istable": i32::from(schema.is_child),
        "fields": fields.collect::<Vec<_>>(),
    });
    Reply::json(&json!({"docs": [meta], "user_settings": "{}"}))
}

pub(super) fn single_value(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    require_system_manager(shared, call, "System Settings")?;
    match text(&call.parameters, "field") {
        Some("time_zone") => Ok(json!(shared.read().zone)),
        _ => Ok(Value::Null),
    }
}

pub(super) fn add_permission(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    require_system_manager(shared, call, "Custom DocPerm")?;
    let (doctype, role) = (filled(&call.parameters, "parent"), filled(&call.parameters, "role"));
    if let (Some(doctype), Some(role)) = (doctype, role) {
        shared.write().accounts.grant_role(role, doctype, Permission::READ);
    }
    Ok(Value::Null)
}

/// The rules of a role.
pub(super) fn permissions(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    require_system_manager(shared, call, "Custom DocPerm")?;
    let role = filled(&call.parameters, "role").unwrap_or_default();
    let rules = shared.read().accounts.rules(role).into_iter().map(|(doctype, permission)| {
        json!({
            "parent": doctype, "role": role, "permlevel": 0, "if_owner": 0, "read": i32::from(permission.read),
            "write": i32::from(permission.write), "create": i32::from(permission.create),
        })
    });
    Ok(rules.collect())
}

/// The enabled users that have a role, without the Administrator.
pub(super) fn users_with_role(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    require_system_manager(shared, call, "User")?;
    let role = filled(&call.parameters, "role").unwrap_or_default();
    Ok(shared.read().accounts.users_with_role(role).into())
}

pub(super) fn remove_permission(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    require_system_manager(shared, call, "Custom DocPerm")?;
    let (doctype, role) = (filled(&call.parameters, "doctype"), filled(&call.parameters, "role"));
    if let (Some(doctype), Some(role)) = (doctype, role) {
        shared.write().accounts.revoke_role(role, doctype);
    }
    Ok(Value::Null)
}

/// A new secret each time; the key stays.
pub(super) fn generate_keys(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    require_system_manager(shared, call, "User")?;
    let email = filled(&call.parameters, "user").unwrap_or_default();
    let mut site = shared.write();
    let (key, secret) = (site.random_name(), site.random_name());
    let user = site.accounts.user_mut(email).ok_or_else(|| Refusal::missing("User", email))?;
    let key = user.api_key.get_or_insert(key).clone();
    user.api_secret.clone_from(&secret);
    if let Some(mut document) = site.load("User", email) {
        document.insert("api_key".to_owned(), Value::from(key.as_str()));
        site.store("User", &document);
    }
    Ok(json!({"api_key": key, "api_secret": secret}))
}

/// `run_doc_method` with `generate_preview`: renders a Webhook's template without sending or saving anything.
/// It answers with the unsaved document, whose virtual field `preview_request_body` is what would be sent.
pub(super) fn preview(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    require_system_manager(shared, call, "Webhook")?;
    let method = text(&call.parameters, "method").unwrap_or_default();
    if method != "generate_preview" {
        return Err(Refusal::unknown_method(method));
    }
    let given = match call.parameters.get("docs") {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| Refusal::bad_json(error.column()))?,
        other => other.cloned().unwrap_or_default(),
    };
    let webhook = Arc::new(given.as_object().cloned().unwrap_or_default());
    let mut shown = webhook.as_ref().clone();
    let site = shared.read();
    let doctype = filled(&webhook, "webhook_doctype").unwrap_or_default();
    let schema = site.schemas.get(doctype).ok_or_else(|| Refusal::unknown_doctype(doctype))?;
    let name = filled(&webhook, "preview_document").unwrap_or_default();
    let doc = site.load(doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
    let job = Job { webhook, doctype: schema.doctype, doc: with_nulls(schema, doc), user: call.user.clone() };
    let now = clock::text(site.clock.clone().now());
    let get_value = |_: &str, _: &str, _: &[String]| Value::Object(Doc::new());
    let context =
        Context { doc: &job.doc, site_url: &site.url, time_zone: &site.zone, now: &now, get_value: &get_value };
    // Frappe shows the error in place of the preview.
    let body = payload::build(&job, &context)
        .map_or_else(|error| format!("Failed to compute request body: {error}"), |payload| payload.body);
    shown.insert("preview_request_body".to_owned(), Value::from(body));
    Ok(Reply::json(&json!({"docs": [shown]})))
}
