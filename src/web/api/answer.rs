//! The form of a successful answer.
//!
//! Invariant: what was asked for is under `data`; what is said about it stands beside. Failures are `web::error`'s.

use serde::Serialize;
use utoipa::ToSchema;

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer<T> {
    pub(super) data: T,
}
