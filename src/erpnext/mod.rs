//! The client of ERPNext, in ERPNext's own words: what to ask, how to ask it politely, what an answer means.
//!
//! Invariant: an answer counts as ERPNext's only with its own marks (JSON with `message` or `data`, an error with
//! `exc_type`); whatever a proxy or another site says becomes [`Error::NotErpnext`] and never looks like a missing
//! document. Nothing but `admin`, which `setup` uses with an administrator's key, writes to ERPNext. What does not live
//! here: what follows from an answer (`sync`), mapping (`domain`), retries (`worker`).

mod about;
pub mod admin;
mod answer;
mod batch;
mod breaker;
mod build;
mod client;
mod connect;
mod errors;
mod gate;
mod list;
mod message;
mod meta;
pub mod names;
mod options;
mod pacing;
mod reach;
mod refusal;
mod retry_after;
mod rows;
pub mod signature;
mod transport;
mod window;

pub use batch::{Access, Batch, Canaries, Fields, Readable};
pub use breaker::BreakerState;
pub use build::BuildError;
pub use client::Client;
pub use connect::ConnectCause;
pub use errors::{Disposition, Error};
pub use list::List;
pub use meta::DoctypeMeta;
pub use options::{Call, Observer, Options};
pub use pacing::{Budget, Work};
pub use reach::{INSTALLATION, Reached, readiness};
pub use rows::Rows;
