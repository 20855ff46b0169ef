//! `GET /api/jobs`, `GET /api/jobs/one`, `POST /api/jobs/retry`, `POST /api/jobs/discard`.
//!
//! Invariant: without a state the failures are meant (dead, or waiting after a failure), in a list as in an action (which
//! says in a body what it is about, see `selection`).
//! Names contain slashes, so they are never part of a path.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::paging;
use super::selection::Wanted;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey};
use crate::store::{JobFilter, JobRow, Selection, States};

/// A queue may hold a million jobs, and a page is looked at again and again: more than these are not counted.
const MOST_COUNTED: u64 = 10_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Listing {
    #[serde(default)]
    /// Where they stand.
    #[param(inline)]
    state: States,
    /// Of this kind of document.
    #[param(inline)]
    doctype: Option<Doctype>,
    /// With this error label.
    label: Option<String>,
    /// With this text in their name or error, whatever its case.
    q: Option<String>,
    /// Asked for by this.
    #[param(inline)]
    cause: Option<Cause>,
    /// `Customer/NAME`: the last job of the page before.
    #[param(pattern = "^(Address|Contact|Customer)/")]
    after: Option<String>,
    /// Jobs wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Jobs, by doctype and name
///
/// Those that failed, unless another state is asked for.
#[utoipa::path(
    get,
    path = "/api/jobs",
    operation_id = "list_jobs",
    params(Listing),
    responses((status = 200, description = "Jobs, and how many match", body = Page)),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    listing: Query<Listing>,
) -> Result<HttpResponse, Problem> {
    let bad = |detail: String| Problem::new(&request, Code::BadRequest, detail);
    let Listing { state: states, doctype, label, q, cause, after, limit } = listing.into_inner();
    let limit = paging::limit(&request, limit)?;
    let after = match after.as_deref().map(parse_key) {
        Some(None) => return Err(bad("after must be a doctype and a name, like Customer/ACME".to_owned())),
        after => after.flatten(),
    };
    let filter = JobFilter { state: states, doctype, label, text: q, cause };
    let failed = |error| Problem::store(&request, &error);
    let store = &state.context.store;
    let jobs = store.jobs(&filter, after.as_ref(), limit).await.map_err(failed)?;
    let counted = store.job_count_up_to(&filter, MOST_COUNTED + 1).await.map_err(failed)?;
    let (total, more) = (counted.min(MOST_COUNTED), counted > MOST_COUNTED);
    let mut response = paging::answer(&jobs, limit, |last| next_page(request.query_string(), &last.key));
    Ok(response.json(Page { data: jobs, total, more }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct One {
    /// The kind of document.
    #[param(inline)]
    doctype: Doctype,
    /// Its name.
    name: String,
}

/// A job with all that is known of it
#[utoipa::path(
    get,
    path = "/api/jobs/one",
    operation_id = "show_job",
    params(One),
    responses(
        (status = 200, description = "The job", body = Answer<JobRow>),
        (status = 404, description = "`not_found`: nothing is left to do for that document"),
    ),
)]
pub(super) async fn show(request: HttpRequest, state: Data<State>, one: Query<One>) -> Result<HttpResponse, Problem> {
    let One { doctype, name } = one.into_inner();
    let key = DocKey { doctype, name };
    match state.context.store.job(&key).await.map_err(|error| Problem::store(&request, &error))? {
        Some(job) => Ok(HttpResponse::Ok().json(Answer { data: job })),
        None => {
            let detail = format!("there is no job for the {doctype} {}: nothing is left to do for it", key.name);
            Err(Problem::new(&request, Code::NotFound, detail))
        }
    }
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobPage)]
pub(super) struct Page {
    /// The jobs.
    data: Vec<JobRow>,
    /// How many match, on all pages; 10,000 where there are more.
    #[schema(maximum = 10_000)]
    total: u64,
    /// Whether more match than `total` says.
    more: bool,
}

/// How many jobs are tried again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetriedJobs)]
pub(super) struct Retried {
    retried: u64,
}

/// How many jobs were given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscardedJobs)]
pub(super) struct Discarded {
    discarded: u64,
}

/// Try jobs again now
#[utoipa::path(
    post,
    path = "/api/jobs/retry",
    operation_id = "retry_jobs",
    request_body = Wanted,
    responses((status = 200, description = "How many", body = Answer<Retried>)),
)]
pub(super) async fn retry(
    request: HttpRequest,
    state: Data<State>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let jobs = selection(&request, wanted)?;
    let retried = state.context.store.retry_jobs(&jobs).await.map_err(|error| Problem::store(&request, &error))?;
    tracing::info!(retried, "a person retries jobs");
    state.wake.wake();
    Ok(HttpResponse::Ok().json(Answer { data: Retried { retried } }))
}

/// Give jobs up
#[utoipa::path(
    post,
    path = "/api/jobs/discard",
    operation_id = "discard_jobs",
    request_body = Wanted,
    responses((status = 200, description = "How many", body = Answer<Discarded>)),
)]
pub(super) async fn discard(
    request: HttpRequest,
    state: Data<State>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let jobs = selection(&request, wanted)?;
    let discarded = state.context.store.discard_jobs(&jobs).await.map_err(|error| Problem::store(&request, &error))?;
    tracing::info!(discarded, "a person discards jobs");
    Ok(HttpResponse::Ok().json(Answer { data: Discarded { discarded } }))
}

fn selection(request: &HttpRequest, wanted: Json<Wanted>) -> Result<Selection, Problem> {
    wanted.into_inner().selection().map_err(|detail| Problem::new(request, Code::BadRequest, detail))
}

fn parse_key(text: &str) -> Option<DocKey> {
    let (doctype, name) = text.split_once('/')?;
    Some(DocKey { doctype: Doctype::parse(doctype)?, name: name.to_owned() })
}

/// The same question from the next job on.
fn next_page(query: &str, last: &DocKey) -> String {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
    let name = utf8_percent_encode(&last.name, NON_ALPHANUMERIC);
    let after = format!("after={}/{name}", last.doctype);
    let pairs: Vec<&str> = kept.chain(std::iter::once(after.as_str())).collect();
    format!("/api/jobs?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_asks_the_same_question() {
        let next = next_page("q=a%20b&after=Contact/x&limit=2", &DocKey::customer("A/B & <C>"));
        assert_eq!(next, "/api/jobs?q=a%20b&limit=2&after=Customer/A%2FB%20%26%20%3CC%3E");
        assert_eq!(parse_key("Customer/A/B"), Some(DocKey::customer("A/B")));
        assert_eq!(parse_key("Supplier/A"), None);
    }
}
