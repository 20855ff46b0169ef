//! Which handlers the document tells of.
//!
//! Invariant: every route of the service is here; a test compares this with the table of `api`. The rest stands at the
//! handlers.

use utoipa::OpenApi;

use super::super::api::{
    audit, candidates, changes, customer, customer_export, customer_list, customers, deliveries, erase, events,
    full_sync, jobs, links, runs, schedules, session, settings, tokens, users,
};
use super::super::error;
use super::super::{ops, receiver, scrape};

/// What is said at the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Customer Sync for ERPNext",
        description = "Keeps ERPNext's customers in your own SQL database.\n\n\
            Errors are `application/problem+json` with a stable `code`; every answer has an `X-Request-Id`, which stands in the \
            log too. A page of a list tells in `Link` where the next one is. Times are RFC 3339 in UTC.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "customers", description = "Customers as your applications read them"),
        (name = "changes", description = "What happened to them"),
        (name = "events", description = "The same as it happens"),
        (name = "links", description = "Which rows belong to which customers of ERPNext"),
        (name = "runs", description = "Full runs, sweeps and catch-ups"),
        (name = "jobs", description = "What is to be done, and what failed"),
        (name = "deliveries", description = "Webhooks that arrived"),
        (name = "schedules", description = "What runs by itself"),
        (name = "session", description = "Signing in and out"),
        (name = "users", description = "Who may sign in"),
        (name = "tokens", description = "Who has access by token"),
        (name = "settings", description = "What the service runs with"),
        (name = "audit", description = "Who did what"),
        (name = "webhooks", description = "For ERPNext"),
        (name = "service", description = "For operators"),
    ),
    paths(
        customer_list::list,
        customer_export::export,
        customer::create,
        full_sync::sync,
        customer::by_erpnext_id,
        customer::show,
        customer::change,
        customer::delete,
        changes::history,
        deliveries::of_customer,
        customers::sync,
        erase::erase,
        links::link,
        links::unlink,
        changes::feed,
        events::stream,
        links::list,
        links::accept,
        links::reject,
        runs::list,
        runs::start,
        runs::show,
        runs::cancel,
        candidates::list,
        candidates::approve,
        candidates::discard,
        jobs::list,
        jobs::show,
        jobs::retry,
        jobs::discard,
        deliveries::list,
        deliveries::show,
        schedules::list,
        schedules::pause,
        schedules::resume,
        schedules::run,
        settings::list,
        audit::list,
        tokens::list,
        tokens::create,
        tokens::revoke,
        users::list,
        users::create,
        users::change,
        users::remove,
        users::sign_out,
        session::sign_in,
        session::show,
        session::sign_out,
        session::change_password,
        session::sign_out_everywhere,
        session::first_admin,
        super::show,
        ops::livez,
        ops::readyz,
        scrape::answer,
        receiver::receive,
        receiver::receive_by_put,
    ),
    components(schemas(error::Body<'static>, error::Code))
)]
pub(super) struct Annotated;
