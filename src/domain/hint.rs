//! What a webhook tells us: that a document may have changed. Never the data itself.
//!
//! A [`Doctype`] is one of the three kinds of ERPNext document that make work; hints about any other kind are
//! acknowledged and ignored. Parsing of bodies lives in `sync::receive`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A kind of ERPNext document that the service reads. Ordered, because jobs are locked in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Doctype {
    /// Postal addresses, linked to customers by Dynamic Link.
    Address,
    /// People, linked to customers by Dynamic Link.
    Contact,
    /// The document that becomes a row of `customers`.
    Customer,
}

impl Doctype {
    /// Every doctype, in key order.
    pub const ALL: [Self; 3] = [Self::Address, Self::Contact, Self::Customer];

    /// ERPNext's own name of the doctype.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "Address",
            Self::Contact => "Contact",
            Self::Customer => "Customer",
        }
    }

    /// The doctype of that name, if it is one that makes work.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doctype| doctype.as_str() == name)
    }
}

impl std::fmt::Display for Doctype {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What became of a verified webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It made a job or raised the generation of one.
    Queued,
    /// Its doctype is none of ours.
    Ignored,
    /// Nothing in its body tells which document it is about.
    Unusable,
}

impl Verdict {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Queued, Self::Ignored, Self::Unusable];

    /// The value stored in `sync_deliveries.verdict` and used as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ignored => "ignored",
            Self::Unusable => "unusable",
        }
    }
}

/// When the webhook with that id arrived, by the clock of the process that received it: its id is a UUID of version 7,
/// which begins with the time. `None` for what is no such id.
#[must_use]
pub fn arrived_at(delivery: &str) -> Option<SystemTime> {
    let (seconds, nanoseconds) = Uuid::parse_str(delivery).ok()?.get_timestamp()?.to_unix();
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

/// The beginning of the first id that a webhook can get at that time (milliseconds since 1970 UTC): ids sort by it.
#[must_use]
pub fn first_id_at(milliseconds: i64) -> String {
    let hex = format!("{:012x}", milliseconds.max(0));
    let (high, low) = hex.split_at(8);
    format!("{high}-{low}")
}

/// One verified webhook, as it is stored in `sync_deliveries`. Only a `Queued` one puts a job.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// UUID v7; also the request's id in the log.
    pub id: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The event in Frappe's words (`on_update`, `on_trash` …), if the body had one.
    pub event: Option<String>,
    /// The doctype as the body gave it.
    pub doctype: Option<String>,
    /// The document's name as the body gave it.
    pub name: Option<String>,
    /// The body, cut at 16 KiB on a character boundary.
    pub body: String,
    /// The job to put, for `Verdict::Queued`.
    pub put: Option<super::job::Put>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_of_arrival() {
        let id = Uuid::now_v7().to_string();
        let arrived = arrived_at(&id).and_then(|at| at.duration_since(UNIX_EPOCH).ok()).expect("it has a time");
        let milliseconds = i64::try_from(arrived.as_millis()).expect("a time of today");
        assert!(first_id_at(milliseconds) <= id && id < first_id_at(milliseconds + 1));
        assert!(first_id_at(-1) == first_id_at(0) && first_id_at(0) < id && id < first_id_at(1 << 47));
    }
}
