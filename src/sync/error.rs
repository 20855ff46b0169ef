//! Why a job could not be done, and what that means for it.
//!
//! Invariant: `label` and `disposition` are exhaustive matches, so that a new failure must say whether it is worth
//! another try. Only `worker::dispatch` turns a disposition into the end of a job.

use std::time::Duration;

use crate::erpnext;
use crate::store::{self, StoreError};

/// How long a job waits after our own database failed while it was decided.
const DATABASE_PAUSE: Duration = Duration::from_secs(2);

/// How long a job waits that met a paused site.
const PAUSED: Duration = Duration::from_secs(5);

/// A failure of one job (or of the batch that it was read in).
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// ERPNext or something on the way to it.
    #[error(transparent)]
    Erpnext(#[from] erpnext::Error),
    /// Our own database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key works no more, or ERPNext refuses every one of our requests.
    #[error("the sync is paused: {0}")]
    Paused(String),
    /// The document cannot become a row.
    #[error("this document cannot be stored: {0}")]
    Unmappable(String),
    /// A list leaves the document out, yet a direct read shows it.
    #[error(
        "ERPNext's list leaves this document out although reading it directly works; a permission query in ERPNext \
         may hide it from lists: give the sync user access to it there"
    )]
    ListedDifferently,
    /// What we would write could not be made into JSON.
    #[error("the record could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
    /// The customer was merged into one that is not stored yet, or its links cannot be read.
    #[error("this customer seems to be merged into another one that is not stored yet")]
    MergePending,
    /// Others with the same `creation` are not stored yet, and it may live on as one of them.
    #[error(
        "other customers were created at the very same moment (an import) and are not stored yet; whether this one was \
         renamed or deleted is looked at again later"
    )]
    NamesakesPending,
    /// It was renamed or deleted in ERPNext between two questions about it.
    #[error("this customer was renamed or deleted in ERPNext while it was being read; it is read again")]
    Outdated,
    /// The batch that it was read in would empty one field of most of its customers.
    #[error(
        "this and other customers would lose {field} all at once ({emptied} of the {had} of one batch that have it), so \
         nothing was written. If that is right, retry this job to let it through. If not: has the sync user lost a \
         permission, was a custom field removed in ERPNext, or was the mapping changed? Repair that, then retry"
    )]
    WouldEmpty {
        /// The column of `customers`, `extra.NAME`, `addresses` or `contacts`.
        field: String,
        /// How many would lose it.
        emptied: usize,
        /// How many of the batch have it.
        had: usize,
    },
    /// A row has the document's name whose own document a User Permission hides.
    #[error(
        "another customer had this name before, and ERPNext hides from the sync user what that one is called now: take it \
         out of the User Permissions, or give the sync user access to it; tried again later"
    )]
    NameConcealed,
    /// A defect of this program.
    #[error("reading this customer failed by a defect of Customer Sync; please report it with the log")]
    Panicked,
    /// Names moved in a circle too long to follow at once.
    #[error("more renames hang together than can be followed at once; tried again later")]
    TangledNames,
}

/// What a failure means for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again; burns an attempt. ERPNext may have said when.
    Retry(Option<Duration>),
    /// Nothing is wrong with this job: try again after that long, no attempt burned.
    Snooze(Duration),
    /// A batch hit it: halve the batch to find whose fault it is.
    Split(SplitEnd),
    /// Trying again cannot help.
    Permanent,
}

/// What a `Split` means once a single customer is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitEnd {
    /// An attempt is burned.
    Attempt,
    /// The job is dead with ERPNext's message.
    Dead,
}

impl SyncError {
    /// Stable word for metrics and filters.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Erpnext(error) => error.label(),
            Self::Store(error) => error.label(),
            Self::Paused(_) => "paused",
            Self::Unmappable(_) => "unmappable",
            Self::ListedDifferently => "listed_differently",
            Self::Encode(_) => "encode",
            Self::MergePending => "merge_pending",
            Self::NamesakesPending => "namesakes_pending",
            Self::Outdated => "outdated",
            Self::TangledNames => "tangled_names",
            Self::WouldEmpty { .. } => "would_empty_field",
            Self::NameConcealed => "name_concealed",
            Self::Panicked => "panicked",
        }
    }

    /// Its text without ERPNext's own words, which may name people: for the log above debug.
    #[must_use]
    pub fn without_detail(&self) -> String {
        match self {
            Self::Erpnext(error) => error.without_detail(),
            other => other.to_string(),
        }
    }

    /// Whether whoever found it has told the log already, once for the whole batch.
    #[must_use]
    pub fn was_told(&self) -> bool {
        matches!(self, Self::WouldEmpty { .. })
    }

    /// What it means for the job.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Erpnext(error) => match error.disposition() {
                erpnext::Disposition::RetryAfter(after) => Disposition::Retry(after),
                erpnext::Disposition::Snooze(after) => Disposition::Snooze(after),
                erpnext::Disposition::Permanent => Disposition::Permanent,
                erpnext::Disposition::Split => Disposition::Split(match error {
                    erpnext::Error::Invalid { .. } => SplitEnd::Dead,
                    _ => SplitEnd::Attempt,
                }),
            },
            Self::Store(error) => match error.disposition() {
                store::Disposition::Retry => Disposition::Snooze(DATABASE_PAUSE),
                // What one document makes the database refuse must not hold up its batch, nor go on for ever.
                store::Disposition::Permanent | store::Disposition::Bug => Disposition::Split(SplitEnd::Attempt),
            },
            Self::Paused(_) => Disposition::Snooze(PAUSED),
            Self::ListedDifferently
            | Self::MergePending
            | Self::NamesakesPending
            | Self::Outdated
            | Self::NameConcealed
            | Self::TangledNames => Disposition::Retry(None),
            Self::Panicked => Disposition::Split(SplitEnd::Attempt),
            Self::Unmappable(_) | Self::Encode(_) | Self::WouldEmpty { .. } => Disposition::Permanent,
        }
    }
}
