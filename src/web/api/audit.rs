//! `GET /api/audit`.
//!
//! Invariant: the log is read here and nowhere changed: entries are written by the guard and by signing in.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::paging;
use crate::domain::audit::Action;
use crate::store::AuditRow;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only this.
    #[param(value_type = Option<Action>)]
    action: Option<String>,
    /// The last id of the page before.
    before: Option<i64>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Who did what, the newest first
#[utoipa::path(
    get,
    path = "/api/audit",
    operation_id = "list_audit",
    params(Wanted),
    responses((status = 200, description = "Entries of the audit log", body = Answer<Vec<AuditRow>>)),
)]
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
    Ok(response.json(Answer { data: rows }))
}
