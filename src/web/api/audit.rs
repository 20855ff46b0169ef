//! `GET /api/audit`.
//!
//! Invariant: the log is read here and nowhere changed: entries are written by the guard and by signing in.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::super::State;
use super::super::error::{Code, Problem};
use super::paging;
use crate::domain::audit::Action;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    action: Option<String>,
    /// The last id of the page before.
    before: Option<i64>,
    /// Rows wanted, 1 to 500.
    limit: Option<u32>,
}

pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, wanted.limit)?;
    let action = wanted.action.as_deref().map(|word| {
        let words = || Action::ALL.map(Action::as_str).join(", ");
        let unknown = || Problem::new(&request, Code::BadRequest, format!("action must be one of {}", words()));
        Action::parse(word).ok_or_else(unknown)
    });
    let action = action.transpose()?;
    let rows = state.context.store.audit(wanted.before, action, limit).await;
    let rows = rows.map_err(|error| Problem::store(&request, &error))?;
    let only = action.map(|action| format!("&action={}", action.as_str())).unwrap_or_default();
    let mut response =
        paging::answer(&rows, limit, |last| format!("/api/audit?before={}&limit={limit}{only}", last.id));
    Ok(response.json(json!({"data": rows})))
}
