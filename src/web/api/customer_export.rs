//! `GET /api/customers.csv`: all that the list shows, as a file for spreadsheets.
//!
//! Invariant: rows follow their ids, so whoever is there from beginning to end is in it once, whatever changes meanwhile. One
//! page of customers is in memory at a time, and the next one is read when the reader has taken the one before. A file that
//! ends early, because the database went away or the reader may not know any more, ends as a broken download, never as a
//! shorter file.

use std::io;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::State;
use super::super::auth::Caller;
use super::super::auth::permit::Permit;
use super::super::error::{Code, Problem};
use super::super::places::Place as Turn;
use super::csv::{header, lines};
use super::customer_list::Question;
use crate::domain::listing::{CustomerQuery, Place, Show};
use crate::store::CustomerPage;

/// Customers that are read at once.
const PAGE: u32 = 500;

/// Which customers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// As for the list.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Which of them.
    #[param(value_type = Option<Show>, inline)]
    show: Option<String>,
}

/// The customers of a list as CSV
#[utoipa::path(
    get,
    path = "/api/customers.csv",
    tag = "customers",
    operation_id = "export_customers",
    params(Wanted),
    responses((status = 200, description = "All that the same question to the list shows, in the order of ids, with a header; one at a time for each caller", content_type = "text/csv", body = String)),
)]
pub(super) async fn export(
    request: HttpRequest,
    state: Data<State>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let Wanted { q, show } = wanted.into_inner();
    let question = Question { q, show, sort: None };
    let query = question.query().map_err(|detail| Problem::new(&request, Code::BadRequest, detail))?;
    let permit = Permit::of(&request, &state)?;
    let turn = state.exports.take(Caller::of(&request)?.who.id());
    let turn = turn.map_err(|full| Problem::exporting(&request, full))?;
    // What fails at the beginning is answered, not streamed.
    let first = state.context.store.list_customers(&query, &Place::First, PAGE).await;
    let first = first.map_err(|error| Problem::store(&request, &error))?;
    let export = Export { permit, state, query, _turn: turn };
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"customers.csv\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(stream::try_unfold((export, Step::First(first)), next)))
}

/// A file that is being made.
struct Export {
    permit: Permit,
    state: Data<State>,
    query: CustomerQuery,
    /// Given back with the last page.
    _turn: Turn,
}

enum Step {
    First(CustomerPage),
    Behind(Place),
    End,
}

async fn next((mut export, step): (Export, Step)) -> Result<Option<(Bytes, (Export, Step))>, io::Error> {
    let (mut text, page) = match step {
        Step::End => return Ok(None),
        Step::First(page) => (header().map_err(io::Error::other)?, page),
        Step::Behind(place) => {
            export.permit.renew(&export.state).await.map_err(|_problem| io::Error::other("no longer permitted"))?;
            let page = export.state.context.store.list_customers(&export.query, &place, PAGE).await;
            (Vec::new(), page.map_err(io::Error::other)?)
        }
    };
    text.extend(lines(&page.rows).map_err(io::Error::other)?);
    let step = page.next.map_or(Step::End, |at| Step::Behind(Place::After(at)));
    Ok(Some((Bytes::from(text), (export, step))))
}
