//! One change of one customer, as history and change feed show it (`customer_changes`).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What happened to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// The row was inserted.
    Created,
    /// Fields, addresses or contacts changed.
    Updated,
    /// ERPNext's name of it changed (other fields may have changed too).
    Renamed,
    /// It was marked deleted.
    Deleted,
    /// It was merged into another customer and marked deleted.
    Merged,
    /// A deleted one came back.
    Restored,
    /// A local row was linked to a document of ERPNext; `matched_by` among the fields says why.
    Linked,
    /// The link to ERPNext was taken away; the row is local again.
    Unlinked,
    /// It is in ERPNext, but the configured filter leaves it out from now on.
    Filtered,
    /// Its personal data was erased for good; earlier changes keep their fields' names, without values.
    Erased,
}

impl ChangeKind {
    /// The stored value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Renamed => "renamed",
            Self::Deleted => "deleted",
            Self::Merged => "merged",
            Self::Restored => "restored",
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
            Self::Filtered => "filtered",
            Self::Erased => "erased",
        }
    }
}

/// One field's old and new value. `field` is a column of `customers`, or `addresses` / `contacts` with the whole lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldChange {
    /// Which field.
    pub field: String,
    /// Before; null for none.
    pub old: Value,
    /// After; null for none.
    pub new: Value,
}
