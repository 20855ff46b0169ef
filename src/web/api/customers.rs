//! `POST /api/customers/{id}/sync`. One customer is in `customer`, the list in `customer_list`, links are in `links`.
//!
//! Invariant: whoever asks for a sync gets the job or its outcome; nothing is read from ERPNext in the request itself.

use std::time::Duration;

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::State;
use super::super::auth::permit::Permit;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use crate::domain::customer::CustomerId;
use crate::store::CustomerDetail;
use crate::sync::request::{self, Outcome, Queued, Requested};

/// The longest that a caller may wait for a sync, in seconds.
const LONGEST_WAIT: u64 = 60;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Waiting {
    /// Seconds to wait for the outcome, 0 to 60.
    #[param(maximum = 60, default = 0)]
    pub(super) wait: Option<u64>,
}

/// Somebody who waits so long at most.
pub(super) type Patience = (Permit, Duration);

impl Waiting {
    /// Who does not want to wait has no patience; an error where too many calls wait already.
    pub(super) fn patience(&self, request: &HttpRequest, state: &State) -> Result<Option<Patience>, Problem> {
        match self.wait.unwrap_or_default() {
            0 => Ok(None),
            wait @ 1..=LONGEST_WAIT => Ok(Some((Permit::of(request, state)?, Duration::from_secs(wait)))),
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
    let patience = waiting.patience(&request, &state)?;
    let customer = find(&request, &state, &id).await?;
    let Some(name) = customer.row.customer.erpnext_id.clone() else {
        let detail = "this customer is local: it is not linked to a document in ERPNext";
        return Err(Problem::new(&request, Code::NotSynced, detail));
    };
    let failed = |error| Problem::store(&request, &error);
    let requested = request::customer(&state.context, customer.row.id, name).await.map_err(failed)?;
    state.wake.wake();
    outcome(&request, &state, &requested, patience).await
}

/// 200 with the outcome if it is there in time and the caller may still know it, else 202 with the job.
pub(super) async fn outcome(
    request: &HttpRequest,
    state: &State,
    requested: &Requested,
    patience: Option<Patience>,
) -> Result<HttpResponse, Problem> {
    let queued = || HttpResponse::Accepted().json(Answer { data: requested.queued() });
    let Some((mut permit, wait)) = patience else { return Ok(queued()) };
    let finished = permit.hold(state, requested.finished(&state.context, wait)).await?;
    let outcome = finished.map_err(|error| Problem::store(request, &error))?;
    Ok(outcome.map_or_else(queued, |outcome| HttpResponse::Ok().json(Answer { data: outcome })))
}

/// The customer of that id; 404 where there is none.
pub(super) async fn find(request: &HttpRequest, state: &State, id: &str) -> Result<CustomerDetail, Problem> {
    let missing = || Problem::new(request, Code::NotFound, format!("there is no customer {id}"));
    let id: CustomerId = id.parse().map_err(|_not_a_number| missing())?;
    let found = state.context.store.customer(id).await.map_err(|error| Problem::store(request, &error))?;
    found.ok_or_else(missing)
}
