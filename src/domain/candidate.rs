//! A candidate: a row that a sweep would mark as deleted or left out, and why it thinks so.
//!
//! Invariant: a candidate proves nothing. Once it may be removed its document is read singly, and only that answer counts.

use serde::Serialize;
use utoipa::ToSchema;

use super::customer::CustomerId;

/// A row that a sweep would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candidate {
    /// ERPNext's name of the document, as our row has it.
    pub name: String,
    /// The row.
    #[schema(value_type = i64)]
    pub customer_id: CustomerId,
    /// What speaks against it.
    pub reason: Reason,
}

/// What speaks against a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CandidateReason)]
pub enum Reason {
    /// ERPNext's list of all names lacks it.
    Missing,
    /// It does not match the filter.
    Filtered,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Missing, Self::Filtered];

    /// The value stored in `sync_candidates.reason` and used by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Filtered => "filtered",
        }
    }

    /// The reason of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}
