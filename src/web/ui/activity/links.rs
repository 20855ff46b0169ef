//! `/activity/links`: which of our customers and which of ERPNext's may be the same, side by side; a person says yes or no.
//!
//! Invariant: ERPNext's side is read when the page is (one call for the whole page, not for long): nothing of a document
//! that nobody has decided about is stored. Where ERPNext cannot be read, the question is shown all the same.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::super::super::State;
use super::super::super::error::{Code, Problem};
use super::super::form;
use super::super::frame::{Frame, Reader, Section};
use super::super::notice::{Tone, and_say};
use super::super::page::{own_path, render};
use super::super::text::sentence;
use super::super::time::distance;
use super::{Pager, Tab, Tabs, address, last_before_next};
use crate::domain::customer::Customer;
use crate::domain::hint::Doctype;
use crate::domain::role::Role;
use crate::domain::suggestion::{SuggestionKind, SuggestionState};
use crate::store::SuggestionRow;
use crate::sync::links::{self, LinkError};

const PATH: &str = "/activity/links";
/// Questions of a page: each is shown at length.
const QUESTIONS: u32 = 10;
/// How long a page waits for ERPNext's side.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Template)]
#[template(path = "activity/links.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    state: &'static str,
    questions: Vec<Question>,
    /// Why ERPNext's side is not known.
    unread: Option<String>,
    pager: Pager,
    may_decide: bool,
}

/// A question with both sides.
struct Question {
    row: SuggestionRow,
    /// The document in ERPNext's desk.
    desk: String,
    /// Whether ERPNext has the document, as far as is known.
    found: bool,
    /// Whether the two are linked now.
    linked: bool,
    /// How many more questions of this page are about the same document.
    rivals: usize,
    /// How many more are about the same customer of ours.
    others: usize,
    name: Field,
    fields: Vec<Field>,
}

impl Question {
    /// What became of it.
    fn end(&self) -> &'static str {
        match self.row.state {
            SuggestionState::Done if self.linked => "linked",
            SuggestionState::Done => "no longer asked",
            state => state.as_str(),
        }
    }
}

/// A field of both.
struct Field {
    name: &'static str,
    ours: Option<String>,
    theirs: Option<String>,
}

impl Field {
    fn is_same(&self) -> bool {
        let folded = |side: &Option<String>| side.as_ref().map(|text| text.trim().to_lowercase());
        self.ours.is_some() && folded(&self.ours) == folded(&self.theirs)
    }
}

/// What is offered: the API's word and what people call it.
const STATES: [(&str, &str, Option<SuggestionState>); 5] = [
    ("open", "Open", Some(SuggestionState::Open)),
    ("accepted", "Accepted", Some(SuggestionState::Accepted)),
    ("rejected", "Rejected", Some(SuggestionState::Rejected)),
    ("done", "Done", Some(SuggestionState::Done)),
    ("all", "All", None),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::ui) struct Wanted {
    state: Option<String>,
    /// The last id of the page before.
    after: Option<i64>,
}

pub(in crate::web::ui) async fn show(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let failed = |error| Problem::store(&request, &error);
    let asked = wanted.state.as_deref().unwrap_or("open");
    let known = STATES.into_iter().find(|(word, ..)| *word == asked);
    let (word, _name, only) = known.ok_or_else(|| {
        Problem::new(&request, Code::BadRequest, "this address has a word that is not known; begin again at Links")
    })?;
    let store = &state.context.store;
    let after = wanted.after.unwrap_or_default();
    let mut rows = store.suggestions(only, after, QUESTIONS + 1).await.map_err(failed)?;
    let next = last_before_next(&mut rows, QUESTIONS)
        .map(|last| address(PATH, &[("state", word), ("after", &last.id.to_string())]));
    let first = wanted.after.map(|_after| address(PATH, &[("state", word)]));
    let (theirs, unread) = theirs(&state, &rows).await;
    let sides: Vec<_> = rows.iter().map(|row| (row.customer, row.name.clone())).collect();
    let mut questions = Vec::with_capacity(rows.len());
    for row in rows {
        let ours = store.customer(row.customer).await.map_err(failed)?.map(|detail| detail.row.customer);
        let theirs = theirs.get(&row.name);
        let name = field("Name", ours.as_ref(), theirs, |customer| Some(customer.name.clone()));
        let fields = fields(ours.as_ref(), theirs);
        let desk = state.context.client.desk_address(Doctype::Customer, &row.name).into();
        let linked = ours.is_some_and(|ours| ours.erpnext_id.as_ref() == Some(&row.name));
        let rivals = sides.iter().filter(|(_customer, name)| *name == row.name).count() - 1;
        let others = sides.iter().filter(|(customer, _name)| *customer == row.customer).count() - 1;
        questions.push(Question { desk, found: theirs.is_some(), linked, rivals, others, name, fields, row });
    }
    let frame = Frame::of(&request, &state, Some(Section::Activity), "Links").await?;
    let tabs = Tabs::of(&request, &state, Tab::Links).await?;
    let may_decide = Reader::of(&request)?.role >= Role::Operator;
    let pager = Pager { first, next, names: ("Oldest", "Newer") };
    Ok(render(&Page { frame, tabs, state: word, questions, unread, pager, may_decide }))
}

/// ERPNext's side of these questions, and why it is not known where it could not be read.
async fn theirs(state: &State, rows: &[SuggestionRow]) -> (HashMap<String, Customer>, Option<String>) {
    let asked = rows.iter().filter(|row| row.kind != SuggestionKind::Missing);
    let names: Vec<&str> = asked.map(|row| row.name.as_str()).collect();
    if names.is_empty() {
        return (HashMap::new(), None);
    }
    match tokio::time::timeout(PATIENCE, links::documents(&state.context, &names)).await {
        Ok(Ok(found)) => (found, None),
        Ok(Err(error)) => (HashMap::new(), Some(error.without_detail())),
        Err(_late) => (HashMap::new(), Some("it takes too long to answer".to_owned())),
    }
}

/// How a field is read from a customer.
type Get = fn(&Customer) -> Option<String>;

fn field(name: &'static str, ours: Option<&Customer>, theirs: Option<&Customer>, get: Get) -> Field {
    Field { name, ours: ours.and_then(get), theirs: theirs.and_then(get) }
}

/// What tells customers apart besides their names, where a side has it.
fn fields(ours: Option<&Customer>, theirs: Option<&Customer>) -> Vec<Field> {
    let all: [(&'static str, Get); 8] = [
        ("E-mail", |customer| customer.email.clone()),
        ("Phone", |customer| customer.phone.clone()),
        ("Tax number", |customer| customer.tax_number.clone()),
        ("Address", |customer| customer.address.clone()),
        ("Postal code", |customer| customer.postal_code.clone()),
        ("City", |customer| customer.city.clone()),
        ("Country", |customer| customer.country.clone()),
        ("Group", |customer| customer.customer_group.clone()),
    ];
    let sides = all.map(|(name, get)| field(name, ours, theirs, get));
    sides.into_iter().filter(|field| field.ours.is_some() || field.theirs.is_some()).collect()
}

/// What speaks for it, for people.
fn matched(row: &SuggestionRow) -> String {
    match row.matched_by.as_str() {
        "email" => "They have the same e-mail.".to_owned(),
        "tax_number" => "They have the same tax number.".to_owned(),
        "person" => "A person asked for this link.".to_owned(),
        _ if row.kind == SuggestionKind::Missing => {
            "Our customer names a document that ERPNext does not have.".to_owned()
        }
        other => format!("They have the same value: {other}."),
    }
}

/// Where a decision is made: on which page of the questions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    #[serde(default)]
    back: String,
}

pub(in crate::web::ui) async fn accept(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    decide(&request, &state, &id, &body, true).await
}

pub(in crate::web::ui) async fn reject(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    decide(&request, &state, &id, &body, false).await
}

async fn decide(
    request: &HttpRequest,
    state: &State,
    id: &str,
    body: &Bytes,
    accept: bool,
) -> Result<HttpResponse, Problem> {
    let From { back } = form::fields(request, body)?;
    let back = own_path(&back);
    let back = if back == "/" { PATH } else { back };
    let missing = || Problem::new(request, Code::NotFound, format!("there is no suggestion {id}"));
    let id: i64 = id.parse().map_err(|_not_a_number| missing())?;
    match links::decide(&state.context.store, id, accept).await {
        Ok(_decided) => {
            state.wake.wake();
            let said = if accept { "Accepted. They are linked in a moment." } else { "Rejected. They stay apart." };
            Ok(and_say(back, Tone::Good, said))
        }
        // Somebody was faster, or it cannot be: no failure of the page.
        Err(error @ (LinkError::Decided(_) | LinkError::NotLinkable(_) | LinkError::NothingToAccept)) => {
            Ok(and_say(back, Tone::Bad, &sentence(&error.to_string())))
        }
        Err(error) => Err(Problem::link(request, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_side_has_is_compared() {
        let ours =
            Customer { name: "Öz GmbH".to_owned(), email: Some("A@x.example".to_owned()), ..Customer::default() };
        let theirs = Customer { email: Some("a@x.example ".to_owned()), city: Some("Ulm".to_owned()), ..ours.clone() };
        let fields = fields(Some(&ours), Some(&theirs));
        let shown: Vec<(&str, bool)> = fields.iter().map(|field| (field.name, field.is_same())).collect();
        assert_eq!(shown, [("E-mail", true), ("City", false)]);
    }
}
