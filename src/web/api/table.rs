//! Every route of the API with who may call it: the one table.
//!
//! Invariant: the routes of the server are made from this table (`web::routes` tells how). What a route does is its
//! handler's business.

use actix_web::Route;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig, to};

use super::super::auth::{May, Proof};
use super::super::error::not_found;
use super::super::openapi;
use super::super::routes::{Line, ListedRoute, behind, resources};
use super::{
    audit, candidates, changes, customer, customer_export, customer_list, customers, deliveries, erase, events,
    full_sync, jobs, links, runs, schedules, session, settings, tokens, users,
};
use crate::domain::audit::Action;
use crate::domain::role::Role;

use Action::{
    CustomerChange, CustomerCreate, CustomerDelete, CustomerErase, CustomerLink, CustomerSync, CustomerUnlink,
    CustomersExport, JobsDiscard, JobsRetry, PasswordChange, RunApprove, RunCancel, RunDiscard, RunStart,
    SchedulePause, ScheduleResume, ScheduleRun, SignOut, SignOutEverywhere, SuggestionAccept, SuggestionReject,
    TokenCreate, TokenRevoke, UserAdd, UserChange, UserRemove, UserSignOut,
};
use Role::{Admin, Operator, Viewer};

/// Where the API begins.
const ROOT: &str = "/api";

static TABLE: &[Line] = &[
    get("/customers", Viewer, || to(customer_list::list)),
    post("/customers", Operator, CustomerCreate, || to(customer::create)),
    line(Method::GET, "/customers.csv", May::AtLeast(Viewer), Some(CustomersExport), || to(customer_export::export)),
    post("/customers/sync", Operator, RunStart, || to(full_sync::sync)),
    get("/customers/one", Viewer, || to(customer::by_erpnext_id)),
    get("/customers/{id}", Viewer, || to(customer::show)),
    line(Method::PATCH, "/customers/{id}", May::AtLeast(Operator), Some(CustomerChange), || to(customer::change)),
    delete("/customers/{id}", Operator, CustomerDelete, || to(customer::delete)),
    get("/customers/{id}/changes", Viewer, || to(changes::history)),
    get("/customers/{id}/deliveries", Viewer, || to(deliveries::of_customer)),
    post("/customers/{id}/sync", Operator, CustomerSync, || to(customers::sync)),
    post("/customers/{id}/erase", Admin, CustomerErase, || to(erase::erase)),
    post("/customers/{id}/link", Operator, CustomerLink, || to(links::link)),
    post("/customers/{id}/unlink", Operator, CustomerUnlink, || to(links::unlink)),
    get("/changes", Viewer, || to(changes::feed)),
    get("/events", Viewer, || to(events::stream)).streamed(),
    get("/suggestions", Viewer, || to(links::list)),
    post("/suggestions/{id}/accept", Operator, SuggestionAccept, || to(links::accept)),
    post("/suggestions/{id}/reject", Operator, SuggestionReject, || to(links::reject)),
    get("/runs", Viewer, || to(runs::list)),
    post("/runs", Operator, RunStart, || to(runs::start)),
    get("/runs/{id}", Viewer, || to(runs::show)),
    post("/runs/{id}/cancel", Operator, RunCancel, || to(runs::cancel)),
    get("/runs/{id}/candidates", Viewer, || to(candidates::list)),
    post("/runs/{id}/approve", Admin, RunApprove, || to(candidates::approve)),
    post("/runs/{id}/discard", Admin, RunDiscard, || to(candidates::discard)),
    get("/jobs", Viewer, || to(jobs::list)),
    get("/jobs/one", Viewer, || to(jobs::show)),
    post("/jobs/retry", Operator, JobsRetry, || to(jobs::retry)),
    post("/jobs/discard", Operator, JobsDiscard, || to(jobs::discard)),
    get("/deliveries", Viewer, || to(deliveries::list)),
    get("/deliveries/{id}", Operator, || to(deliveries::show)),
    get("/schedules", Viewer, || to(schedules::list)),
    post("/schedules/{name}/pause", Operator, SchedulePause, || to(schedules::pause)),
    post("/schedules/{name}/resume", Operator, ScheduleResume, || to(schedules::resume)),
    post("/schedules/{name}/run", Operator, ScheduleRun, || to(schedules::run)),
    get("/settings", Admin, || to(settings::list)),
    get("/audit", Admin, || to(audit::list)),
    get("/tokens", Admin, || to(tokens::list)),
    post("/tokens", Admin, TokenCreate, || to(tokens::create)),
    delete("/tokens/{id}", Admin, TokenRevoke, || to(tokens::revoke)),
    get("/users", Admin, || to(users::list)),
    post("/users", Admin, UserAdd, || to(users::create)),
    line(Method::PATCH, "/users/{id}", May::AtLeast(Admin), Some(UserChange), || to(users::change)),
    delete("/users/{id}", Admin, UserRemove, || to(users::remove)),
    delete("/users/{id}/sessions", Admin, UserSignOut, || to(users::sign_out)),
    line(Method::POST, "/session", May::Everybody, None, || to(session::sign_in)),
    get("/session", Viewer, || to(session::show)),
    line(Method::DELETE, "/session", May::SignedIn, Some(SignOut), || to(session::sign_out)),
    line(Method::PUT, "/session/password", May::SignedIn, Some(PasswordChange), || to(session::change_password)),
    line(Method::DELETE, "/sessions", May::SignedIn, Some(SignOutEverywhere), || to(session::sign_out_everywhere)),
    get("/openapi.json", Viewer, || to(openapi::show)),
    line(Method::POST, "/first-admin", May::Everybody, None, || to(session::first_admin)),
];

const fn line(method: Method, path: &'static str, may: May, action: Option<Action>, handler: fn() -> Route) -> Line {
    Line::new(method, path, may, action, handler)
}

const fn get(path: &'static str, least: Role, handler: fn() -> Route) -> Line {
    line(Method::GET, path, May::AtLeast(least), None, handler)
}

const fn post(path: &'static str, least: Role, action: Action, handler: fn() -> Route) -> Line {
    line(Method::POST, path, May::AtLeast(least), Some(action), handler)
}

const fn delete(path: &'static str, least: Role, action: Action, handler: fn() -> Route) -> Line {
    line(Method::DELETE, path, May::AtLeast(least), Some(action), handler)
}

/// Adds the API to a server.
pub(in crate::web) fn register(config: &mut ServiceConfig) {
    // Whoever may not enter does not learn either what is not there.
    let otherwise = May::AtLeast(Viewer);
    let mut scope = web::scope(ROOT);
    for resource in resources(TABLE, Proof::Header, otherwise) {
        scope = scope.service(resource);
    }
    config.service(scope.default_service(behind(otherwise, Proof::Header, None, to(not_found))));
}

/// Every route of the API.
#[must_use]
pub fn listed_routes() -> Vec<ListedRoute> {
    TABLE.iter().map(|line| line.listed(ROOT)).collect()
}
