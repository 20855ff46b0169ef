//! `/api/resource/{doctype}` and `/api/resource/{doctype}/{name}`, and their like in `/api/v2/document`.
//!
//! Invariant: an empty name is the list. What is written goes through `work`, so that its webhooks are sent.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::reply::Reply;
use super::routes::Call;
use crate::simulator::accounts::Reach;
use crate::simulator::documents::{Doc, for_answer, text};
use crate::simulator::query::{ListQuery, list};
use crate::simulator::refusal::Refusal;
use crate::simulator::shared::Shared;
use crate::simulator::site::Site;

pub(super) fn answer(shared: &Shared, call: &Call, doctype: &str, name: &str) -> Result<Reply, Refusal> {
    match (&call.method, name.is_empty()) {
        (&Method::GET, true) => {
            let site = shared.read();
            let listed = list(&site, &call.user, &ListQuery::parse(doctype, &call.parameters)?)?;
            Ok(Reply { status: 200, json: format!("{{\"data\":{}}}", listed.json), rows: listed.rows })
        }
        (&Method::GET, false) => document(&shared.read(), &call.user, doctype, name).map(|doc| data(&doc)),
        (&Method::POST, true) => shared.work(&call.user, |work| work.insert(doctype, &call.body)).map(|doc| data(&doc)),
        (&Method::PUT, false) => {
            shared.work(&call.user, |work| work.update(doctype, name, &call.body)).map(|doc| data(&doc))
        }
        (&Method::DELETE, false) => {
            shared.work(&call.user, |work| work.delete(doctype, name))?;
            Ok(Reply { status: 202, ..Reply::json(&json!({"data": "ok"})) })
        }
        _ => Err(Refusal::invalid("Invalid Method")),
    }
}

fn data(doc: &Doc) -> Reply {
    Reply::json(&json!({"data": doc}))
}

/// One document as that user sees it.
///
/// # Errors
/// 404 where it does not exist, 403 where they may not read it.
pub(super) fn document(site: &Site, user: &str, doctype: &str, name: &str) -> Result<Doc, Refusal> {
    let known = site.schemas.get(doctype).ok_or_else(|| Refusal::unknown_doctype(doctype))?;
    let (schema, key, _) = site.find(known.doctype, name).ok_or_else(|| Refusal::missing(doctype, name))?;
    let mut doc = for_answer(schema, site.load(doctype, name).unwrap_or_default());
    let account = site.accounts.user(user);
    let readable = match site.accounts.reach(user, doctype) {
        Reach::All => true,
        Reach::Own => text(&doc, "owner") == Some(user),
        Reach::Nothing => false,
    };
    if !readable || account.is_some_and(|account| account.is_hidden(doctype, key)) {
        return Err(Refusal::document_forbidden(doctype, text(&doc, "name").unwrap_or(name)));
    }
    if let Some(hidden) = account.and_then(|account| account.hidden_fields(doctype)) {
        doc.retain(|field, _: &mut Value| !hidden.contains(field));
    }
    Ok(doc)
}
