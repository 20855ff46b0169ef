//! Webhooks as people look at them: those that match, newest first, and one with its body.
//!
//! Invariant: only reads, and each of them bounded. Ids are in the order of time and no other index is kept (each would cost
//! the acknowledgements), so whatever filters looks at so many webhooks and says where to go on: a page may hold fewer than
//! were wanted, even none, and still not be the last.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::db::{Arg, Row, Statement};
use super::super::{Store, StoreError};
use crate::domain::hint::Verdict;
use crate::domain::job::DocKey;
use crate::domain::time::iso;

pub(in crate::store) static ALL: &[&Statement] = &[&PAGE, &LOOKED_AT, &ONE];

/// So many webhooks one page looks at where it may leave some out.
const LOOK_BACK: u32 = 10_000;
/// Greater than any id.
const NEWEST: &str = "~";

const COLUMNS: &str = "d.id, d.received_at, d.event, d.doctype, d.name, d.verdict";

// Bodies are not read of what is left out. Names are compared by us: a set of them costs MariaDB seconds, and some
// collations let through what differs in case or accents only.
static PAGE: Statement = Statement::built(|_| {
    format!(
        "SELECT {COLUMNS} FROM (SELECT id, received_at, event, doctype, name, verdict FROM sync_deliveries \
            WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?) AS d \
         WHERE (? = '' OR d.verdict = ?) AND (? = '' OR d.event = ?) AND (? = '' OR d.doctype = ?) ORDER BY d.id DESC"
    )
});

// The last one that a page looked at, if there may be more behind it.
static LOOKED_AT: Statement =
    Statement::same("SELECT id FROM sync_deliveries WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT 1 OFFSET ?");

static ONE: Statement =
    Statement::built(|_| format!("SELECT {COLUMNS}, d.body FROM sync_deliveries AS d WHERE d.id = ?"));

/// Which webhooks are meant; what is not given does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// With this outcome.
    pub verdict: Option<Verdict>,
    /// Of this event, in Frappe's words.
    pub event: Option<String>,
    /// About this kind of document.
    pub doctype: Option<String>,
    /// About a document of exactly this name.
    pub name: Option<String>,
    /// About one of these documents.
    pub about: Option<Vec<DocKey>>,
}

/// Where a page of webhooks begins and ends, as ids (or beginnings of ids).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryRange {
    /// Only those before this one: the last that was seen, or a time.
    pub before: Option<String>,
    /// Only this one and later ones.
    pub from: Option<String>,
}

/// A webhook without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryRow {
    /// Its id; also the request's id in the log.
    pub id: String,
    /// When it was stored, as RFC 3339.
    pub received_at: String,
    /// The event in Frappe's words.
    pub event: Option<String>,
    /// The kind of document that it is about.
    pub doctype: Option<String>,
    /// The name of that document.
    pub name: Option<String>,
    /// What became of it.
    #[schema(value_type = Verdict)]
    pub verdict: String,
}

/// A page of webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Those that match, the newest first.
    pub rows: Vec<DeliveryRow>,
    /// Before which one to go on; `None` where there is nothing more.
    pub next: Option<String>,
}

/// A webhook with its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeliveryWithBody)]
pub struct DeliveryDetail {
    /// The webhook.
    #[serde(flatten)]
    pub row: DeliveryRow,
    /// What it said, cut at 16 KiB; empty where the customer was erased.
    pub body: String,
}

impl DeliveryFilter {
    fn matches(&self, row: &DeliveryRow) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let is_about =
            |key: &DocKey| row.name.as_ref() == Some(&key.name) && row.doctype.as_deref() == Some(key.doctype.as_str());
        self.verdict.is_none_or(|verdict| verdict.as_str() == row.verdict)
            && same(&self.event, &row.event)
            && same(&self.doctype, &row.doctype)
            && same(&self.name, &row.name)
            && self.about.as_ref().is_none_or(|keys| keys.iter().any(is_about))
    }
}

impl Store {
    /// At most `limit` webhooks that match, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        range: &DeliveryRange,
        limit: u32,
    ) -> Result<DeliveryPage, StoreError> {
        let what = "list webhooks";
        let look_back = if *filter == DeliveryFilter::default() { limit } else { LOOK_BACK };
        let (before, from) = (range.before.as_deref().unwrap_or(NEWEST), range.from.as_deref().unwrap_or_default());
        let [before, from, verdict, event, doctype] = [
            before,
            from,
            filter.verdict.map_or("", Verdict::as_str),
            filter.event.as_deref().unwrap_or_default(),
            filter.doctype.as_deref().unwrap_or_default(),
        ]
        .map(Arg::Text);
        let args = [before, from, Arg::Int(i64::from(look_back)), verdict, verdict, event, event, doctype, doctype];
        let found = self.read(what, &PAGE, &args).await?;
        let rows = found.iter().map(delivery).collect::<Result<Vec<_>, _>>();
        let mut rows = rows.map_err(|error| StoreError::of(what, error))?;
        rows.retain(|row| filter.matches(row));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = match rows.last() {
            Some(last) if rows.len() == usize::try_from(limit).unwrap_or(usize::MAX) => Some(last.id.clone()),
            _ => {
                let found = self.read(what, &LOOKED_AT, &[before, from, Arg::Int(i64::from(look_back) - 1)]).await?;
                found.first().map(|row| row.text("id")).transpose().map_err(|error| StoreError::of(what, error))?
            }
        };
        Ok(DeliveryPage { rows, next })
    }

    /// One webhook with its body.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delivery(&self, id: &str) -> Result<Option<DeliveryDetail>, StoreError> {
        let what = "read a webhook";
        let found = self.read(what, &ONE, &[Arg::Text(id)]).await?;
        let detail = |row: &Row| Ok(DeliveryDetail { row: delivery(row)?, body: row.text("body")? });
        found.first().map(detail).transpose().map_err(|error| StoreError::of(what, error))
    }
}

fn delivery(row: &Row) -> Result<DeliveryRow, sqlx::Error> {
    Ok(DeliveryRow {
        id: row.text("id")?,
        received_at: iso(row.int("received_at")?),
        event: row.maybe_text("event")?,
        doctype: row.maybe_text("doctype")?,
        name: row.maybe_text("name")?,
        verdict: row.text("verdict")?,
    })
}
