//! Labels that no other layer has a type for.
//!
//! Invariant: each value stands for one thing that can happen, and `ALL` names every one of them, so that it can be shown
//! from zero.

use crate::domain::job::Outcome;

/// What became of a webhook at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Durable, and a job was put.
    Queued,
    /// Durable; its doctype makes no work.
    Ignored,
    /// Durable; it does not tell which document it is about.
    Unusable,
    /// Missing or wrong signature.
    Unsigned,
    /// Larger than the limit.
    Oversized,
    /// Its body did not arrive in time.
    Slow,
    /// Too many at once.
    Overloaded,
    /// The database could not take it.
    Unavailable,
    /// No secret is configured.
    Closed,
}

impl Received {
    /// Every value.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Ignored,
        Self::Unusable,
        Self::Unsigned,
        Self::Oversized,
        Self::Slow,
        Self::Overloaded,
        Self::Unavailable,
        Self::Closed,
    ];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ignored => "ignored",
            Self::Unusable => "unusable",
            Self::Unsigned => "unsigned",
            Self::Oversized => "oversized",
            Self::Slow => "slow",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Closed => "closed",
        }
    }
}

/// How the work on a claimed job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// Settled.
    Done,
    /// Settled: the key may not read the document.
    NotPermitted,
    /// Settled: the document has no row of ours and gets none.
    Skipped,
    /// Due again at once: what ERPNext said has changed meanwhile.
    Again,
    /// Due again at once: the row has changed meanwhile.
    Stale,
    /// Failed; tried again later.
    Retry,
    /// Failed for good.
    Dead,
}

impl JobEnd {
    /// Every value.
    pub const ALL: [Self; 7] =
        [Self::Done, Self::NotPermitted, Self::Skipped, Self::Again, Self::Stale, Self::Retry, Self::Dead];

    /// What an outcome comes to, once it was written.
    #[must_use]
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::NotPermitted => Self::NotPermitted,
            Outcome::Skipped => Self::Skipped,
            Outcome::Again => Self::Again,
            Outcome::Retry { .. } => Self::Retry,
            Outcome::Dead(_) => Self::Dead,
        }
    }

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotPermitted => "not_permitted",
            Self::Skipped => "skipped",
            Self::Again => "again",
            Self::Stale => "stale",
            Self::Retry => "retry",
            Self::Dead => "dead",
        }
    }

    /// Whether the job is not tried again by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::NotPermitted | Self::Skipped | Self::Dead)
    }
}
