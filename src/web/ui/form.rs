//! What a form sends.
//!
//! Invariant: the guard has read the body and checked its proof already; here it only becomes fields. A form of ours has
//! exactly the fields that its page has, so anything else is refused.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Query};
use serde::de::DeserializeOwned;
use url::form_urlencoded::{Serializer, parse};

use super::super::auth::CSRF_FIELD;
use super::super::error::{Code, Problem};

/// The fields of a form (`application/x-www-form-urlencoded`), without its proof.
pub(super) fn fields<T: DeserializeOwned>(request: &HttpRequest, body: &Bytes) -> Result<T, Problem> {
    let own = parse(body).filter(|(name, _value)| name != CSRF_FIELD);
    let text = Serializer::new(String::new()).extend_pairs(own).finish();
    let fields = Query::<T>::from_query(&text);
    let fields = fields.map_err(|error| Problem::new(request, Code::BadRequest, error.to_string()))?;
    Ok(fields.into_inner())
}
