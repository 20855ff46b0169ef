//! `/customers`: look customers up; search, filter, sort, page by page.
//!
//! Invariant: the address is the question, so it can be reloaded and passed on, and the page is the same without a script. A
//! page costs the same wherever it is in a list of any length; nothing is counted for it.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::State;
use super::super::error::Problem;
use super::badge::{Badge, badges, title};
use super::frame::{Frame, Reader, Section};
use super::page::render;
use super::question::{Asked, FILTERS, Question};
use super::sync::SyncPanel;
use super::text::sentence;
use super::time::{Moment, distance};
use crate::domain::customer::CustomerId;
use crate::domain::listing::{Cursor, Key, Place, Show};
use crate::domain::role::Role;
use crate::store::{CustomerPage, CustomerRow, StoreError};

/// Customers on one page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "customers.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    sync: SyncPanel,
    question: Question,
    may_change: bool,
    rows: Vec<Row>,
    next: Option<Cursor>,
    previous: Option<Cursor>,
    /// What cannot be understood of the question.
    wrong: Option<String>,
}

/// A customer in the list.
struct Row {
    id: CustomerId,
    title: String,
    customer: CustomerRow,
    badges: Vec<Badge>,
    changed: Option<Moment>,
}

pub(super) async fn show(
    request: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let failed = |error| Problem::store(&request, &error);
    // Before the list is read: what comes meanwhile is told again.
    let seen = state.feed.last().await.map_err(failed)?;
    let (question, place, wrong) = match asked.understood() {
        Ok((question, place)) => (question, place, None),
        Err(wrong) => (Question::default(), Place::First, Some(wrong)),
    };
    let (page, wrong) = match (question.query(), wrong) {
        (Ok(query), None) => {
            let page = state.context.store.list_customers(&query, &place, PAGE).await;
            (page.map_err(failed)?, None)
        }
        (Err(wrong), _) | (Ok(_), Some(wrong)) => {
            (CustomerPage { rows: Vec::new(), next: None, previous: None }, Some(wrong))
        }
    };
    let rows = rows(&state, page.rows).await.map_err(failed)?;
    let may_change = Reader::of(&request)?.role >= Role::Operator;
    let mut frame = Frame::of(&request, &state, Some(Section::Customers), "Customers").await?;
    frame.live = format!("/live?seen={seen}");
    let sync = SyncPanel::of(&request, &state).await?;
    let CustomerPage { next, previous, .. } = page;
    Ok(render(&Page { frame, sync, question, may_change, rows, next, previous, wrong }))
}

async fn rows(state: &State, customers: Vec<CustomerRow>) -> Result<Vec<Row>, StoreError> {
    let ids: Vec<CustomerId> = customers.iter().map(|customer| customer.id).collect();
    let remarks = state.context.store.remarks(&ids).await?;
    let row = |customer: CustomerRow| Row {
        id: customer.id,
        title: title(&customer),
        badges: badges(&customer, remarks.get(&customer.id).copied().unwrap_or_default()),
        changed: customer.updated_at.as_deref().map(distance),
        customer,
    };
    Ok(customers.into_iter().map(row).collect())
}

impl Page {
    /// Whether nobody is there at all.
    fn is_new(&self) -> bool {
        self.question.q.is_empty() && self.question.show == Show::Living && self.is_beginning()
    }

    /// Whether it begins with the first customer of its order.
    fn is_beginning(&self) -> bool {
        self.previous.is_none()
    }

    fn nobody(&self) -> &'static str {
        self.question.filter().map_or("Nobody here", |filter| filter.nobody)
    }

    /// What is shown, for those who hear it: the list changes while one types.
    fn told(&self) -> String {
        match (self.rows.len(), &self.next) {
            (0, _) => "No customers found".to_owned(),
            (1, None) => "1 customer".to_owned(),
            (number, None) => format!("{number} customers"),
            (number, Some(_)) => format!("{number} customers, and there are more"),
        }
    }
}

impl Row {
    /// Town and country, as far as they are known.
    fn place(&self) -> Vec<&str> {
        let parts = [&self.customer.customer.city, &self.customer.customer.country];
        parts.into_iter().flatten().map(String::as_str).collect()
    }

    /// Another text whenever it changed.
    fn version(&self) -> String {
        format!("{} {}", self.id, self.customer.updated_at.as_deref().unwrap_or_default())
    }
}
