//! The OpenAPI document of the whole service, made from the code.
//!
//! Invariant: nothing is said twice. What a route takes and answers stands at its handler (`#[utoipa::path]`), who may call it
//! in the table of `api`, what all routes answer alike in `shared`; here they are put together. A handler names the codes of
//! its failures at the beginning of their description: ``(status = 409, description = "`last_admin`: …")``.

mod paths;
mod shared;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde_json::Value;
use utoipa::OpenApi as _;

use super::api::listed_routes;
use paths::Annotated;

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);

/// The document, of version 3.1 of OpenAPI (<https://spec.openapis.org/oas/v3.1.1.html>).
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}

fn build() -> Value {
    let mut document = serde_json::to_value(Annotated::openapi()).unwrap_or_default();
    shared::complete(&mut document, &listed_routes());
    document
}

/// This service as an OpenAPI document
///
/// What code generators and test tools read.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "show_document",
    tag = "service",
    responses((status = 200, description = "The document", body = Object)),
)]
pub(super) async fn show() -> HttpResponse {
    HttpResponse::Ok().json(document())
}
