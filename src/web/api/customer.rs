//! `GET /api/customers/{id}`, `GET /api/customers/one?erpnext_id=`, `POST /api/customers`, `PATCH` and `DELETE
//! /api/customers/{id}`.
//!
//! Invariant: every answer that shows a customer has its entity tag. What people may change of a customer is decided in
//! `sync::edit`. ERPNext's names may be digits and contain slashes, so they are never part of a path.

use actix_web::http::header::{CONTENT_LOCATION, LOCATION};
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::auth::{Caller, trail};
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::customers::find;
use super::etag;
use crate::domain::customer::CustomerId;
use crate::domain::edit::{Fields, NewFields};
use crate::store::CustomerDetail;
use crate::sync::{edit, lookup};

/// A customer with its addresses and contacts
#[utoipa::path(
    get,
    path = "/api/customers/{id}",
    tag = "customers",
    operation_id = "show_customer",
    params(
        ("id" = i64, Path, description = "The customer"),
        ("If-None-Match" = Option<String>, Header, description = "The version that the caller has"),
    ),
    responses(
        (status = 200, description = "The customer", body = Answer<CustomerDetail>,
            headers(("ETag" = String, description = "This version of the customer"))),
        (status = 304, description = "The caller's version is the present one"),
        (status = 404, description = "`not_found`: there is no such customer"),
    ),
)]
pub(super) async fn show(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let customer = find(&request, &state, &id).await?;
    if let Some(unchanged) = etag::unchanged(&request, &customer)? {
        return Ok(unchanged);
    }
    answer(&request, HttpResponse::Ok(), customer)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Named {
    /// ERPNext's name of the customer, now or before, exactly as written there.
    erpnext_id: String,
}

/// A customer that was asked for by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedCustomer)]
pub(super) struct Found {
    data: CustomerDetail,
    /// The name that was asked for, where the customer is called otherwise now.
    former_name: Option<String>,
}

/// A customer by its name in ERPNext
///
/// If nobody has the name now, the one that had it last.
#[utoipa::path(
    get,
    path = "/api/customers/one",
    tag = "customers",
    operation_id = "find_customer",
    params(
        Named,
        ("If-None-Match" = Option<String>, Header, description = "The version that the caller has"),
    ),
    responses(
        (status = 200, description = "The customer", body = Found, headers(
            ("ETag" = String, description = "This version of the customer"),
            ("Content-Location" = String, description = "Where it is by its id"),
        )),
        (status = 304, description = "The caller's version is the present one"),
        (status = 404, description = "`not_found`: nobody has, or had, this name"),
    ),
)]
pub(super) async fn by_erpnext_id(
    request: HttpRequest,
    state: Data<State>,
    named: Query<Named>,
) -> Result<HttpResponse, Problem> {
    let Named { erpnext_id } = named.into_inner();
    let found = lookup::by_erpnext_id(&state.context.store, &erpnext_id).await;
    let Some(found) = found.map_err(|error| Problem::store(&request, &error))? else {
        let detail = "no customer here has, or had, this name in ERPNext; write it exactly as ERPNext shows it";
        return Err(Problem::new(&request, Code::NotFound, detail));
    };
    if let Some(unchanged) = etag::unchanged(&request, &found.customer)? {
        return Ok(unchanged);
    }
    let mut response = etag::tagged(&request, HttpResponse::Ok(), &found.customer)?;
    response.insert_header((CONTENT_LOCATION, location(found.customer.row.id)));
    let former_name = found.by_former_name.then_some(erpnext_id);
    Ok(response.json(Found { data: found.customer, former_name }))
}

/// Add a local customer
#[utoipa::path(
    post,
    path = "/api/customers",
    tag = "customers",
    operation_id = "create_customer",
    request_body = NewFields,
    responses(
        (status = 201, description = "It is there", body = Answer<CustomerDetail>, headers(
            ("ETag" = String, description = "This version of the customer"),
            ("Location" = String, description = "Where it is"),
        )),
        (status = 422, description = "`invalid_fields`, `refused_by_database`: values that cannot be taken, field by field"),
    ),
)]
pub(super) async fn create(
    request: HttpRequest,
    state: Data<State>,
    fields: Json<NewFields>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request)?;
    let added = edit::create(&state.context, &fields, &caller.who.actor()).await;
    let customer = added.map_err(|error| Problem::edit(&request, &error))?;
    trail::made(&request, customer.row.id);
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, location(customer.row.id)));
    answer(&request, response, customer)
}

/// Change fields of a customer
///
/// A JSON merge patch (RFC 7396): null empties a field, what is not named stays.
#[utoipa::path(
    patch,
    path = "/api/customers/{id}",
    tag = "customers",
    operation_id = "change_customer",
    params(
        ("id" = i64, Path, description = "The customer"),
        ("If-Match" = Option<String>, Header, description = "The version that is meant; any, if it is left out"),
    ),
    request_body = Fields,
    responses(
        (status = 200, description = "As it is now", body = Answer<CustomerDetail>,
            headers(("ETag" = String, description = "This version of the customer"))),
        (status = 404, description = "`not_found`: there is no such customer"),
        (status = 409, description = "`owned_by_erpnext`, `customer_deleted`: it cannot be changed here"),
        (status = 412, description = "`outdated`: it was changed meanwhile"),
        (status = 422, description = "`invalid_fields`, `refused_by_database`: values that cannot be taken, field by field"),
    ),
)]
pub(super) async fn change(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    fields: Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (number(&request, &id)?, Caller::of(&request)?);
    let expected = etag::expected(&request);
    let changed = edit::change(&state.context, id, &expected, &fields, &caller.who.actor()).await;
    let customer = changed.map_err(|error| Problem::edit(&request, &error))?;
    answer(&request, HttpResponse::Ok(), customer)
}

/// Mark a local customer deleted
#[utoipa::path(
    delete,
    path = "/api/customers/{id}",
    tag = "customers",
    operation_id = "delete_customer",
    params(
        ("id" = i64, Path, description = "The customer"),
        ("If-Match" = Option<String>, Header, description = "The version that is meant; any, if it is left out"),
    ),
    responses(
        (status = 200, description = "As it is now", body = Answer<CustomerDetail>,
            headers(("ETag" = String, description = "This version of the customer"))),
        (status = 404, description = "`not_found`: there is no such customer"),
        (status = 409, description = "`owned_by_erpnext`: it comes from ERPNext and is deleted there"),
        (status = 412, description = "`outdated`: it was changed meanwhile"),
    ),
)]
pub(super) async fn delete(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (number(&request, &id)?, Caller::of(&request)?);
    let deleted = edit::delete(&state.context, id, &etag::expected(&request), &caller.who.actor()).await;
    let customer = deleted.map_err(|error| Problem::edit(&request, &error))?;
    // Documents that waited for an answer about it are due.
    state.wake.wake();
    answer(&request, HttpResponse::Ok(), customer)
}

fn answer(
    request: &HttpRequest,
    response: HttpResponseBuilder,
    customer: CustomerDetail,
) -> Result<HttpResponse, Problem> {
    Ok(etag::tagged(request, response, &customer)?.json(Answer { data: customer }))
}

/// Where a customer is shown.
fn location(id: CustomerId) -> String {
    format!("/api/customers/{id}")
}

fn number(request: &HttpRequest, id: &str) -> Result<CustomerId, Problem> {
    id.parse().map_err(|_not_a_number| Problem::new(request, Code::NotFound, format!("there is no customer {id}")))
}
