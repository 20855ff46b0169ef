//! `/activity/failures`: documents that could not be read or stored, with the reason and what to do; retry or discard one, or
//! all that match.
//!
//! Invariant: an action on "all" is about what the page's filter matches, and the form that asks for it says how many that
//! are. Names contain slashes, so they are fields of a form and never part of a path.

use std::collections::HashMap;

use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use url::form_urlencoded;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::form;
use super::super::frame::{Frame, Reader, Section};
use super::super::notice::{Tone, and_say};
use super::super::number::grouped;
use super::super::page::{own_path, render};
use super::super::time::distance;
use super::reasons::reason;
use super::words::{asked_by, job_state};
use super::{BY_NAME, MANY, PAGE, Pager, Tab, Tabs, address, last_before_next};
use crate::domain::customer::CustomerId;
use crate::domain::hint::Doctype;
use crate::domain::job::DocKey;
use crate::domain::role::Role;
use crate::erpnext::Client;
use crate::store::{JobFilter, JobRow, Selection, States};

const PATH: &str = "/activity/failures";

#[derive(Template)]
#[template(path = "activity/failures.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    wanted: Wanted,
    /// How many match, by the stable word of their reason; those of most first.
    reasons: Vec<(String, u64)>,
    /// How many match on all pages.
    total: u64,
    jobs: Vec<JobRow>,
    /// The rows of those that are customers here, by their names in ERPNext.
    rows: HashMap<String, CustomerId>,
    pager: Pager,
    client: Client,
    may_act: bool,
}

impl Page {
    /// The document in ERPNext's desk.
    fn desk(&self, job: &JobRow) -> String {
        self.client.desk_address(job.key.doctype, &job.key.name).into()
    }

    /// What tells it from the others of the page, without a space.
    fn anchor(&self, job: &JobRow) -> String {
        form_urlencoded::byte_serialize(format!("{} {}", job.key.doctype, job.key.name).as_bytes()).collect()
    }

    /// The row that could not be brought up to date.
    fn row(&self, job: &JobRow) -> Option<&CustomerId> {
        self.rows.get(&job.key.name).filter(|_| job.key.doctype == Doctype::Customer)
    }

    /// Of all that match, how many are not tried again by themselves; only where that is known and others are.
    fn given_up(&self) -> Option<String> {
        let dead = u64::try_from(self.tabs.failed).unwrap_or_default();
        let mixed = !self.wanted.is_filtered() && self.tabs.failed < MANY && dead < self.total;
        let told = match dead {
            0 => "all are tried again by themselves".to_owned(),
            _ => format!("{} given up, the others are tried again by themselves", grouped(dead)),
        };
        mixed.then_some(told)
    }

    fn how_many(&self, number: &u64) -> String {
        grouped(*number)
    }

    /// The same question about that reason only, or about all where it is chosen already.
    fn about(&self, label: &str) -> String {
        let label = if self.wanted.label == label { "" } else { label };
        address(PATH, &Wanted { label: label.to_owned(), ..self.wanted.clone() }.words())
    }
}

/// Which failures are meant; empty words do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web::ui) struct Wanted {
    state: States,
    doctype: String,
    label: String,
    q: String,
    /// `Customer/NAME`: the last one of the page before.
    after: Option<String>,
}

/// What the filter offers.
const STATES: [(States, &str, &str); 3] = [
    (States::Failed, "", "All failures"),
    (States::Dead, "dead", "Given up"),
    (States::Waiting, "waiting", "Will be tried again"),
];

impl Wanted {
    fn filter(&self) -> Option<JobFilter> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let doctype = some(&self.doctype).map(|word| Doctype::parse(&word).ok_or(())).transpose().ok()?;
        Some(JobFilter { state: self.state, doctype, label: some(&self.label), text: some(&self.q), cause: None })
    }

    /// As the words of a query or the fields of a form.
    fn words(&self) -> [(&'static str, &str); 4] {
        let state = STATES.iter().find(|(state, ..)| *state == self.state).map_or("", |(_, word, _)| word);
        [("state", state), ("doctype", &self.doctype), ("label", &self.label), ("q", &self.q)]
    }

    fn is_filtered(&self) -> bool {
        self.words().iter().any(|(_word, value)| !value.is_empty())
    }
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let failed = |error| Problem::store(&request, &error);
    let wanted = wanted.into_inner().wanted().ok_or_else(|| unknown(&request))?;
    let filter = wanted.filter().ok_or_else(|| unknown(&request))?;
    let after = wanted.after.as_deref().map(|text| key(text).ok_or_else(|| unknown(&request))).transpose()?;
    let store = &state.context.store;
    let mut jobs = store.jobs(&filter, after.as_ref(), PAGE + 1).await.map_err(failed)?;
    let reasons = store.job_labels(&JobFilter { label: None, ..filter.clone() }).await.map_err(failed)?;
    let chosen = |label: &str| wanted.label.is_empty() || wanted.label == label;
    let total = reasons.iter().filter(|(label, _number)| chosen(label)).map(|(_label, number)| number).sum();
    let next = last_before_next(&mut jobs, PAGE).map(|last| {
        let after = format!("{}/{}", last.key.doctype, last.key.name);
        let [first, second, third, fourth] = wanted.words();
        address(PATH, &[first, second, third, fourth, ("after", &after)])
    });
    let names = jobs.iter().filter(|job| job.key.doctype == Doctype::Customer).map(|job| job.key.name.clone());
    let held = store.held(&names.collect::<Vec<_>>(), &[]).await.map_err(failed)?;
    let rows = held.into_iter().filter_map(|row| Some((row.seen.erpnext_id?, row.seen.id))).collect();
    let first = wanted.after.as_ref().map(|_after| address(PATH, &wanted.words()));
    let pager = Pager { first, next, names: BY_NAME };
    let frame = Frame::of(&request, &state, Some(Section::Activity), "Failures").await?;
    let tabs = Tabs::of(&request, &state, Tab::Failures).await?;
    let may_act = Reader::of(&request)?.role >= Role::Operator;
    let client = state.context.client.clone();
    Ok(render(&Page { frame, tabs, wanted, reasons, total, jobs, rows, pager, client, may_act }))
}

/// What a form or an address asks for: one document, all that match, or (without either) a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web::ui) struct Asked {
    state: String,
    doctype: String,
    label: String,
    q: String,
    after: Option<String>,
    /// The document that is meant.
    name: Option<String>,
    /// `yes` for all that match.
    all: Option<String>,
    /// Where to go afterwards.
    back: String,
}

impl Asked {
    /// `None` where a word is not known.
    fn wanted(self) -> Option<Wanted> {
        let Self { state, doctype, label, q, after, .. } = self;
        let (state, ..) = STATES.into_iter().find(|(_, word, _)| *word == state)?;
        Some(Wanted { state, doctype, label, q, after })
    }

    fn selection(self) -> Option<Selection> {
        match (&self.name, self.all.as_deref()) {
            (Some(name), None) => {
                let key = DocKey { doctype: Doctype::parse(&self.doctype)?, name: name.clone() };
                Some(Selection::Keys(vec![key]))
            }
            (None, Some("yes")) => Some(Selection::All(self.wanted()?.filter()?)),
            _ => None,
        }
    }
}

pub(in crate::web::ui) async fn retry(
    request: HttpRequest,
    state: Data<State>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let (jobs, back) = chosen(&request, &body)?;
    let retried = state.context.store.retry_jobs(&jobs).await.map_err(|error| Problem::store(&request, &error))?;
    tracing::info!(retried, "a person retries jobs");
    state.wake.wake();
    Ok(said(&back, retried, "is tried again now", "are tried again now"))
}

pub(in crate::web::ui) async fn discard(
    request: HttpRequest,
    state: Data<State>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let (jobs, back) = chosen(&request, &body)?;
    let discarded = state.context.store.discard_jobs(&jobs).await.map_err(|error| Problem::store(&request, &error))?;
    tracing::info!(discarded, "a person discards jobs");
    Ok(said(&back, discarded, "was discarded", "were discarded"))
}

fn chosen(request: &HttpRequest, body: &Bytes) -> Result<(Selection, String), Problem> {
    let asked: Asked = form::fields(request, body)?;
    let back = own_path(&asked.back);
    let back = if back == "/" { PATH } else { back }.to_owned();
    Ok((asked.selection().ok_or_else(|| unknown(request))?, back))
}

fn said(back: &str, number: u64, one: &str, many: &str) -> HttpResponse {
    match number {
        0 => and_say(
            back,
            Tone::Bad,
            "None of them was left to act on: they were done meanwhile, or are being read now.",
        ),
        1 => and_say(back, Tone::Good, &format!("1 document {one}.")),
        _ => and_say(back, Tone::Good, &format!("{} documents {many}.", grouped(number))),
    }
}

fn key(text: &str) -> Option<DocKey> {
    let (doctype, name) = text.split_once('/')?;
    Some(DocKey { doctype: Doctype::parse(doctype)?, name: name.to_owned() })
}

fn unknown(request: &HttpRequest) -> Problem {
    Problem::new(request, Code::BadRequest, "this address has a word that is not known; begin again at Failures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_about_one_document_or_says_all() {
        let asked = || Asked { doctype: "Customer".to_owned(), ..Asked::default() };
        let one = Asked { name: Some("A/B".to_owned()), ..asked() };
        assert_eq!(one.selection(), Some(Selection::Keys(vec![DocKey::customer("A/B")])));
        let all = Asked { all: Some("yes".to_owned()), state: "dead".to_owned(), q: "x".to_owned(), ..asked() };
        let filter = JobFilter {
            state: States::Dead,
            doctype: Some(Doctype::Customer),
            text: Some("x".to_owned()),
            ..JobFilter::default()
        };
        assert_eq!(all.selection(), Some(Selection::All(filter)));
        assert_eq!(asked().selection(), None, "never everything by omission");
        let both = Asked { name: Some("A".to_owned()), all: Some("yes".to_owned()), ..asked() };
        assert_eq!(both.selection(), None);
        let misspelt = Asked { all: Some("yes".to_owned()), state: "daed".to_owned(), ..asked() };
        assert_eq!(misspelt.selection(), None);
        let other = Asked { all: Some("yes".to_owned()), doctype: "Supplier".to_owned(), ..Asked::default() };
        assert_eq!(other.selection(), None);
    }
}
