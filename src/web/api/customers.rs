//! `GET /api/customers`, `POST /api/customers/{id}/sync`. One customer is in `customer`, its links are in `links`.
//!
//! Invariant: whoever asks for a sync gets the job or its outcome; nothing is read from ERPNext in the request itself.

use std::time::Duration;

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::paging;
use crate::domain::customer::CustomerId;
use crate::store::{CustomerDetail, CustomerRow};
use crate::sync::request::{self, Outcome, Queued, Requested};

/// The longest that a caller may wait for a sync, in seconds.
const LONGEST_WAIT: u64 = 60;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The last id of the page before.
    #[param(value_type = Option<i64>)]
    after: Option<CustomerId>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Customers, by id
#[utoipa::path(
    get,
    path = "/api/customers",
    operation_id = "list_customers",
    params(Paging),
    responses((status = 200, description = "Customers", body = Answer<Vec<CustomerRow>>)),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, paging.limit)?;
    let store = &state.context.store;
    let rows = store.customers_page(paging.after, limit).await.map_err(|error| Problem::store(&request, &error))?;
    let mut response = paging::answer(&rows, limit, |last| format!("/api/customers?after={}&limit={limit}", last.id));
    Ok(response.json(Answer { data: rows }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Waiting {
    /// Seconds to wait for the outcome, 0 to 60.
    #[param(maximum = 60, default = 0)]
    pub(super) wait: Option<u64>,
}

impl Waiting {
    pub(super) fn seconds(&self, request: &HttpRequest) -> Result<Duration, Problem> {
        match self.wait.unwrap_or_default() {
            wait @ 0..=LONGEST_WAIT => Ok(Duration::from_secs(wait)),
            _ => Err(Problem::new(request, Code::BadRequest, format!("wait must be 0 to {LONGEST_WAIT} seconds"))),
        }
    }
}

/// Read a customer from ERPNext now
#[utoipa::path(
    post,
    path = "/api/customers/{id}/sync",
    operation_id = "sync_customer",
    params(("id" = i64, Path, description = "The customer"), Waiting),
    responses(
        (status = 200, description = "What it came to, where it was done in time", body = Answer<Outcome>),
        (status = 202, description = "It will be read", body = Answer<Queued<'static>>),
        (status = 404, description = "`not_found`: there is no such customer"),
        (status = 409, description = "`not_synced`: the customer is not linked to a document in ERPNext"),
    ),
)]
pub(super) async fn sync(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    waiting: Query<Waiting>,
) -> Result<HttpResponse, Problem> {
    let wait = waiting.seconds(&request)?;
    let customer = find(&request, &state, &id).await?;
    let Some(name) = customer.row.customer.erpnext_id.clone() else {
        let detail = "this customer is local: it is not linked to a document in ERPNext";
        return Err(Problem::new(&request, Code::NotSynced, detail));
    };
    let failed = |error| Problem::store(&request, &error);
    let requested = request::customer(&state.context, customer.row.id, name).await.map_err(failed)?;
    state.wake.wake();
    outcome(&request, &state, &requested, wait).await
}

/// 200 with the outcome if it is there in time, else 202 with the job.
pub(super) async fn outcome(
    request: &HttpRequest,
    state: &State,
    requested: &Requested,
    wait: Duration,
) -> Result<HttpResponse, Problem> {
    let queued = || HttpResponse::Accepted().json(Answer { data: requested.queued() });
    if wait.is_zero() {
        return Ok(queued());
    }
    let outcome = requested.finished(&state.context, wait).await.map_err(|error| Problem::store(request, &error))?;
    Ok(outcome.map_or_else(queued, |outcome| HttpResponse::Ok().json(Answer { data: outcome })))
}

/// The customer of that id; 404 where there is none.
pub(super) async fn find(request: &HttpRequest, state: &State, id: &str) -> Result<CustomerDetail, Problem> {
    let missing = || Problem::new(request, Code::NotFound, format!("there is no customer {id}"));
    let id: CustomerId = id.parse().map_err(|_not_a_number| missing())?;
    let found = state.context.store.customer(id).await.map_err(|error| Problem::store(request, &error))?;
    found.ok_or_else(missing)
}
