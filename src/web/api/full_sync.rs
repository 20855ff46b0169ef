//! `POST /api/customers/sync`: a full run, awaited or (`Prefer: respond-async`, RFC 7240) only started.
//!
//! Invariant: the waiting form answers `success`, `message` and `data` with `processed`, `created`, `updated`, `total`, as
//! its callers know it; `success` is true only for a run that did all of its work. A run belongs to no request: whoever
//! stops waiting changes nothing.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LOCATION, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::State;
use super::super::auth::permit::Permit;
use super::super::error::Problem;
use super::runs::{Begun, begin, location};
use crate::domain::run::{Counts, RunId, RunKind, RunState};
use crate::sync::runs::{self, Run, Waited};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

/// Seconds after which it is worth while to ask again about a run that goes on.
const ASK_AGAIN: &str = "10";

/// A full run, awaited
///
/// Starts one, or joins the one that is running. The run belongs to no request: whoever stops waiting changes nothing.
#[utoipa::path(
    post,
    path = "/api/customers/sync",
    tag = "customers",
    operation_id = "sync_customers",
    params(("Prefer" = Option<String>, Header, description = "`respond-async`: do not wait (RFC 7240)")),
    responses(
        (status = 200, description = "All of it was done", body = Ended,
            headers(("Location" = String, description = "Where the run is shown"))),
        (status = 202, description = "It runs, and the caller does not wait", body = Begun, headers(
            ("Location" = String, description = "Where the run is shown"),
            ("Preference-Applied" = String, description = "`respond-async`"),
        )),
        (status = 409, description = "It was cancelled, or another run took its place", body = Ended),
        (status = 500, description = "Not all of it could be done", body = Ended),
        (status = 502, description = "It failed, or is held for a person to decide", body = Ended),
        (status = 503, description = "It goes on, but not within the time that a caller waits", body = Ended),
    ),
)]
pub(super) async fn sync(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    if prefers_not_to_wait(&request) {
        let (_run, mut accepted) = begin(&request, &state, RunKind::Full).await?;
        let applied = actix_web::http::header::HeaderValue::from_static(RESPOND_ASYNC);
        accepted.headers_mut().insert(PREFERENCE_APPLIED, applied);
        return Ok(accepted);
    }
    let mut permit = Permit::of(&request, &state)?;
    let (run, _accepted) = begin(&request, &state, RunKind::Full).await?;
    let waiting = runs::wait(&state.context, run, state.limits.run_wait);
    match permit.hold(&state, state.stopping.run_until_cancelled(waiting)).await? {
        None => Ok(goes_on(run, "The service is stopping; the run goes on when it is there again.", None)),
        Some(Err(error)) => Err(Problem::store(&request, &error)),
        Some(Ok(None)) => Ok(goes_on(run, "The run is not there any more.", None)),
        Some(Ok(Some(waited))) => Ok(answer(waited)),
    }
}

fn prefers_not_to_wait(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(PREFER).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|preference| preference.trim().eq_ignore_ascii_case(RESPOND_ASYNC))
}

fn answer(waited: Waited) -> HttpResponse {
    match waited {
        Waited::Ended(run) => ended(&run),
        Waited::Paused(run) => {
            let reason = run.row.paused.as_deref().unwrap_or("ERPNext cannot be read");
            goes_on(run.row.id, &format!("The sync is paused and goes on by itself. {reason}"), Some(&run))
        }
        Waited::Running(run) => {
            let message = format!(
                "The sync is not done yet: {} of {} customers. It goes on; GET {} tells how far it is.",
                run.processed,
                run.row.total.unwrap_or_default(),
                location(run.row.id)
            );
            goes_on(run.row.id, &message, Some(&run))
        }
    }
}

fn ended(run: &Run) -> HttpResponse {
    let told = run.row.message.as_deref();
    let (status, message) = match run.row.state {
        RunState::Succeeded => {
            let complete = format!("ERPNext Customer Sync complete. {} customers processed.", run.processed);
            (StatusCode::OK, told.map_or(complete.clone(), |told| format!("{complete} {told}.")))
        }
        RunState::Partial => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("ERPNext Customer Sync incomplete: {}.", told.unwrap_or("not all of it could be done")),
        ),
        RunState::Cancelled => (StatusCode::CONFLICT, "ERPNext Customer Sync was cancelled.".to_owned()),
        RunState::Superseded => (
            StatusCode::CONFLICT,
            format!("ERPNext Customer Sync was stopped: {}.", told.unwrap_or("another run took its place")),
        ),
        RunState::Failed | RunState::Held | RunState::Discarded | RunState::Running => (
            StatusCode::BAD_GATEWAY,
            format!("ERPNext Customer Sync failed: {}.", told.unwrap_or("the reason is in the log")),
        ),
    };
    let success = run.row.state == RunState::Succeeded;
    HttpResponse::build(status).insert_header((LOCATION, location(run.row.id))).json(Ended {
        success,
        message,
        data: Some(counted(run)),
    })
}

/// For a caller that waits no longer.
fn goes_on(run: RunId, message: &str, seen: Option<&Run>) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((LOCATION, location(run)))
        .insert_header((RETRY_AFTER, ASK_AGAIN))
        .json(Ended { success: false, message: message.to_owned(), data: seen.map(counted) })
}

/// What the waiting form answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FullSync)]
pub(super) struct Ended {
    /// True only for a run that did all of its work.
    success: bool,
    /// What happened, for people.
    message: String,
    /// What was done so far; null where that is not known.
    data: Option<Counted>,
}

/// What a run has done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FullSyncCounts)]
struct Counted {
    /// Customers that are done.
    processed: i64,
    /// Customers to do.
    total: i64,
    #[serde(flatten)]
    counts: Counts,
    /// The run.
    #[schema(value_type = i64)]
    run: RunId,
    /// Milliseconds from its start to its end, or until now.
    duration_ms: u64,
}

fn counted(run: &Run) -> Counted {
    Counted {
        processed: run.processed,
        total: run.row.total.unwrap_or(run.processed),
        counts: run.row.counts,
        run: run.row.id,
        duration_ms: run.duration_ms,
    }
}
