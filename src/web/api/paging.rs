//! Pages of a list: how long they are, and where the next one is.
//!
//! Invariant: a page goes on behind the key of its last row, never at an offset, so that it costs the same wherever it is
//! and no row is skipped or shown twice while others come and go. What the key is, each resource knows.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::super::error::{Code, Problem};

/// Rows of a page unless told otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;

/// How many rows the caller wants, 1 to 500.
pub(super) fn limit(request: &HttpRequest, wanted: Option<u32>) -> Result<u32, Problem> {
    let limit = wanted.unwrap_or(PAGE);
    if (1..=LONGEST_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(request, Code::BadRequest, format!("limit must be 1 to {LONGEST_PAGE}")))
}

/// An answer with these rows to come; where there may be more, it says in `Link` (RFC 8288) where: `next` gives the address
/// of the page behind that row.
pub(super) fn answer<T>(rows: &[T], limit: u32, next: impl FnOnce(&T) -> String) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if rows.len() == usize::try_from(limit).unwrap_or(usize::MAX)
        && let Some(last) = rows.last()
    {
        response.insert_header((LINK, format!("<{}>; rel=\"next\"", next(last))));
    }
    response
}
