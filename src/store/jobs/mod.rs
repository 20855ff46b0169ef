//! `sync_jobs`: the queue, one row per document that needs work.
//!
//! `run_at` says when a job may next be claimed: due time, back-off, or lease expiry; null when dead. `token` is set
//! while a worker holds the job. Invariant: whoever locks several jobs does so in the order of (doctype, name), and
//! after every other lock of its transaction. Retry policy is `worker::dispatch`'s business.

mod actions;
mod claim;
mod list;
mod put;
mod queue;
mod settle;
mod waiting;

pub use actions::Selection;
pub use list::{JobFilter, JobRow, JobState, States};
pub use queue::{Depth, QueueState};
pub use waiting::Pending;

pub(super) use put::{PUT_TEXT, merge, put_batches, put_rows};
pub(super) use queue::MEASURED;
pub(super) use settle::{Settlement, ends_for_run, lock_jobs, settle_jobs};

use super::db::Statement;

pub(super) static ALL: &[&[&Statement]] =
    &[actions::ALL, claim::ALL, list::ALL, put::ALL, queue::ALL, settle::ALL, waiting::ALL];
