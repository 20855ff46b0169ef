//! A job: one document that needs work. The queue holds one row per (doctype, name), however many hints came.
//!
//! Invariant: a [`Claim`] may write only while the queue still shows its token; generation tells whether another
//! hint arrived meanwhile. The statements are in `store::jobs`, the retry policy in `worker::dispatch`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hint::Doctype;
use super::run::RunId;

/// Key of the queue. Ordered: every transaction locks jobs in this order (bytewise, like the databases' binary collation).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
pub struct DocKey {
    /// Kind of the document.
    pub doctype: Doctype,
    /// Its name, exactly as given.
    pub name: String,
}

impl DocKey {
    /// The key of a Customer.
    #[must_use]
    pub fn customer(name: impl Into<String>) -> Self {
        Self { doctype: Doctype::Customer, name: name.into() }
    }
}

/// Which queue a job waits in; a claim takes the fast lane first, so bulk work never delays a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Hints and people.
    Fast,
    /// Runs, polling, and expansions to more than 50 customers.
    Bulk,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Fast, Self::Bulk];

    /// Metric label and API word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Bulk => "bulk",
        }
    }

    /// The value stored in `sync_jobs.lane`: 0 or 1.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        match self {
            Self::Fast => 0,
            Self::Bulk => 1,
        }
    }

    /// The lane of a stored value; anything but 0 is bulk.
    #[must_use]
    pub const fn from_i64(value: i64) -> Self {
        if value == 0 { Self::Fast } else { Self::Bulk }
    }
}

/// Who asked for the work. Ordered by weight: when causes meet in one job the greatest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A sweep: our names compared with ERPNext's.
    Sweep,
    /// A catch-up: what `modified` tells.
    CatchUp,
    /// A full run.
    Full,
    /// A person, by API, page or command line.
    Person,
    /// A webhook; its delivery id goes with it.
    Webhook,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 5] = [Self::Sweep, Self::CatchUp, Self::Full, Self::Person, Self::Webhook];

    /// The value stored in `sync_jobs.cause` and `customer_changes.cause`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::CatchUp => "catch_up",
            Self::Full => "full",
            Self::Person => "person",
            Self::Webhook => "webhook",
        }
    }

    /// The stored weight: a number, so that SQL can take the greater one.
    #[must_use]
    pub const fn weight(self) -> i64 {
        match self {
            Self::Sweep => 5,
            Self::CatchUp => 10,
            Self::Full => REVIVES,
            Self::Person => 20,
            Self::Webhook => 30,
        }
    }

    /// The cause of a stored weight.
    #[must_use]
    pub const fn from_weight(weight: i64) -> Self {
        match weight {
            ..10 => Self::Sweep,
            10..REVIVES => Self::CatchUp,
            REVIVES..20 => Self::Full,
            20..30 => Self::Person,
            30.. => Self::Webhook,
        }
    }

    /// Who found it, as the metric of changes tells it: a growing `polling` says that webhooks are lost.
    #[must_use]
    pub const fn found_by(self) -> &'static str {
        match self {
            Self::Sweep | Self::CatchUp => "polling",
            Self::Full => "full",
            Self::Person => "person",
            Self::Webhook => "webhook",
        }
    }
}

/// Causes of this weight or more revive a dead job and reset its attempts (hints, people, full runs). The others are
/// polling: they keep attempts and back-off, and revive only where `modified` differs from the one polling gave before, or
/// where they are the first to say that the document is gone.
pub const REVIVES: i64 = 15;

/// A request to put a job: inserts it, or raises the generation of the one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The document that needs work.
    pub key: DocKey,
    /// Lowers the lane of a waiting job, never raises it.
    pub lane: Lane,
    /// Kept where greater than the waiting job's.
    pub cause: Cause,
    /// The delivery that caused it; replaces the waiting job's together with `cause`.
    pub delivery_id: Option<String>,
    /// Something says that the document is gone, or that a person agreed to its removal; or-ed into the waiting job.
    pub absent: bool,
    /// The full run that owns the job from now on; kept where `None`.
    pub run: Option<RunId>,
    /// `modified` of the document as polling saw it.
    pub modified: Option<String>,
}

impl Put {
    /// A put without anything special: not absent, owned by no run.
    #[must_use]
    pub const fn new(key: DocKey, lane: Lane, cause: Cause) -> Self {
        Self { key, lane, cause, delivery_id: None, absent: false, run: None, modified: None }
    }
}

/// A job as claimed by one worker.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The document.
    pub key: DocKey,
    /// Lane it waited in.
    pub lane: Lane,
    /// Random, non-zero; the lease is ours while the row shows it.
    pub token: i64,
    /// As it was at the claim; a greater one in the row means another hint came.
    pub generation: i64,
    /// Attempts burned so far.
    pub attempts: i64,
    /// Who asked.
    pub cause: Cause,
    /// The delivery that asked.
    pub delivery_id: Option<String>,
    /// Something said that the document is gone.
    pub absent: bool,
    /// The full run that owns it.
    pub run: Option<RunId>,
    /// `modified` of the document as polling saw it last.
    pub modified: Option<String>,
}

impl Claim {
    /// A put that hands this job's cause on to another document, and with it the stamp that polling saw: a customer whose
    /// job is dead deserves another attempt once its Address was edited, and only one for each edit.
    #[must_use]
    pub fn inherit(&self, key: DocKey) -> Put {
        let (delivery_id, modified) = (self.delivery_id.clone(), self.modified.clone());
        Put { delivery_id, modified, ..Put::new(key, self.lane, self.cause) }
    }
}

/// Why an attempt failed: `label` for metrics and filters (bounded set), `message` for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// Short stable word, e.g. `timeout`, `not_permitted`.
    pub label: &'static str,
    /// What is wrong and what to do, including ERPNext's own message where there is one.
    pub message: String,
}

impl JobError {
    /// Longest message in characters; databases and proxies have been seen to say more than anybody reads.
    const LONGEST: usize = 2_000;

    /// An error with that label; a longer message is cut.
    #[must_use]
    pub fn new(label: &'static str, mut message: String) -> Self {
        if let Some((end, _char)) = message.char_indices().nth(Self::LONGEST) {
            message.truncate(end);
            message.push('…');
        }
        Self { label, message }
    }
}

/// How a claimed job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Deleted, unless its generation moved on: then due at once.
    Done,
    /// As `Done`, for a document that the key may not read; a run counts it apart.
    NotPermitted,
    /// As `Done`, for a document that has no row of ours and gets none; a run counts it apart.
    Skipped,
    /// Due at once, no attempt burned (what identity saw has changed).
    Again,
    /// Due again after a while.
    Retry {
        /// Counted from the database's clock.
        after: Duration,
        /// Whether an attempt is burned.
        burn: bool,
        /// Kept in `last_error`.
        error: JobError,
    },
    /// Visible and revivable: a hint or a person revives it.
    Dead(JobError),
}

#[cfg(test)]
mod tests {
    use super::JobError;

    #[test]
    fn long_messages_are_cut_between_characters() {
        let short = JobError::new("invalid", "ä".repeat(2_000));
        assert_eq!(short.message.chars().count(), 2_000);
        let long = JobError::new("invalid", "ä".repeat(2_001));
        assert!(long.message.ends_with("ä…") && long.message.chars().count() == 2_001);
    }
}
