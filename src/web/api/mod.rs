//! The JSON API, one file per resource; `table` tells which routes there are and who may call them.
//!
//! Invariant: a handler is reached only by somebody who may, and never asks for a role itself. What it takes and answers it
//! says in `#[utoipa::path]`, and `openapi::paths` lists it.

mod answer;
pub(super) mod audit;
pub(super) mod candidates;
pub(super) mod changes;
mod csv;
pub(super) mod customer;
pub(super) mod customer_export;
pub(super) mod customer_list;
pub(super) mod customers;
pub(super) mod deliveries;
pub(super) mod erase;
mod etag;
pub(super) mod events;
pub(super) mod full_sync;
pub(super) mod jobs;
pub(super) mod links;
mod paging;
pub(super) mod runs;
pub(super) mod schedules;
mod selection;
pub(super) mod session;
pub(super) mod settings;
mod table;
pub(super) mod tokens;
pub(super) mod users;

pub use table::listed_routes;

pub(super) use table::register;
