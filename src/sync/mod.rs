//! The use cases: what a hint means, what ERPNext's answers mean, whose row a document is.
//!
//! Invariant: nothing in here writes a row by itself. `sync` decides and returns [`Decision`]s; `worker::dispatch`
//! turns them into units and hands them to `store::apply`, the one write path. HTTP status codes live in `web`.

pub mod absence;
pub mod customer;
pub mod error;
pub mod expand;
pub mod gauges;
pub mod hidden;
pub mod identity;
pub mod linked;
pub mod moves;
pub mod receive;
pub mod report;
pub mod request;
pub mod site;
pub mod tokens;

use std::sync::Arc;

use crate::domain::job::Put;
use crate::domain::mapping::Mapping;
use crate::domain::plan::Write;
use crate::erpnext::Client;
use crate::store::Store;

pub use error::SyncError;

/// What was decided for one claimed job.
#[derive(Debug)]
pub enum Decision {
    /// Write these rows, put these jobs, then the job is done. Both empty: nothing had changed.
    Write {
        /// Rows, each with what identity saw of it.
        writes: Vec<Write>,
        /// Further jobs.
        puts: Vec<Put>,
    },
    /// Another job of the same batch touches the same rows: do this one again after it.
    Again,
    /// It could not be decided; the error's disposition tells what becomes of the job.
    Failed(SyncError),
}

impl Decision {
    /// Nothing to write and nothing to put.
    #[must_use]
    pub const fn settled() -> Self {
        Self::Write { writes: Vec::new(), puts: Vec::new() }
    }

    /// Only another document needs work.
    #[must_use]
    pub fn put(put: Put) -> Self {
        Self::Write { writes: Vec::new(), puts: vec![put] }
    }
}

/// What every use case needs; cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Where we keep customers.
    pub store: Store,
    /// Where they come from.
    pub client: Client,
    /// How their fields become columns.
    pub mapping: Arc<Mapping>,
    /// What we know about the site at the moment (paused, hidden fields).
    pub site: Arc<site::Site>,
}
