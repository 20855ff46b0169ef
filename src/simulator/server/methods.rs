//! `/api/method/…`: the whitelisted functions that the service and its set-up call.
//!
//! Invariant: a function that is not listed here is refused as Frappe refuses an unknown one. Functions that change
//! users, roles and permissions live in `setup`.

use serde_json::{Value, json};

use super::reply::Reply;
use super::routes::Call;
use super::{resource, setup};
use crate::simulator::documents::{filled, flag, text};
use crate::simulator::query::{ListQuery, count, list};
use crate::simulator::refusal::Refusal;
use crate::simulator::shared::Shared;

pub(super) fn answer(shared: &Shared, call: &Call, method: &str) -> Result<Reply, Refusal> {
    let parameters = &call.parameters;
    let doctype = text(parameters, "doctype").unwrap_or_default();
    let query = || ListQuery::parse(doctype, parameters);
    if call.user == "Guest" && method != "frappe.client.get_list" && method != "frappe.ping" {
        return Err(Refusal::not_whitelisted(method));
    }
    let message = match method {
        "frappe.ping" | "ping" => json!("pong"),
        "frappe.auth.get_logged_user" => json!(call.user),
        "frappe.client.get_list" => {
            let listed = list(&shared.read(), &call.user, &query()?)?;
            return Ok(Reply { status: 200, json: format!("{{\"message\":{}}}", listed.json), rows: listed.rows });
        }
        "frappe.client.get" => {
            let name = text(parameters, "name").unwrap_or_default();
            json!(resource::document(&shared.read(), &call.user, doctype, name)?)
        }
        "frappe.client.get_count" => json!(count(&shared.read(), &call.user, &query()?, false)?),
        "frappe.desk.reportview.get_count" => json!(count(&shared.read(), &call.user, &query()?, true)?),
        "frappe.client.get_time_zone" => json!({"time_zone": shared.read().zone}),
        "frappe.client.get_single_value" => setup::single_value(shared, call)?,
        "frappe.client.rename_doc" => return rename(shared, call),
        "frappe.desk.form.load.getdoctype" => return Ok(setup::doctype(shared, doctype)),
        "frappe.desk.form.load.get_docinfo" => return doc_info(shared, call),
        "frappe.utils.change_log.get_versions" => setup::versions(),
        "run_doc_method" => return setup::preview(shared, call),
        "frappe.core.page.permission_manager.permission_manager.add" => setup::add_permission(shared, call)?,
        "frappe.core.page.permission_manager.permission_manager.get_permissions" => setup::permissions(shared, call)?,
        "frappe.core.page.permission_manager.permission_manager.get_users_with_role" => {
            setup::users_with_role(shared, call)?
        }
        "frappe.core.page.permission_manager.permission_manager.remove" => setup::remove_permission(shared, call)?,
        "frappe.core.doctype.user.user.generate_keys" => setup::generate_keys(shared, call)?,
        _ => return Err(Refusal::unknown_method(method)),
    };
    Ok(match message {
        Value::Null => Reply::json(&json!({})),
        message => Reply::json(&json!({"message": message})),
    })
}

fn rename(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let parameter = |name: &str| text(&call.parameters, name).unwrap_or_default();
    let (doctype, old, new) = (parameter("doctype"), parameter("old_name"), parameter("new_name"));
    let merge = flag(&call.parameters, "merge") || call.parameters.get("merge") == Some(&json!(true));
    let name = shared.work(&call.user, |work| work.rename(doctype, old, new, merge))?;
    let note = json!({
        "message": format!("Document renamed from <strong>{old}</strong> to <strong>{name}</strong>"),
        "title": "Message", "indicator": "green", "alert": 1,
    });
    Ok(Reply::json(&json!({"message": name, "_server_messages": json!([note.to_string()]).to_string()})))
}

fn doc_info(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let site = shared.read();
    let doctype = filled(&call.parameters, "doctype").unwrap_or_default();
    let name = filled(&call.parameters, "name").unwrap_or_default();
    resource::document(&site, &call.user, doctype, name)?;
    let logs = site.comments(doctype, name).iter().map(|comment| {
        json!({
            "name": comment.name, "creation": comment.creation, "content": comment.content, "owner": comment.owner,
            "comment_type": "Edit", "published": 0,
        })
    });
    Ok(Reply::json(&json!({"docinfo": {"info_logs": logs.collect::<Vec<_>>()}})))
}
