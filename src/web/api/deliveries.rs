//! `GET /api/deliveries`, `GET /api/deliveries/{id}`, `GET /api/customers/{id}/deliveries`.
//!
//! Invariant: a page looks at a bounded number of webhooks, so it may be short and still not the last: `Link` tells. Bodies
//! are for operators: they hold whatever ERPNext sends, also fields that nobody mapped.

use actix_web::http::header::LINK;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::customers::find;
use super::paging;
use crate::domain::hint::{Verdict, first_id_at};
use crate::domain::time::parse_iso;
use crate::store::{DeliveryDetail, DeliveryFilter, DeliveryPage, DeliveryRange, DeliveryRow};
use crate::sync::lookup;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only with this outcome.
    verdict: Option<Verdict>,
    /// Only of this event in Frappe's words, like `on_update`.
    event: Option<String>,
    /// Only about this kind of document.
    doctype: Option<String>,
    /// Only about a document of exactly this name.
    name: Option<String>,
    /// Only those that arrived at this time or later (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only those that arrived before this time (RFC 3339).
    #[param(format = DateTime)]
    until: Option<String>,
    /// The last id of the page before.
    before: Option<String>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Webhooks that arrived, the newest first
///
/// A page looks at the newest 10,000 that are left: it may hold fewer than were wanted and still have a next one.
#[utoipa::path(
    get,
    path = "/api/deliveries",
    operation_id = "list_deliveries",
    params(Wanted),
    responses((status = 200, description = "Webhooks without their bodies", body = Answer<Vec<DeliveryRow>>)),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, wanted.limit)?;
    let Wanted { verdict, event, doctype, name, from, until, before, .. } = wanted.into_inner();
    let time = |name: &str, text: Option<String>| {
        let wrong = || {
            let detail = format!("{name} must be a time like 2026-01-31T12:00:00Z");
            Problem::new(&request, Code::BadRequest, detail)
        };
        text.map(|text| parse_iso(&text).map(first_id_at).ok_or_else(wrong)).transpose()
    };
    let (from, until) = (time("from", from)?, time("until", until)?);
    let range = DeliveryRange { before: before.into_iter().chain(until).min(), from };
    let filter = DeliveryFilter { verdict, event, doctype, name, about: None };
    let page = state.context.store.deliveries(&filter, &range, limit).await;
    answer(&request, page.map_err(|error| Problem::store(&request, &error))?)
}

/// A webhook with its body
#[utoipa::path(
    get,
    path = "/api/deliveries/{id}",
    operation_id = "show_delivery",
    params(("id" = String, Path, description = "The webhook")),
    responses(
        (status = 200, description = "The webhook", body = Answer<DeliveryDetail>),
        (status = 404, description = "`not_found`: there is no such webhook, or not any longer"),
    ),
)]
pub(super) async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let found = state.context.store.delivery(&id).await.map_err(|error| Problem::store(&request, &error))?;
    let missing = || {
        let detail = format!("there is no webhook {id}; they are kept for a while only (retention.deliveries_days)");
        Problem::new(&request, Code::NotFound, detail)
    };
    Ok(HttpResponse::Ok().json(Answer { data: found.ok_or_else(missing)? }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    /// The last id of the page before.
    before: Option<String>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Webhooks about a customer, its addresses and contacts, the newest first
///
/// A page looks at the newest 10,000 of all that are left: it may hold fewer than were wanted and still have a next one.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/deliveries",
    operation_id = "list_customer_deliveries",
    params(("id" = i64, Path, description = "The customer"), Before),
    responses(
        (status = 200, description = "Webhooks without their bodies", body = Answer<Vec<DeliveryRow>>),
        (status = 404, description = "`not_found`: there is no such customer"),
    ),
)]
pub(super) async fn of_customer(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    paging: Query<Before>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, paging.limit)?;
    let customer = find(&request, &state, &id).await?;
    let filter = DeliveryFilter { about: Some(lookup::documents(&customer)), ..DeliveryFilter::default() };
    let range = DeliveryRange { before: paging.into_inner().before, from: None };
    let page = state.context.store.deliveries(&filter, &range, limit).await;
    answer(&request, page.map_err(|error| Problem::store(&request, &error))?)
}

fn answer(request: &HttpRequest, page: DeliveryPage) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::Ok();
    if let Some(next) = page.next {
        let asked = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("before="));
        let query: Vec<String> = asked.map(str::to_owned).chain([format!("before={next}")]).collect();
        response.insert_header((LINK, format!("<{}?{}>; rel=\"next\"", request.path(), query.join("&"))));
    }
    Ok(response.json(Answer { data: page.rows }))
}
