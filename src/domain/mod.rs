//! The vocabulary of the service: pure data and pure functions.
//!
//! Invariant: nothing in here does I/O, is async, or reads a clock, so every rule can be tested by calling it.
//! What does not live here: SQL (`store`), ERPNext's wire format (`erpnext`), decisions that need either (`sync`).

pub mod audit;
pub mod candidate;
pub mod change;
pub mod customer;
pub mod difference;
pub mod document;
pub mod edit;
pub mod erasure;
pub mod fields;
pub mod filter;
pub mod hint;
pub mod job;
pub mod listing;
pub mod mapping;
pub mod matching;
pub mod plan;
pub mod role;
pub mod run;
pub mod schedule;
pub mod search;
pub mod stamp;
pub mod suggest;
pub mod suggestion;
pub mod time;
pub mod user;
pub mod visible;
pub mod webhook;
pub mod website;
