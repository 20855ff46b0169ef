//! `GET /api/jobs`, `GET /api/jobs/one`, `POST /api/jobs/retry`, `POST /api/jobs/discard`.
//!
//! Invariant: without a state the failures are meant (dead, or waiting after a failure), in a list as in an action; and
//! an action says what it is about: an empty body, or a word that is not known, is a mistake and never "everything".
//! Names contain slashes, so they are never part of a path.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::super::State;
use super::super::error::{Code, Problem};
use super::paging;
use crate::domain::hint::Doctype;
use crate::domain::job::{Cause, DocKey};
use crate::store::{JobFilter, Selection, States};

/// Most jobs that one action may name; whoever means more asks for all that match.
const MOST_NAMED: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    state: States,
    doctype: Option<Doctype>,
    label: Option<String>,
    q: Option<String>,
    cause: Option<Cause>,
    /// `Customer/NAME`: the last job of the page before.
    after: Option<String>,
    /// Jobs wanted, 1 to 500.
    limit: Option<u32>,
}

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
    let total = store.job_count(&filter).await.map_err(failed)?;
    let mut response = paging::answer(&jobs, limit, |last| next_page(request.query_string(), &last.key));
    Ok(response.json(json!({"data": jobs, "total": total})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    doctype: Doctype,
    name: String,
}

pub(super) async fn show(request: HttpRequest, state: Data<State>, one: Query<One>) -> Result<HttpResponse, Problem> {
    let One { doctype, name } = one.into_inner();
    let key = DocKey { doctype, name };
    match state.context.store.job(&key).await.map_err(|error| Problem::store(&request, &error))? {
        Some(job) => Ok(HttpResponse::Ok().json(json!({"data": job}))),
        None => {
            let detail = format!("there is no job for the {doctype} {}: nothing is left to do for it", key.name);
            Err(Problem::new(&request, Code::NotFound, detail))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    jobs: Option<Vec<DocKey>>,
    all: Option<bool>,
    filter: Option<JobFilter>,
}

impl Wanted {
    fn selection(self) -> Result<Selection, String> {
        match self {
            Self { jobs: Some(jobs), all: None | Some(false), filter: None } if !jobs.is_empty() => {
                if jobs.len() > MOST_NAMED {
                    return Err(format!("name at most {MOST_NAMED} jobs, or ask for all that match a filter"));
                }
                Ok(Selection::Keys(jobs))
            }
            Self { jobs: None, all: Some(true), filter } => Ok(Selection::All(filter.unwrap_or_default())),
            _ => {
                Err("send either {\"jobs\": [{\"doctype\": …, \"name\": …}]} or {\"all\": true, \"filter\": {…}}; the \
                      filter has the words of the list: state, doctype, label, q, cause"
                    .to_owned())
            }
        }
    }
}

pub(super) async fn retry(
    request: HttpRequest,
    state: Data<State>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let jobs = selection(&request, wanted)?;
    let retried = state.context.store.retry_jobs(&jobs).await.map_err(|error| Problem::store(&request, &error))?;
    tracing::info!(retried, "a person retries jobs");
    state.wake.wake();
    Ok(HttpResponse::Ok().json(json!({"data": {"retried": retried}})))
}

pub(super) async fn discard(
    request: HttpRequest,
    state: Data<State>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let jobs = selection(&request, wanted)?;
    let discarded = state.context.store.discard_jobs(&jobs).await.map_err(|error| Problem::store(&request, &error))?;
    tracing::info!(discarded, "a person discards jobs");
    Ok(HttpResponse::Ok().json(json!({"data": {"discarded": discarded}})))
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

    fn selection(body: &str) -> Result<Selection, String> {
        serde_json::from_str::<Wanted>(body).map_err(|error| error.to_string())?.selection()
    }

    #[test]
    fn an_action_says_what_it_is_about() {
        let keys = selection(r#"{"jobs": [{"doctype": "Customer", "name": "A/B"}]}"#);
        assert_eq!(keys, Ok(Selection::Keys(vec![DocKey::customer("A/B")])));
        let label = JobFilter { label: Some("timeout".to_owned()), ..JobFilter::default() };
        assert_eq!(selection(r#"{"all": true, "filter": {"label": "timeout"}}"#), Ok(Selection::All(label)));
        assert_eq!(selection(r#"{"all": true}"#), Ok(Selection::All(JobFilter::default())), "all failures");
        for vague in [
            "{}",
            r#"{"jobs": []}"#,
            r#"{"all": false}"#,
            r#"{"filter": {"label": "timeout"}}"#,
            r#"{"all": true, "filter": {"lable": "timeout"}}"#,
            r#"{"all": true, "jobs": [{"doctype": "Customer", "name": "A"}]}"#,
            r#"{"jobs": [{"doctype": "Supplier", "name": "A"}]}"#,
            r#"{"jobs": [{"doctype": "Customer", "name": "A", "x": 1}]}"#,
            r#"{"everything": true}"#,
        ] {
            assert!(selection(vague).is_err(), "{vague}");
        }
    }

    #[test]
    fn the_next_page_asks_the_same_question() {
        let next = next_page("q=a%20b&after=Contact/x&limit=2", &DocKey::customer("A/B & <C>"));
        assert_eq!(next, "/api/jobs?q=a%20b&limit=2&after=Customer/A%2FB%20%26%20%3CC%3E");
        assert_eq!(parse_key("Customer/A/B"), Some(DocKey::customer("A/B")));
        assert_eq!(parse_key("Supplier/A"), None);
    }
}
