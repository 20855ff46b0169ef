//! `/customers/new` and `/customers/{id}/edit`: filling in the fields of a customer.
//!
//! Invariant: what was typed is never lost: a form that is refused comes back with it and says at each field what is wrong.
//! Where somebody else was quicker, fields that were left alone take the other's values, and where both wrote, the other's
//! stands beside. Which fields may be filled in is decided in `sync::edit`; here those that ERPNext owns are not offered.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value;

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
use super::typed::{Marks, Typed, edited, marks, merged, read, typed};
use crate::domain::customer::{Customer, CustomerId};
use crate::domain::edit::{Expected, FieldProblem, Fields, NewFields};
use crate::store::{CustomerDetail, StoreError};
use crate::sync::edit::{self, EditError};

/// The field with the version of the customer that the form is about.
const VERSION: &str = "version";
/// The field with the marks of the values that the form came with.
const CAME: &str = "came";

/// What is said where there is nothing to change any more.
const DELETED: &str = "Not saved: somebody deleted this customer while you were writing.";
/// What is said where fields are gone.
const LINKED: &str = "Not saved: somebody linked this customer to ERPNext while you were writing. Most fields are changed \
                      there now.";

#[derive(Template)]
#[template(path = "customer_form.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    heading: String,
    action: String,
    back: String,
    base: Option<Base>,
    groups: Vec<Inputs>,
    /// Why it was refused.
    wrong: Option<String>,
    synced: bool,
    deleted: bool,
    /// What was typed into fields that are not offered any more.
    taken: Vec<(&'static str, String)>,
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
    /// What somebody else wrote there meanwhile.
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

/// A form, and what it is about.
#[derive(Default)]
struct Filled {
    /// The customer that is changed; `None` for a new one.
    customer: Option<CustomerDetail>,
    base: Option<Base>,
    typed: Typed,
    /// What somebody else wrote into fields that were also typed into.
    other: Typed,
    /// What was typed into fields that are not offered any more.
    taken: Vec<(&'static str, String)>,
}

impl Filled {
    /// A form on top of what somebody else made of the customer meanwhile.
    fn anew(
        customer: CustomerDetail,
        offered: &[&'static Field],
        typed: &Typed,
        came: &Marks,
    ) -> Result<Self, StoreError> {
        let taken = taken(typed, came, offered);
        let (typed, other) = merged(typed, came, self::typed(&customer.row.customer));
        let base = Some(Base::of(&customer, offered)?);
        Ok(Self { customer: Some(customer), base, typed, other, taken })
    }
}

/// What of a customer a form was filled in on top of.
struct Base {
    version: String,
    came: Marks,
}

impl Base {
    fn of(customer: &CustomerDetail, offered: &[&'static Field]) -> Result<Self, StoreError> {
        let came = marks(&typed(&customer.row.customer), offered.iter().copied());
        Ok(Self { version: customer.version()?, came })
    }

    /// As the form carries it.
    fn came(&self) -> String {
        serde_json::to_string(&self.came).unwrap_or_default()
    }
}

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
    answer(&request, &state, Filled { typed: typed(&empty), ..Filled::default() }, None).await
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
            answer(&request, &state, Filled { typed, ..Filled::default() }, Some(refusal)).await
        }
    }
}

pub(super) async fn open(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let customer = find(&request, &state, number(&request, &id)?).await?;
    if is_deleted(&customer) {
        return Err(Problem::edit(&request, &EditError::Deleted(customer.row.id)));
    }
    let base = Base::of(&customer, &offered(&state, Some(&customer)));
    let base = base.map_err(|error| Problem::store(&request, &error))?;
    let typed = typed(&customer.row.customer);
    let filled = Filled { customer: Some(customer), base: Some(base), typed, ..Filled::default() };
    answer(&request, &state, filled, None).await
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
    let came: Marks = typed.remove(CAME).and_then(|came| serde_json::from_str(&came).ok()).unwrap_or_default();
    let reader = Reader::of(&request)?;
    let customer = find(&request, &state, id).await?;
    let fields = edited(&typed, &came, offered(&state, Some(&customer)).into_iter());
    let expected = Expected::OneOf(vec![version.clone()]);
    match edit::change(&state.context, id, &expected, &Fields(fields), &reader.actor()).await {
        Ok(_customer) => Ok(and_say(&page_of(id), Tone::Good, "The customer is changed.")),
        Err(error) => {
            let mut refusal = Refusal::of(&request, &error)?;
            // As it is now: it may have changed since it was read above.
            let customer = find(&request, &state, id).await?;
            let filled = if refusal.outdated {
                let offered = offered(&state, Some(&customer));
                if let Some(message) = stopped(&customer, &came, &offered) {
                    message.clone_into(&mut refusal.message);
                }
                Filled::anew(customer, &offered, &typed, &came).map_err(|error| Problem::store(&request, &error))?
            } else {
                let base = Base { version, came };
                Filled { customer: Some(customer), base: Some(base), typed, ..Filled::default() }
            };
            answer(&request, &state, filled, Some(refusal)).await
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
                let message = "Not saved yet: somebody changed this customer while you were writing. What you changed is \
                               still here; where they changed the same, theirs stands beside yours. Save again to keep \
                               yours.";
                Ok(Self { outdated: true, ..refusal(StatusCode::PRECONDITION_FAILED, message) })
            }
            EditError::Deleted(_) => Ok(Self { outdated: true, ..refusal(StatusCode::CONFLICT, DELETED) }),
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
    filled: Filled,
    refusal: Option<Refusal>,
) -> Result<HttpResponse, Problem> {
    let customer = filled.customer.as_ref();
    let heading = customer.map_or_else(|| "New customer".to_owned(), |customer| title(&customer.row));
    let page_title = if customer.is_some() { format!("Edit {heading}") } else { heading.clone() };
    let back = customer.map_or_else(|| "/customers".to_owned(), |customer| page_of(customer.row.id));
    let page = Page {
        frame: Frame::of(request, state, Some(Section::Customers), page_title).await?,
        heading,
        action: back.clone(),
        back,
        groups: groups(&offered(state, customer), &filled, refusal.as_ref()),
        wrong: refusal.as_ref().map(|refusal| refusal.message.clone()),
        synced: customer.is_some_and(|customer| customer.row.customer.erpnext_id.is_some()),
        deleted: customer.is_some_and(is_deleted),
        base: filled.base,
        taken: filled.taken,
    };
    Ok(render_as(refusal.map_or(StatusCode::OK, |refusal| refusal.status), &page))
}

fn is_deleted(customer: &CustomerDetail) -> bool {
    customer.row.deleted_at.is_some()
}

/// The fields that are not ERPNext's; none of a customer that is deleted.
fn offered(state: &State, customer: Option<&CustomerDetail>) -> Vec<&'static Field> {
    if customer.is_some_and(is_deleted) {
        return Vec::new();
    }
    let synced = customer.is_some_and(|customer| customer.row.customer.erpnext_id.is_some());
    field::all().filter(|field| !synced || !state.context.mapping.writes(field.column)).collect()
}

/// What a form had and is not offered any more: the customer became ERPNext's, or was deleted.
fn gone(came: &Marks, offered: &[&'static Field]) -> impl Iterator<Item = &'static Field> {
    field::all().filter(|field| came.contains_key(field.column) && !offered.contains(field))
}

/// What is said where not all of a form can be saved any more, as somebody else changed more than values.
fn stopped(customer: &CustomerDetail, came: &Marks, offered: &[&'static Field]) -> Option<&'static str> {
    if is_deleted(customer) {
        return Some(DELETED);
    }
    gone(came, offered).next().map(|_field| LINKED)
}

/// What was typed into those, with their labels.
fn taken(typed: &Typed, came: &Marks, offered: &[&'static Field]) -> Vec<(&'static str, String)> {
    let edited = edited(typed, came, gone(came, offered));
    let text = |value: &Value| match value {
        Value::Bool(set) => if *set { "yes" } else { "no" }.to_owned(),
        value => field::text(value),
    };
    gone(came, offered).filter_map(|field| Some((field.label, text(edited.get(field.column)?)))).collect()
}

fn groups(offered: &[&'static Field], filled: &Filled, refusal: Option<&Refusal>) -> Vec<Inputs> {
    let input = |field: &&'static Field| {
        let problems = refusal.into_iter().flat_map(|refusal| &refusal.problems);
        let wrong: Vec<&str> =
            problems.filter(|problem| problem.field == field.column).map(|problem| problem.message.as_str()).collect();
        let other = filled.other.get(field.column).cloned();
        Input {
            field: **field,
            value: filled.typed.get(field.column).cloned().unwrap_or_default(),
            wrong: (!wrong.is_empty()).then(|| format!("{} {}.", field.label, wrong.join(", and "))),
            now: other.map(|text| if text.is_empty() { "nothing".to_owned() } else { text }),
        }
    };
    let group = |group: &field::Group| Inputs {
        name: group.name,
        inputs: offered.iter().filter(|field| group.fields.contains(field)).map(input).collect(),
    };
    GROUPS.iter().map(group).filter(|group| !group.inputs.is_empty()).collect()
}
