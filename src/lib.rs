//! Customer Sync for ERPNext: keeps the customers of an ERPNext site in your own SQL database.
//!
//! Layers are top-level modules; an arrow is "may import" (`tests/it/structure.rs` enforces it):
//!
//! ```text
//! main ─▶ cli ─▶ app ─▶ web, worker, setup ─▶ sync ─▶ inbox ─▶ store ─▶ domain
//!                                              └────▶ erpnext ─────────▶ domain
//! doctor stands between cli and app: it looks at what all others work with
//! config, telemetry, lifecycle: usable by all, know only domain
//! store never knows erpnext; web, worker and setup never know each other; simulator is known to cli (demo), tests and benches only
//! ```
//!
//! The life of one webhook:
//!
//! ```text
//! ERPNext ── POST /webhooks/erpnext ──▶ web/receiver.rs    raw bytes, HMAC, the hint
//!                                       inbox/             group commit: many requests, one transaction
//!                                       store/jobs.rs      put: insert, or generation + 1
//!         ◀── 202 ──                                       only after the commit
//! worker/   claim (lease) ─▶ sync/customer.rs
//!                            erpnext/            one read path: a batch of 1 to 200 by list calls
//!                            domain/mapping.rs   documents ─▶ record; same hash: nothing to write
//!                            sync/identity.rs    whose row is this? (rename, reuse, true name)
//!                            store/apply.rs      ONE transaction: rows + change + job settled, or nothing
//! ```

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod domain;
pub mod erpnext;
pub mod inbox;
pub mod lifecycle;
pub mod setup;
pub mod simulator;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod web;
pub mod worker;
