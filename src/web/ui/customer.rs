//! `/customers/{id}`: one customer with all that is known of it, and what may be done with it.
//!
//! Invariant: it shows `sync::dossier` and decides nothing; what a person does here is in `customer_deeds` and
//! `customer_form`. The document as ERPNext sent it is for operators: it holds fields that nobody mapped.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;

use super::super::State;
use super::super::error::{Code, Problem};
use super::activity::words::job_state;
use super::badge::{Badge, badges, title};
use super::field::{self, GROUPS};
use super::frame::{Frame, Reader, Section};
use super::history::{self, Entry};
use super::page::render;
use super::reach::{link, mail, phone};
use super::time::{distance, moment};
use crate::domain::customer::{Address, Contact, CustomerId};
use crate::domain::role::Role;
use crate::domain::suggestion::SuggestionKind;
use crate::store::{CustomerDetail, CustomerRow, Remarks, SuggestionRow};
use crate::sync::dossier::{self, Dossier};

#[derive(Template)]
#[template(path = "customer.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    dossier: Dossier,
    title: String,
    badges: Vec<Badge>,
    groups: Vec<Facts>,
    extra: Vec<Fact>,
    history: Vec<Entry>,
    /// The document as ERPNext sent it, for those who may see it.
    document: Option<String>,
    /// What may be done; `None` where nothing may.
    deeds: Option<Deeds>,
    /// Where the history begins, if not with the newest change.
    before: Option<i64>,
}

/// What the reader may do with the customer.
struct Deeds {
    /// What a form has to bring to be about the customer that is shown.
    version: String,
    /// Whether it has a field that ERPNext does not own.
    editable: bool,
    /// The name that could not be linked, to be corrected.
    linking: Option<String>,
    /// Why it could not.
    refused: Option<String>,
}

/// Fields that belong together.
struct Facts {
    name: &'static str,
    facts: Vec<Fact>,
}

/// A field with its value.
struct Fact {
    name: String,
    value: String,
    /// Where it leads, if it is a link.
    link: Option<String>,
    /// Whether the value may have several lines.
    long: bool,
    /// ERPNext has no say in it, though the customer is synced.
    ours: bool,
    /// Another text whenever it changed.
    watch: String,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// The `seq` of the last change of the page before.
    before: Option<i64>,
    /// A name in ERPNext that it could not be linked to.
    link: Option<String>,
}

pub(super) async fn show(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let id = number(&request, &id)?;
    let failed = |error| Problem::store(&request, &error);
    // Before anything is read: what comes meanwhile is told again.
    let seen = state.feed.last().await.map_err(failed)?;
    let dossier = dossier::of(&state.context, id, wanted.before).await.map_err(failed)?;
    let dossier = dossier.ok_or_else(|| missing(&request, id))?;
    let may_change = Reader::of(&request)?.role >= Role::Operator;
    let title = title(&dossier.customer.row);
    let mut frame = Frame::of(&request, &state, Some(Section::Customers), title.as_str()).await?;
    frame.live = format!("/live?customer={id}&seen={seen}");
    let deeds = if may_change && dossier.customer.row.deleted_at.is_none() {
        let version = dossier.customer.version().map_err(failed)?;
        let linking = wanted.link.clone();
        // It is said beside the field.
        let refused = linking.as_ref().and_then(|_name| frame.notice.take()).map(|notice| notice.text);
        let editable = field::all().any(|field| is_ours(&state, &dossier, field.column));
        Some(Deeds { version, linking, refused, editable })
    } else {
        None
    };
    let remarks = Remarks { problem: !dossier.troubles.is_empty(), question: !dossier.questions.is_empty() };
    let document = dossier.background.as_ref().filter(|_| may_change).map(|background| pretty(&background.document));
    Ok(render(&Page {
        frame,
        title,
        badges: badges(&dossier.customer.row, remarks),
        groups: groups(&state, &dossier),
        extra: extra(&dossier),
        history: dossier.changes.iter().cloned().map(history::entry).collect(),
        document,
        deeds,
        before: wanted.before,
        dossier,
    }))
}

/// An id of a path.
pub(super) fn number(request: &HttpRequest, id: &str) -> Result<CustomerId, Problem> {
    id.parse().map_err(|_not_a_number| missing(request, id))
}

/// Nobody has that id.
pub(super) fn missing(request: &HttpRequest, id: impl std::fmt::Display) -> Problem {
    Problem::new(request, Code::NotFound, format!("there is no customer {id}"))
}

/// Whether ERPNext has no say in that column of the customer.
fn is_ours(state: &State, dossier: &Dossier, column: &str) -> bool {
    dossier.customer.row.customer.erpnext_id.is_none() || !state.context.mapping.writes(column)
}

fn groups(state: &State, dossier: &Dossier) -> Vec<Facts> {
    let values = serde_json::to_value(&dossier.customer.row.customer).unwrap_or_default();
    let synced = dossier.customer.row.customer.erpnext_id.is_some();
    let fact = |field: &field::Field| {
        let value = field::text(values.get(field.column).unwrap_or(&Value::Null));
        Fact {
            name: field.label.to_owned(),
            link: link(field.column, &value),
            value,
            long: field.kind == field::Kind::Lines,
            ours: synced && is_ours(state, dossier, field.column),
            watch: watch(dossier, field.column),
        }
    };
    GROUPS.iter().map(|group| Facts { name: group.name, facts: group.fields.iter().map(fact).collect() }).collect()
}

fn extra(dossier: &Dossier) -> Vec<Fact> {
    let extra = dossier.customer.row.customer.extra.iter();
    extra
        .map(|(name, value)| Fact {
            name: name.clone(),
            value: field::text(value),
            link: None,
            long: true,
            ours: false,
            watch: format!("{name} {value}"),
        })
        .collect()
}

/// The column with the change that touched it last.
fn watch(dossier: &Dossier, column: &str) -> String {
    let last = dossier.changes.iter().find(|change| history::touches(change, column));
    format!("{column} {}", last.map_or(0, |change| change.seq))
}

fn pretty(document: &str) -> String {
    let read: Result<Value, _> = serde_json::from_str(document);
    read.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_broken| document.to_owned())
}

impl Page {
    fn row(&self) -> &CustomerRow {
        &self.dossier.customer.row
    }

    /// ERPNext's name of it, where it is linked.
    fn erpnext_id(&self) -> Option<&str> {
        self.row().customer.erpnext_id.as_deref()
    }

    /// Whether something of it could not be read, and is among the failures.
    fn has_failed(&self) -> bool {
        self.dossier.jobs.iter().any(|job| job.last_error.is_some())
    }

    /// Whether addresses or contacts belong to it.
    fn has_linked(&self) -> bool {
        !self.customer().addresses.is_empty() || !self.customer().contacts.is_empty()
    }

    fn customer(&self) -> &CustomerDetail {
        &self.dossier.customer
    }
}

/// Where such a question is answered: the list of them, which begins with it there.
fn compare(question: &SuggestionRow) -> String {
    format!("/activity/links?after={}", question.id - 1)
}

/// The lines of an address, as one writes them.
fn lines(address: &Address) -> Vec<String> {
    let town = [&address.postal_code, &address.city];
    let town = town.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    let lines = [address.line1.clone(), address.line2.clone(), Some(town)];
    let rest = [address.county.clone(), address.state.clone(), address.country.clone()];
    lines.into_iter().chain(rest).flatten().filter(|line| !line.is_empty()).collect()
}

/// Every e-mail of a contact once, the primary one first.
fn emails(contact: &Contact) -> Vec<&str> {
    once([&contact.email].into_iter().flatten().chain(&contact.emails))
}

/// Every number of a contact once, the primary ones first.
fn phones(contact: &Contact) -> Vec<&str> {
    once([&contact.mobile, &contact.phone].into_iter().flatten().chain(&contact.phones))
}

fn once<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for text in texts {
        if !found.contains(&text.as_str()) {
            found.push(text);
        }
    }
    found
}
