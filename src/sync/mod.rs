//! The use cases: what a hint means, what ERPNext's answers mean, whose row a document is.
//!
//! Invariant: nothing in here writes a row by itself (but where a person edits or unlinks one), and deciding about customers writes nothing at all. `sync` decides and returns [`Decision`]s; `worker::dispatch`
//! turns them into units and hands them to `store::apply`, the one write path. HTTP status codes live in `web`.

pub mod absence;
pub mod audit;
pub mod catch_up;
pub mod census;
mod concealed;
pub mod conduct;
pub mod customer;
pub mod dossier;
pub mod dry_run;
pub mod edit;
pub mod erase;
pub mod error;
pub mod expand;
pub mod feed;
pub mod filtering;
pub mod full;
pub mod gauges;
pub mod hidden;
pub mod identity;
pub mod installation;
pub mod lately;
pub mod linked;
pub mod links;
pub mod lookup;
pub mod matching;
pub mod moves;
pub mod needed;
pub mod parking;
pub mod passwords;
pub mod progress;
pub mod prune;
pub mod receive;
mod rehearsal;
pub mod report;
pub mod request;
pub mod rules;
pub mod runs;
mod sample;
pub mod schedule;
pub mod sessions;
pub mod site;
pub mod standing;
pub mod sweep;
pub mod tokens;
pub mod users;
pub mod verify;

use std::sync::Arc;

use crate::domain::erasure::Forget;
use crate::domain::job::Put;
use crate::domain::mapping::Mapping;
use crate::domain::plan::Write;
use crate::erpnext::Client;
use crate::inbox::Wake;
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
    /// The document has no row of ours and gets none.
    Skipped,
    /// The document belongs to a customer that was erased: nothing of it is stored.
    Erased(Box<Forget>),
    /// The key may not read the document: its row is kept, with these marks.
    NotPermitted(Vec<Write>),
    /// Another job of the same batch touches the same rows: do this one again after it.
    Again,
    /// It can be decided once these other documents have been; tried again like a failure.
    After(Vec<Put>, SyncError),
    /// It could not be decided; the error's disposition tells what becomes of the job.
    Failed(SyncError),
}

impl Decision {
    /// Only another document needs work.
    #[must_use]
    pub fn put(put: Put) -> Self {
        Self::Write { writes: Vec::new(), puts: vec![put] }
    }

    /// The same, and another document needs work too. What is to be done again meets that one again by itself.
    #[must_use]
    pub fn and(self, put: Put) -> Self {
        match self {
            Self::Write { writes, mut puts } => {
                puts.push(put);
                Self::Write { writes, puts }
            }
            Self::After(mut puts, error) => {
                puts.push(put);
                Self::After(puts, error)
            }
            Self::Skipped => Self::put(put),
            Self::Erased(_) | Self::NotPermitted(_) | Self::Again | Self::Failed(_) => self,
        }
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
    /// Which customers are kept and how they are recognised.
    pub rules: Arc<rules::Rules>,
    /// What we know about the site at the moment (paused, hidden fields).
    pub site: Arc<site::Site>,
    /// Wakes the conductor of this process when a run was started.
    pub runs: Wake,
    /// Wakes the scheduler of this process when a person wants something to run now.
    pub schedules: Wake,
}
