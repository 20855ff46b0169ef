//! What a worker decided to do, before anything is written: the one thing `store::apply` takes.
//!
//! Invariant: a [`Unit`] is done whole or not at all, in one transaction with the settlement of its job; it names what
//! identity saw of each row ([`Seen`]), and a row that looks different by then sends the unit back to be repeated.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::customer::{CustomerId, Record};
use super::document::Unknown;
use super::erasure::Forget;
use super::fields::flatten;
use super::job::{Claim, JobError, Outcome, Put};
use super::matching::MatchedBy;
use super::suggestion::Suggestion;

/// The work of one claimed job.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The job that this settles.
    pub claim: Claim,
    /// Rows to write; empty for an unchanged customer.
    pub writes: Vec<Write>,
    /// Further jobs.
    pub puts: Vec<Put>,
    /// How the job ends if all of it can be written.
    pub outcome: Outcome,
}

/// A row as identity saw it; compared again under lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Row of `customers`.
    pub id: CustomerId,
    /// Its name in ERPNext; null while local or displaced.
    pub erpnext_id: Option<String>,
    /// `creation` as ERPNext gave it; null for an adopted row not read yet.
    pub creation: Option<String>,
    /// Content hash; null for an adopted row not read yet.
    pub hash: Option<String>,
}

/// One row to write.
#[derive(Debug, Clone)]
pub enum Write {
    /// Inserts or updates customer, addresses, contacts and state. Revives a tombstone.
    /// A name that differs from the seen one is a rename: the former (name, creation) becomes an alias.
    Upsert(Box<Upsert>),
    /// Writes `sync_state` only; counts as unchanged.
    Note {
        /// The row.
        seen: Seen,
        /// Its new state.
        state: State,
    },
    /// Marks a known row as not readable; nothing else of it changes.
    MarkUnknown {
        /// The row.
        seen: Seen,
        /// All parts that are unknown now.
        unknown: Unknown,
    },
    /// Gives a displaced row the name that ERPNext has for its `creation`; the put of that name brings the data.
    Rename {
        /// The row.
        seen: Seen,
        /// Its new name.
        to: String,
    },
    /// Sets `deleted_at` and `gone`, and empties the content hash (so that whoever looked before no longer matches, and a revival
    /// always differs); `release_name` also moves its name to the aliases, because another row takes it.
    Tombstone {
        /// The row.
        seen: Seen,
        /// Why.
        gone: Gone,
        /// Whether `erpnext_id` becomes null.
        release_name: bool,
    },
    /// The document is there, but the filter leaves it out: the row becomes a tombstone, or stays one, and goes on
    /// following the document's name; nothing of the document's content is stored.
    LeaveOut(Box<LeaveOut>),
    /// Asks a person whether a row that was there before and a document of ERPNext are the same customer. Touches no row,
    /// but is stale where the row is gone or has got a document meanwhile.
    Suggest(Suggestion),
    /// The document belongs to a customer that was erased: its row stays empty, and what came in with its name is forgotten.
    Forget(Box<Forget>),
}

/// Why a row is a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// ERPNext has the document no more.
    Deleted,
    /// It was merged into that customer.
    Merged(CustomerId),
    /// It is there, but the configured filter leaves it out.
    Filtered,
}

impl Gone {
    /// The value stored in `sync_state.gone`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Merged(_) => "merged",
            Self::Filtered => "filtered",
        }
    }

    /// The customer that it was merged into.
    #[must_use]
    pub const fn merged_into(self) -> Option<CustomerId> {
        match self {
            Self::Merged(into) => Some(into),
            Self::Deleted | Self::Filtered => None,
        }
    }
}

impl Write {
    /// The row that it expects, if it is not a new one.
    #[must_use]
    pub fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Upsert(upsert) => upsert.target.as_ref(),
            Self::LeaveOut(left) => Some(&left.seen),
            Self::Note { seen, .. }
            | Self::MarkUnknown { seen, .. }
            | Self::Rename { seen, .. }
            | Self::Tombstone { seen, .. } => Some(seen),
            Self::Suggest(_) | Self::Forget(_) => None,
        }
    }
}

impl Upsert {
    /// All fields of the row afterwards, `before` being those that it has (as [`flatten`] gives them).
    ///
    /// # Errors
    /// Where the record cannot be JSON, which its types rule out.
    pub fn fields_over(&self, before: &Map<String, Value>) -> Result<Map<String, Value>, serde_json::Error> {
        let mut fields = flatten(&self.record)?;
        for column in &self.keep {
            if let Some(kept) = before.get(*column) {
                fields.insert((*column).to_owned(), kept.clone());
            }
        }
        Ok(fields)
    }

    /// Whether the document has no row yet: it gets a new one, or one that was there before.
    #[must_use]
    pub fn places(&self) -> bool {
        self.target.as_ref().is_none_or(|seen| {
            seen.creation.is_none() && seen.erpnext_id.as_ref() != self.record.customer.erpnext_id.as_ref()
        })
    }
}

/// A customer to insert or update.
#[derive(Debug, Clone)]
pub struct Upsert {
    /// The row to update; `None` inserts.
    pub target: Option<Seen>,
    /// For a new row: the rows that had its `creation` when identity looked. Another one by the time of the insert means
    /// that the document was stored under another name meanwhile, and the unit goes back to be repeated.
    pub namesakes: BTreeSet<CustomerId>,
    /// The values.
    pub record: Record,
    /// Why a row that was there before gets this document; the history says it, and it must still hold under lock.
    pub matched_by: Option<MatchedBy>,
    /// Columns of `customers` whose present value stays, because the new one cannot be stored or the mapping has none.
    pub keep: Vec<&'static str>,
    /// The bookkeeping beside it.
    pub state: State,
}

/// A known customer that the filter leaves out.
#[derive(Debug, Clone)]
pub struct LeaveOut {
    /// The row; it was read before, so it has a state.
    pub seen: Seen,
    /// ERPNext's name of the document.
    pub name: String,
    /// Its `creation`, as given.
    pub creation: String,
    /// Its `modified`, as given.
    pub modified: String,
}

/// A row of `sync_state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// ERPNext's `creation`, as given.
    pub creation: String,
    /// ERPNext's `modified`, as given.
    pub modified: String,
    /// Hash of what is written to the public tables (64 hex digits).
    pub hash: String,
    /// Hash of the document and of the mapping applied to it (64 hex digits); see [`super::fields::document_hash`].
    pub document_hash: String,
    /// The canonical document as JSON.
    pub document: String,
    /// Parts that could not be read.
    pub unknown: Unknown,
    /// Values that could not be stored, one sentence each; null when none.
    pub problems: Option<String>,
}

/// What `store::apply` did, for metrics, logs and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A new row.
    Created,
    /// A row changed (also renamed or revived).
    Updated,
    /// Nothing to write to `customers`.
    Unchanged,
    /// A tombstone.
    Tombstoned,
    /// A local row that belongs to a document of ERPNext from now on.
    Linked,
    /// A row that was erased, and stays so although ERPNext has its document.
    Erased,
}

impl Effect {
    /// Every effect.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Updated, Self::Unchanged, Self::Tombstoned, Self::Linked, Self::Erased];

    /// Whether the row of the customer is another one than before.
    #[must_use]
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::Unchanged | Self::Erased)
    }

    /// Metric label and API word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Tombstoned => "tombstoned",
            Self::Linked => "linked",
            Self::Erased => "erased",
        }
    }
}

/// What became of one unit.
#[derive(Debug, Clone)]
pub enum Applied {
    /// Written and settled; one effect per write of a row (none for a unit without them), with the row's id.
    Written(Vec<(CustomerId, Effect)>),
    /// A row had changed since identity saw it: nothing written, the job is due again.
    Stale,
    /// The lease was lost: nothing written, whoever holds the job now does it.
    LeaseLost,
    /// The database refuses a value of this unit: nothing written, the job is dead with that reason.
    Refused(JobError),
}
