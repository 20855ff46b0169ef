//! `GET /api/customers`: search, filter, sort, page.
//!
//! Invariant: an unknown parameter or word is an error that says what there is, never ignored. The addresses of other pages,
//! in `Link`, ask the same question. How pages are found is `store::customers`'s business.

use actix_web::http::header::LINK;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use super::paging;
use crate::domain::listing::{Cursor, CustomerQuery, Place, Show, Sort};
use crate::domain::search::Search;
use crate::store::{CustomerPage, CustomerRow};

/// Which customers, in which order.
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) q: Option<String>,
    pub(super) show: Option<String>,
    pub(super) sort: Option<String>,
}

impl Question {
    /// The question, understood.
    pub(super) fn query(&self) -> Result<CustomerQuery, String> {
        Ok(CustomerQuery {
            search: Search::parse(self.q.as_deref().unwrap_or_default())?,
            show: self.show.as_deref().map(Show::parse).transpose()?.unwrap_or_default(),
            sort: self.sort.as_deref().map(Sort::parse).transpose()?.unwrap_or_default(),
        })
    }

    /// The same as the query of an address, without its end.
    fn written(&self) -> String {
        let given = [("q", &self.q), ("show", &self.show), ("sort", &self.sort)];
        let pairs = given.into_iter().filter_map(|(name, value)| {
            Some(format!("{name}={}&", utf8_percent_encode(value.as_deref()?, NON_ALPHANUMERIC)))
        });
        pairs.collect()
    }
}

// Flattened parts would accept unknown parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Each word begins a word of name, ERPNext id, e-mail, phone or tax number; at most ten words. Without a word, like `%`,
    /// nobody is found; blank, everybody.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Which of them.
    #[param(value_type = Option<Show>, inline)]
    show: Option<String>,
    /// By what; descending behind a `-`.
    #[param(pattern = "^-?(id|name|updated|created)$", default = "id")]
    sort: Option<String>,
    /// Behind this place: an id where the list is sorted by id, else as `Link` has it.
    after: Option<String>,
    /// Before this place, likewise.
    before: Option<String>,
    /// Rows wanted, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Look customers up
#[utoipa::path(
    get,
    path = "/api/customers",
    tag = "customers",
    operation_id = "list_customers",
    params(Paging),
    responses((status = 200, description = "Customers; `Link` has the next page and the one before", body = Answer<Vec<CustomerRow>>)),
)]
pub(super) async fn list(
    request: HttpRequest,
    state: Data<State>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let Paging { q, show, sort, after, before, limit } = paging.into_inner();
    let limit = paging::limit(&request, limit)?;
    let question = Question { q, show, sort };
    let bad = |detail| Problem::new(&request, Code::BadRequest, detail);
    let query = question.query().map_err(bad)?;
    let place = place(after.as_deref(), before.as_deref(), query.sort).map_err(bad)?;
    let page = state.context.store.list_customers(&query, &place, limit).await;
    let page = page.map_err(|error| Problem::store(&request, &error))?;
    let mut response = HttpResponse::Ok();
    for link in links(&question, &page, query.sort, limit) {
        response.append_header((LINK, link));
    }
    Ok(response.json(Answer { data: page.rows }))
}

fn place(after: Option<&str>, before: Option<&str>, sort: Sort) -> Result<Place, String> {
    match (after, before) {
        (None, None) => Ok(Place::First),
        (Some(after), None) => Cursor::parse(after, sort).map(Place::After),
        (None, Some(before)) => Cursor::parse(before, sort).map(Place::Before),
        (Some(_), Some(_)) => Err("send after or before, not both".to_owned()),
    }
}

/// Where the neighbours of a page are (RFC 8288).
fn links(question: &Question, page: &CustomerPage, sort: Sort, limit: u32) -> Vec<String> {
    let same = question.written();
    let link = |relation: &str, side: &str, at: &Cursor| {
        format!("</api/customers?{same}{side}={}&limit={limit}>; rel=\"{relation}\"", at.written(sort))
    };
    let next = page.next.as_ref().map(|at| link("next", "after", at));
    next.into_iter().chain(page.previous.as_ref().map(|at| link("prev", "before", at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pages_ask_the_same_question() {
        let question = Question { q: Some("a&b=\"<ü".to_owned()), show: Some("local".to_owned()), sort: None };
        let at = Cursor { key: None, id: 7 };
        let page = CustomerPage { rows: Vec::new(), next: Some(at.clone()), previous: Some(at) };
        let links = links(&question, &page, Sort::default(), 5);
        let same = "/api/customers?q=a%26b%3D%22%3C%C3%BC&show=local";
        assert_eq!(
            links,
            [format!("<{same}&after=7&limit=5>; rel=\"next\""), format!("<{same}&before=7&limit=5>; rel=\"prev\"")]
        );
    }

    #[test]
    fn a_place_is_behind_or_before_something() {
        assert_eq!(place(None, None, Sort::default()), Ok(Place::First));
        assert_eq!(place(Some("7"), None, Sort::default()), Ok(Place::After(Cursor { key: None, id: 7 })));
        assert!(place(Some("7"), Some("8"), Sort::default()).is_err());
    }
}
