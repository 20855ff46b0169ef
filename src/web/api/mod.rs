//! The JSON API, one file per resource; `table` tells which routes there are and who may call them.
//!
//! Invariant: a handler is reached only by somebody who may, and never asks for a role itself.

mod audit;
mod candidates;
mod changes;
mod customers;
mod erase;
mod events;
mod full_sync;
mod jobs;
mod links;
mod paging;
mod runs;
mod schedules;
mod session;
mod table;
mod tokens;
mod users;

pub use table::{ListedRoute, listed_routes};

pub(super) use table::register;
