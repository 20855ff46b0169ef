//! Every page with who may see it, and every form with who may send it: the one table.
//!
//! Invariant: the routes of the server are made from this table (`web::routes` tells how), so they are held to what the
//! API's are. What a page shows is its file's business.

use actix_web::Route;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, to};

use super::super::auth::{May, Proof};
use super::super::error::not_found;
use super::super::routes::{Line, ListedRoute, resources};
use super::settings::{audit, configuration, people, schedules, sessions, tokens};
use super::{
    account, activity, assets, customer, customer_deeds, customer_form, customers, failure, first_admin, live,
    overview, reference, sign_in, sync, theme,
};
use crate::domain::audit::Action;
use crate::domain::role::Role;

use Action::{
    CustomerChange, CustomerCreate, CustomerDelete, CustomerLink, CustomerSync, CustomerUnlink, JobsDiscard, JobsRetry,
    PasswordChange, RunApprove, RunCancel, RunDiscard, RunStart, SchedulePause, ScheduleResume, ScheduleRun, SignOut,
    SignOutEverywhere, SuggestionAccept, SuggestionReject, TokenCreate, TokenRevoke, UserAdd, UserChange, UserRemove,
    UserSignOut,
};
use Role::{Admin, Operator, Viewer};

static TABLE: &[Line] = &[
    page("/", May::Person(Viewer), || to(overview::show)),
    page("/live", May::Person(Viewer), || to(live::stream)).streamed(),
    page("/sync", May::Person(Viewer), || to(sync::show)),
    form("/sync", May::Person(Operator), Some(RunStart), || to(sync::start)),
    form("/sync/{id}/cancel", May::Person(Operator), Some(RunCancel), || to(sync::cancel)),
    page("/customers", May::Person(Viewer), || to(customers::show)),
    form("/customers", May::Person(Operator), Some(CustomerCreate), || to(customer_form::create)),
    page("/customers/new", May::Person(Operator), || to(customer_form::new)),
    page("/customers/{id}", May::Person(Viewer), || to(customer::show)),
    form("/customers/{id}", May::Person(Operator), Some(CustomerChange), || to(customer_form::change)),
    page("/customers/{id}/edit", May::Person(Operator), || to(customer_form::open)),
    form("/customers/{id}/sync", May::Person(Operator), Some(CustomerSync), || to(customer_deeds::sync)),
    form("/customers/{id}/delete", May::Person(Operator), Some(CustomerDelete), || to(customer_deeds::delete)),
    form("/customers/{id}/link", May::Person(Operator), Some(CustomerLink), || to(customer_deeds::link)),
    form("/customers/{id}/unlink", May::Person(Operator), Some(CustomerUnlink), || to(customer_deeds::unlink)),
    page("/settings", May::Person(Viewer), || to(schedules::show)),
    form("/settings/schedules/{name}/pause", May::Person(Operator), Some(SchedulePause), || to(schedules::pause)),
    form("/settings/schedules/{name}/resume", May::Person(Operator), Some(ScheduleResume), || to(schedules::resume)),
    form("/settings/schedules/{name}/run", May::Person(Operator), Some(ScheduleRun), || to(schedules::run)),
    page("/settings/configuration", May::Person(Admin), || to(configuration::show)),
    page("/settings/people", May::Person(Admin), || to(people::show)),
    form("/settings/people", May::Person(Admin), Some(UserAdd), || to(people::add)),
    form("/settings/people/{id}/role", May::Person(Admin), Some(UserChange), || to(people::set_role)),
    form("/settings/people/{id}/password", May::Person(Admin), Some(UserChange), || to(people::set_password)),
    form("/settings/people/{id}/sign-out", May::Person(Admin), Some(UserSignOut), || to(people::sign_out)),
    form("/settings/people/{id}/remove", May::Person(Admin), Some(UserRemove), || to(people::remove)),
    page("/settings/tokens", May::Person(Admin), || to(tokens::show)),
    form("/settings/tokens", May::Person(Admin), Some(TokenCreate), || to(tokens::create)),
    form("/settings/tokens/{id}/revoke", May::Person(Admin), Some(TokenRevoke), || to(tokens::revoke)),
    page("/settings/sessions", May::Person(Admin), || to(sessions::show)),
    form("/settings/people/{id}/sessions/{session}/end", May::Person(Admin), Some(UserSignOut), || to(sessions::end)),
    page("/settings/audit", May::Person(Admin), || to(audit::show)),
    page("/reference", May::Person(Viewer), || to(reference::show)),
    page("/activity", May::Person(Viewer), || to(activity::runs)),
    page("/activity/runs/{id}", May::Person(Viewer), || to(activity::run)),
    form("/activity/runs/{id}/cancel", May::Person(Operator), Some(RunCancel), || to(activity::cancel)),
    form("/activity/runs/{id}/approve", May::Person(Admin), Some(RunApprove), || to(activity::approve)),
    form("/activity/runs/{id}/discard", May::Person(Admin), Some(RunDiscard), || to(activity::discard_run)),
    page("/activity/webhooks", May::Person(Viewer), || to(activity::deliveries)),
    page("/activity/webhooks/{id}", May::Person(Viewer), || to(activity::delivery)),
    page("/activity/failures", May::Person(Viewer), || to(activity::failures)),
    form("/activity/failures/retry", May::Person(Operator), Some(JobsRetry), || to(activity::retry_jobs)),
    form("/activity/failures/discard", May::Person(Operator), Some(JobsDiscard), || to(activity::discard_jobs)),
    page("/activity/links", May::Person(Viewer), || to(activity::links)),
    form("/activity/links/{id}/accept", May::Person(Operator), Some(SuggestionAccept), || to(activity::accept)),
    form("/activity/links/{id}/reject", May::Person(Operator), Some(SuggestionReject), || to(activity::reject)),
    page("/account", May::SignedIn, || to(account::show)),
    form("/account/password", May::SignedIn, Some(PasswordChange), || to(account::change_password)),
    form("/account/sessions/{session}/end", May::SignedIn, Some(SignOut), || to(account::end_session)),
    form("/account/sign-out-everywhere", May::SignedIn, Some(SignOutEverywhere), || to(account::sign_out_everywhere)),
    page("/sign-in", May::Everybody, || to(sign_in::show)),
    form("/sign-in", May::Everybody, None, || to(sign_in::submit)),
    form("/sign-out", May::SignedIn, Some(SignOut), || to(sign_in::sign_out)),
    page("/first-admin", May::Everybody, || to(first_admin::show)),
    form("/first-admin", May::Everybody, None, || to(first_admin::submit)),
    form("/theme", May::Everybody, None, || to(theme::choose)),
    page("/favicon.ico", May::Everybody, || to(assets::favicon)),
    page("/assets/{name}", May::Everybody, || to(assets::serve)),
];

const fn page(path: &'static str, may: May, handler: fn() -> Route) -> Line {
    Line::new(Method::GET, path, may, None, handler)
}

const fn form(path: &'static str, may: May, action: Option<Action>, handler: fn() -> Route) -> Line {
    Line::new(Method::POST, path, may, action, handler)
}

/// Adds the pages to a server. What nobody serves is answered by a page too, where a browser asks.
pub(in crate::web) fn register(config: &mut ServiceConfig) {
    for resource in resources(TABLE, Proof::Form, May::Everybody) {
        config.service(resource.wrap(from_fn(failure::dress)));
    }
    config.default_service(to(not_found).wrap(from_fn(failure::dress)));
}

/// Every route of the pages.
#[must_use]
pub fn listed_pages() -> Vec<ListedRoute> {
    TABLE.iter().map(|line| line.listed("")).collect()
}
