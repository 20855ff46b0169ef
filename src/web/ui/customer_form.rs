//! `/customers/new` and `/customers/{id}/edit`: filling in the fields of a customer.
//!
//! Invariant: what was typed is never lost: a form that is refused comes back with it, says at each field what is wrong, and,
//! where somebody else was quicker, what the customer has there now. Which fields may be filled in is decided in
//! `sync::edit`; here those that ERPNext owns are not offered.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Map, Value};

use super::super::State;
use super::super::auth::trail;
use super::super::error::Problem;
use super::badge::title;
use super::customer::{missing, number};
use super::customer_deeds::page_of;
use super::field::{self, Field, GROUPS, Kind};
use super::form;
use super::frame::{Frame, Reader, Section};
use super::notice::{Tone, and_say};
use super::page::render_as;
use crate::domain::customer::{Customer, CustomerId};
use crate::domain::edit::{Expected, FieldProblem, Fields, NewFields};
use crate::store::{CustomerDetail, StoreError};
use crate::sync::edit::{self, EditError};

/// The field with the version of the customer that the form is about.
const VERSION: &str = "version";
/// What a flag that is set sends.
const SET: &str = "yes";

#[derive(Template)]
#[template(path = "customer_form.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    heading: String,
    action: String,
    back: String,
    version: Option<String>,
    groups: Vec<Inputs>,
    /// Why it was refused.
    wrong: Option<String>,
    synced: bool,
}

/// Fields that belong together.
struct Inputs {
    name: &'static str,
    inputs: Vec<Input>,
}

/// A field to fill in.
struct Input {
    field: Field,
    value: String,
    /// What is wrong with it.
    wrong: Option<String>,
    /// What the customer has there now, where it is something else.
    now: Option<String>,
}

impl Page {
    /// The fields that somebody has to look at.
    fn marked(&self) -> Vec<Field> {
        let inputs = self.groups.iter().flat_map(|group| &group.inputs);
        inputs.filter(|input| input.wrong.is_some() || input.now.is_some()).map(|input| input.field).collect()
    }
}

impl Input {
    /// Every customer is called something.
    fn is_required(&self) -> bool {
        self.field.column == "name"
    }
}

/// What was typed, by column.
type Typed = BTreeMap<String, String>;

/// Why a form comes back.
struct Refusal {
    status: StatusCode,
    message: String,
    problems: Vec<FieldProblem>,
    /// Whether somebody else changed the customer meanwhile.
    outdated: bool,
}

pub(super) async fn new(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let empty = Customer { is_active: true, ..Customer::default() };
    answer(&request, &state, None, typed(&empty), None).await
}

pub(super) async fn create(request: HttpRequest, state: Data<State>, body: Bytes) -> Result<HttpResponse, Problem> {
    let typed: Typed = form::fields(&request, &body)?;
    let reader = Reader::of(&request)?;
    match edit::create(&state.context, &NewFields(read(&typed, field::all())), &reader.actor()).await {
        Ok(customer) => {
            trail::made(&request, customer.row.id);
            Ok(and_say(&page_of(customer.row.id), Tone::Good, "The customer is added."))
        }
        Err(error) => {
            let refusal = Refusal::of(&request, &error)?;
            answer(&request, &state, None, typed, Some(refusal)).await
        }
    }
}

pub(super) async fn open(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let customer = find(&request, &state, number(&request, &id)?).await?;
    if customer.row.deleted_at.is_some() {
        return Err(Problem::edit(&request, &EditError::Deleted(customer.row.id)));
    }
    let typed = typed(&customer.row.customer);
    answer(&request, &state, Some(&customer), typed, None).await
}

pub(super) async fn change(
    request: HttpRequest,
    state: Data<State>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let id = number(&request, &id)?;
    let mut typed: Typed = form::fields(&request, &body)?;
    let version = typed.remove(VERSION).unwrap_or_default();
    let reader = Reader::of(&request)?;
    let customer = find(&request, &state, id).await?;
    let fields = Fields(edited(&typed, &customer.row.customer, &offered(&state, Some(&customer))));
    let expected = Expected::OneOf(vec![version]);
    match edit::change(&state.context, id, &expected, &fields, &reader.actor()).await {
        Ok(_customer) => Ok(and_say(&page_of(id), Tone::Good, "The customer is changed.")),
        Err(error) => {
            let refusal = Refusal::of(&request, &error)?;
            // As it is now: it may have changed since it was read above.
            let customer = find(&request, &state, id).await?;
            answer(&request, &state, Some(&customer), typed, Some(refusal)).await
        }
    }
}

impl Refusal {
    /// What can be put right in the form; anything else is a problem of its own.
    fn of(request: &HttpRequest, error: &EditError) -> Result<Self, Problem> {
        let refusal =
            |status, message: &str| Self { status, message: message.to_owned(), problems: Vec::new(), outdated: false };
        match error {
            EditError::Invalid(problems) => {
                let message = "Not saved: some values cannot be taken. They are marked below.";
                Ok(Self { problems: problems.clone(), ..refusal(StatusCode::UNPROCESSABLE_ENTITY, message) })
            }
            EditError::Outdated { .. } => {
                let message = "Not saved yet: somebody changed this customer while you were writing. Your values are \
                               still here; where the customer has others now, they stand beside yours. Save again to \
                               keep yours.";
                Ok(Self { outdated: true, ..refusal(StatusCode::PRECONDITION_FAILED, message) })
            }
            EditError::Store(StoreError::Refused { .. }) => {
                let problem = Problem::edit(request, error);
                Ok(refusal(StatusCode::UNPROCESSABLE_ENTITY, problem.detail()))
            }
            _ => Err(Problem::edit(request, error)),
        }
    }
}

async fn find(request: &HttpRequest, state: &State, id: CustomerId) -> Result<CustomerDetail, Problem> {
    let found = state.context.store.customer(id).await.map_err(|error| Problem::store(request, &error))?;
    found.ok_or_else(|| missing(request, id))
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    customer: Option<&CustomerDetail>,
    typed: Typed,
    refusal: Option<Refusal>,
) -> Result<HttpResponse, Problem> {
    let heading = customer.map_or_else(|| "New customer".to_owned(), |customer| title(&customer.row));
    let version = customer.map(CustomerDetail::version).transpose();
    let back = customer.map_or_else(|| "/customers".to_owned(), |customer| page_of(customer.row.id));
    let page = Page {
        frame: Frame::of(request, state, Some(Section::Customers), heading.as_str()).await?,
        heading,
        action: back.clone(),
        back,
        version: version.map_err(|error| Problem::store(request, &error))?,
        groups: groups(&offered(state, customer), &typed, refusal.as_ref(), customer),
        wrong: refusal.as_ref().map(|refusal| refusal.message.clone()),
        synced: customer.is_some_and(|customer| customer.row.customer.erpnext_id.is_some()),
    };
    Ok(render_as(refusal.map_or(StatusCode::OK, |refusal| refusal.status), &page))
}

/// The fields that are not ERPNext's.
fn offered(state: &State, customer: Option<&CustomerDetail>) -> Vec<&'static Field> {
    let synced = customer.is_some_and(|customer| customer.row.customer.erpnext_id.is_some());
    field::all().filter(|field| !synced || !state.context.mapping.writes(field.column)).collect()
}

fn groups(
    offered: &[&'static Field],
    typed: &Typed,
    refusal: Option<&Refusal>,
    customer: Option<&CustomerDetail>,
) -> Vec<Inputs> {
    let now = customer.filter(|_| refusal.is_some_and(|refusal| refusal.outdated));
    let now = now.map(|customer| self::typed(&customer.row.customer));
    let input = |field: &&'static Field| {
        let value = typed.get(field.column).cloned().unwrap_or_default();
        let problems = refusal.into_iter().flat_map(|refusal| &refusal.problems);
        let wrong: Vec<&str> =
            problems.filter(|problem| problem.field == field.column).map(|problem| problem.message.as_str()).collect();
        let present = now.as_ref().map(|now| now.get(field.column).cloned().unwrap_or_default());
        let other = present.filter(|present| *present != value);
        Input {
            field: **field,
            wrong: (!wrong.is_empty()).then(|| format!("{} {}.", field.label, wrong.join(", and "))),
            now: other.map(|text| if text.is_empty() { "nothing".to_owned() } else { text }),
            value,
        }
    };
    let group = |group: &field::Group| Inputs {
        name: group.name,
        inputs: offered.iter().filter(|field| group.fields.contains(field)).map(input).collect(),
    };
    GROUPS.iter().map(group).filter(|group| !group.inputs.is_empty()).collect()
}

/// The values of a customer as a form has them.
fn typed(customer: &Customer) -> Typed {
    let values = serde_json::to_value(customer).unwrap_or_default();
    let text = |field: &Field| match &values[field.column] {
        Value::Bool(true) => SET.to_owned(),
        Value::Bool(false) => String::new(),
        value => field::text(value),
    };
    field::all().map(|field| (field.column.to_owned(), text(field))).collect()
}

/// What a form sent as values of these fields.
fn read(typed: &Typed, fields: impl Iterator<Item = &'static Field>) -> Map<String, Value> {
    let value = |field: &Field| {
        let text = typed.get(field.column).map(String::as_str).unwrap_or_default();
        match field.kind {
            Kind::Flag => Value::Bool(text == SET),
            // Browsers end lines of a form in their own way.
            Kind::Line | Kind::Lines | Kind::Number => Value::String(text.replace("\r\n", "\n")),
        }
    };
    fields.map(|field| (field.column.to_owned(), value(field))).collect()
}

/// Of these fields those that a form sent with another value than it came with. The others are none of the edit: a value
/// that somebody else wrote may be one that a person could not (an address with line breaks, say).
fn edited(typed: &Typed, customer: &Customer, fields: &[&'static Field]) -> Map<String, Value> {
    let came = read(&self::typed(customer), fields.iter().copied());
    let mut sent = read(typed, fields.iter().copied());
    sent.retain(|column, value| came.get(column) != Some(value));
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_sent_as_it_came_changes_nothing() {
        let customer = Customer {
            name: "Acme".to_owned(),
            address: Some("1 Road\nUlm".to_owned()),
            credit_limit: Some("12.50".parse().unwrap()),
            is_active: true,
            ..Customer::default()
        };
        let mut typed = typed(&customer);
        typed.insert("address".to_owned(), "1 Road\r\nUlm".to_owned());
        // A box that is not ticked is not sent.
        typed.retain(|_, value| !value.is_empty());
        let fields: Vec<&Field> = field::all().collect();
        assert_eq!(edited(&typed, &customer, &fields), Map::new());
        typed.remove("is_active");
        typed.insert("address".to_owned(), "1 Road\r\nBonn".to_owned());
        let edited = edited(&typed, &customer, &fields);
        assert_eq!(Value::from(edited), serde_json::json!({"address": "1 Road\nBonn", "is_active": false}));
    }
}
