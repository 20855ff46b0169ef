//! A question for a person: are this row and this document of ERPNext the same customer? (`sync_suggestions`)
//!
//! Invariant: there is one question per pair of name and row, and a decided one is not asked again, unless another
//! document (of another `creation`) has the name by then. When a question comes up is decided in `sync::matching`.

use serde::Serialize;
use utoipa::ToSchema;

use super::customer::CustomerId;

/// A row and a document that may be the same customer (`sync_suggestions`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// ERPNext's name of the document; for [`SuggestionKind::Missing`] the name that the row has.
    pub name: String,
    /// Its `creation`; empty where there is none.
    pub creation: String,
    /// The row.
    pub customer: CustomerId,
    /// What the question is.
    pub kind: SuggestionKind,
    /// Which keys speak for it, for people (`email`, `tax_number` …).
    pub matched_by: String,
}

/// What a person is asked about a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// Several rows or several documents match: which belong together?
    Ambiguous,
    /// An adopted row names a document that ERPNext does not have: which one is meant, if any?
    Missing,
    /// A person asked for the link; accepted from the beginning.
    Asked,
}

impl SuggestionKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Ambiguous, Self::Missing, Self::Asked];

    /// The value stored in `sync_suggestions.kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Missing => "missing",
            Self::Asked => "asked",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionState {
    /// Nobody has decided yet; the document gets no row so long.
    Open,
    /// A person said yes; a worker links them.
    Accepted,
    /// A person said no: they are not linked by themselves.
    Rejected,
    /// Linked, or no longer a question.
    Done,
}

impl SuggestionState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Accepted, Self::Rejected, Self::Done];

    /// The value stored in `sync_suggestions.state` and used by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Done => "done",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
