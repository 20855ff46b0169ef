//! A run: one full run, sweep or catch-up, as history, API and pages show it (`sync_runs`).
//!
//! Invariant: only a full run owns jobs and counts what became of them, each job once; it has ended when its listing and
//! its jobs have. What is not plainly a success is never called one.

use serde::Serialize;
use utoipa::ToSchema;

/// Id of a run; grows with time.
pub type RunId = i64;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Every customer becomes a job.
    Full,
    /// All (name, creation, modified) of ERPNext against ours.
    Sweep,
    /// What `modified` tells since the watermark.
    CatchUp,
}

impl RunKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Full, Self::Sweep, Self::CatchUp];

    /// The value stored in `sync_runs.kind` and used by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sweep => "sweep",
            Self::CatchUp => "catch_up",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on (perhaps paused for now: see the run's `paused`).
    Running,
    /// It would remove more than is allowed without a person, who may approve or discard its list.
    Held,
    /// All of it was done.
    Succeeded,
    /// It came to its end, but not all of it could be done; `message` says what.
    Partial,
    /// It could not be done; `message` says why.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// A person looked at what a held one would have removed and said no.
    Discarded,
    /// A later one took its place.
    Superseded,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Held,
        Self::Succeeded,
        Self::Partial,
        Self::Failed,
        Self::Cancelled,
        Self::Discarded,
        Self::Superseded,
    ];

    /// The value stored in `sync_runs.state` and used by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held => "held",
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
            Self::Superseded => "superseded",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The same as the rest of a sentence about a run.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Running => "is running",
            Self::Held => "is held",
            Self::Succeeded => "succeeded",
            Self::Partial => "ended as partial",
            Self::Failed => "failed",
            Self::Cancelled => "was cancelled",
            Self::Discarded => "was discarded",
            Self::Superseded => "was superseded",
        }
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::Held)
    }
}

/// Why a run was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunCause {
    /// A person, by API, page or command line.
    Person,
    /// Its time had come.
    Schedule,
    /// There had been no finished full run yet.
    First,
    /// The mapping changed, so that every row is made anew.
    Mapping,
    /// The database now belongs to another site.
    NewSite,
    /// A full run has ended, and what it cannot see is looked for.
    AfterFull,
    /// The filter changed.
    Filter,
    /// A comparison found customers that differ.
    Drift,
}

impl RunCause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::Schedule,
        Self::First,
        Self::Mapping,
        Self::NewSite,
        Self::AfterFull,
        Self::Filter,
        Self::Drift,
    ];

    /// The value stored in `sync_runs.cause` and used by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Schedule => "schedule",
            Self::First => "first",
            Self::Mapping => "mapping",
            Self::NewSite => "new_site",
            Self::AfterFull => "after_full",
            Self::Filter => "filter",
            Self::Drift => "drift",
        }
    }

    /// Whether something made it necessary, so that it has to be tried again until it has come to its end.
    #[must_use]
    pub const fn is_needed(self) -> bool {
        matches!(self, Self::First | Self::Mapping | Self::NewSite)
    }

    /// The cause of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// What became of the jobs of a full run; each is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Counts {
    /// New rows.
    pub created: i64,
    /// Rows of which something changed.
    pub updated: i64,
    /// Nothing to write.
    pub unchanged: i64,
    /// Local rows that belong to a document from now on.
    pub linked: i64,
    /// Rows marked deleted.
    pub tombstoned: i64,
    /// Documents that the key may not read; their rows are kept.
    pub not_permitted: i64,
    /// Settled without a row: gone meanwhile, left out by the filter, or asked about.
    pub skipped: i64,
    /// Failed three times or for good; the queue goes on trying those that may still succeed.
    pub failed: i64,
}

impl Counts {
    /// Jobs that were counted.
    #[must_use]
    pub const fn processed(&self) -> i64 {
        self.created
            + self.updated
            + self.unchanged
            + self.linked
            + self.tombstoned
            + self.not_permitted
            + self.skipped
            + self.failed
    }
}
