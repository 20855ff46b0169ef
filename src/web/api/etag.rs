//! Entity tags (RFC 9110, section 8.8): which version of a customer an answer shows, and which one a request is about.
//!
//! Invariant: a tag is strong and changes with everything that the answer shows, whoever wrote it. Answers stay `no-store`
//! all the same: nothing private is to be left in caches, and a client that keeps a copy itself can ask with its tag.
//! Whether a version is still the present one is decided where the row is locked (`store::edit`), not here.

use actix_web::http::header::{ETag, EntityTag, Header, IF_MATCH, IfMatch, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::super::error::Problem;
use crate::domain::edit::Expected;
use crate::store::CustomerDetail;

/// `response` with the tag of the customer that it shows.
pub(super) fn tagged(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    customer: &CustomerDetail,
) -> Result<HttpResponseBuilder, Problem> {
    response.insert_header(ETag(tag(request, customer)?));
    Ok(response)
}

/// 304 where the client has this version of the customer.
pub(super) fn unchanged(request: &HttpRequest, customer: &CustomerDetail) -> Result<Option<HttpResponse>, Problem> {
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) if !tags.is_empty() => {
            let present = tag(request, customer)?;
            tags.iter().any(|known| known.weak_eq(&present))
        }
        Ok(IfNoneMatch::Items(_)) | Err(_) => false,
    };
    if !known {
        return Ok(None);
    }
    let mut response = tagged(request, HttpResponse::NotModified(), customer)?;
    Ok(Some(response.finish()))
}

/// The version that the client means to change.
pub(super) fn expected(request: &HttpRequest) -> Expected {
    if !request.headers().contains_key(IF_MATCH) {
        return Expected::Any;
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Expected::Any,
        // A weak tag says nothing about every byte, so it is never the version to change.
        Ok(IfMatch::Items(tags)) => {
            Expected::OneOf(tags.into_iter().filter(|tag| !tag.weak).map(|tag| tag.tag().to_owned()).collect())
        }
        Err(_unreadable) => Expected::OneOf(Vec::new()),
    }
}

fn tag(request: &HttpRequest, customer: &CustomerDetail) -> Result<EntityTag, Problem> {
    let version = customer.version().map_err(|error| Problem::store(request, &error))?;
    Ok(EntityTag::new_strong(version))
}
