//! `POST /api/customers/{id}/erase`.
//!
//! Invariant: for admins only (see `table`), and done when it is answered. There is no way back, so it is a call of its own and no flag of
//! another one. What is erased is `sync::erase`'s and `store::erase`'s business.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::super::State;
use super::super::error::{Code, Problem};
use super::answer::Answer;
use crate::sync::erase::{self, Outcome};

/// Erase a customer for good
///
/// There is no way back. It is done when it is answered.
#[utoipa::path(
    post,
    path = "/api/customers/{id}/erase",
    tag = "customers",
    operation_id = "erase_customer",
    params(("id" = i64, Path, description = "The customer")),
    responses(
        (status = 200, description = "It is erased", body = Answer<Outcome>),
        (status = 404, description = "`not_found`: there is no such customer"),
        (status = 409, description = "`not_erasable`: the database refuses an empty value in one of its columns"),
    ),
)]
pub(super) async fn erase(request: HttpRequest, state: Data<State>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id.parse();
    let id = id.map_err(|_not_a_number| Problem::new(&request, Code::NotFound, "there is no such customer"))?;
    let erased = erase::erase(&state.context.store, id).await.map_err(|error| Problem::erase(&request, &error))?;
    Ok(HttpResponse::Ok().json(Answer { data: erased }))
}
