//! `GET /api/changes`, the feed of what happened to customers, and `GET /api/customers/{id}/changes`, the history of one.
//!
//! Invariant: the feed goes on behind a `seq` and misses nothing; where that is impossible because old changes were pruned
//! it is an error (410), never a gap. Who loses access while waiting is refused. The history of a
//! customer outlives its row.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::customers::Waiting;
use super::paging;
use crate::domain::customer::CustomerId;
use crate::store::ChangeRow;

/// Asks for nothing of the past.
const LAST: &str = "last";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Behind {
    /// The greatest `seq` that the reader has seen; `last` for the newest there is. From the beginning if left out.
    #[param(pattern = "^(last|[0-9]+)$")]
    after: Option<String>,
    /// Seconds to wait for something new, 0 to 60.
    #[param(maximum = 60, default = 0)]
    wait: Option<u64>,
    /// Changes wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// A page of the feed.
#[derive(Serialize, ToSchema)]
#[schema(as = FeedPage)]
pub(super) struct Page<'p> {
    /// Changes, the oldest first.
    #[schema(value_type = Vec<ChangeRow>)]
    data: Vec<&'p RawValue>,
    /// What to go on behind.
    last: i64,
}

/// The change feed: what happened to any customer, in order
///
/// Whoever goes on behind the last `seq` that it handled misses nothing. Waits for something new where it is asked to.
#[utoipa::path(
    get,
    path = "/api/changes",
    operation_id = "follow_changes",
    params(Behind),
    responses(
        (status = 200, description = "Changes, the oldest first; empty where there is nothing new", body = Page),
        (status = 409, description = "`feed_ahead`: nothing that is so new has happened: this is another database"),
        (status = 410, description = "`feed_pruned`: what comes next was pruned: read the customers anew"),
    ),
)]
pub(super) async fn feed(
    request: HttpRequest,
    state: Data<State>,
    behind: Query<Behind>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, behind.limit)?;
    let patience = Waiting { wait: behind.wait }.patience(&request, &state)?;
    let after = place(&request, &state, behind.after.as_deref()).await?;
    let entries = match patience {
        None => state.feed.behind(after, limit).await,
        Some((mut permit, wait)) => permit.hold(&state, state.feed.follow(after, limit, wait, &state.stopping)).await?,
    };
    let entries = entries.map_err(|error| Problem::feed(&request, &error))?;
    let last = entries.last().map_or(after, |entry| entry.seq);
    let mut response = paging::answer(&entries, limit, |last| format!("/api/changes?after={}&limit={limit}", last.seq));
    Ok(response.json(Page { data: entries.iter().map(|entry| &*entry.json).collect(), last }))
}

/// Where a reader wants to go on: a `seq`, or a word.
pub(super) async fn place(request: &HttpRequest, state: &State, after: Option<&str>) -> Result<i64, Problem> {
    match after {
        None => Ok(0),
        Some(LAST) => state.feed.last().await.map_err(|error| Problem::store(request, &error)),
        Some(seq) => seq.parse().ok().filter(|seq| *seq >= 0).ok_or_else(|| {
            let detail = format!("after must be the seq of a change, or \"{LAST}\" for what comes from now on");
            Problem::new(request, Code::BadRequest, detail)
        }),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    /// The `seq` of the last change of the page before.
    before: Option<i64>,
    /// Changes wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// The history of a customer, the newest first
///
/// It outlives the row.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/changes",
    operation_id = "list_customer_changes",
    params(("id" = i64, Path, description = "The customer"), Before),
    responses(
        (status = 200, description = "Changes of the customer", body = Answer<Vec<ChangeRow>>),
        (status = 404, description = "`not_found`: there is no such customer"),
    ),
)]
pub(super) async fn history(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    paging: Query<Before>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(&request, paging.limit)?;
    let missing = || Problem::new(&request, Code::NotFound, format!("there is no customer {id}"));
    let customer: CustomerId = id.parse().map_err(|_not_a_number| missing())?;
    let failed = |error| Problem::store(&request, &error);
    let store = &state.context.store;
    let changes = store.changes_of(customer, paging.before, limit).await.map_err(failed)?;
    if changes.is_empty() && store.customer(customer).await.map_err(failed)?.is_none() {
        return Err(missing());
    }
    let mut response = paging::answer(&changes, limit, |last| {
        format!("/api/customers/{customer}/changes?before={}&limit={limit}", last.seq)
    });
    Ok(response.json(Answer { data: changes }))
}
