//! Questions for people (`sync_suggestions`): which there are, and what a person decides.
//!
//! Invariant: a decision and the job that acts on it are one transaction, and a question is decided once. Asking, and
//! noting that a question is answered, belongs to the workers' transaction (`apply::suggestions`).

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::db::{Arg, Row, Statement};
use super::jobs::{merge, put_rows};
use super::transact::{Caller, End, transact, transact_or_not};
use super::{Store, StoreError};
use crate::domain::customer::CustomerId;
use crate::domain::job::Put;
use crate::domain::suggestion::{Suggestion, SuggestionKind, SuggestionState};
use crate::domain::time::iso;

pub(super) static ALL: &[&Statement] = &[&NAMED, &OF_ROWS, &PAGE, &ONE, &OPEN, &DECIDE, &ACCEPT];

/// Asked every few seconds.
pub(super) static MEASURED: &[&Statement] = &[&OPEN];

fn text(rest: &str) -> String {
    format!(
        "SELECT {{id:s.id}} AS id, s.name, s.creation, {{id:s.customer_id}} AS customer, \
            {{text:c.name}} AS customer_name, s.kind, s.matched_by, s.state, s.created_at, s.decided_at {rest}"
    )
}

static NAMED: Statement = Statement::built(|_| {
    text(
        "FROM {rows:name key} AS r {join} sync_suggestions AS s ON s.name = r.name \
         {join} customers AS c ON c.id = s.customer_id ORDER BY s.id",
    )
});

static OF_ROWS: Statement = Statement::built(|_| {
    text(
        "FROM {rows:id int} AS r {join} sync_suggestions AS s ON s.customer_id = r.id \
         {join} customers AS c ON c.id = s.customer_id ORDER BY s.id",
    )
});

static PAGE: Statement = Statement::built(|_| {
    text(
        "FROM sync_suggestions AS s {join} customers AS c ON c.id = s.customer_id \
         WHERE s.id > ? AND (? = '' OR s.state = ?) ORDER BY s.id LIMIT ?",
    )
});

static ONE: Statement = Statement::built(|_| {
    text("FROM sync_suggestions AS s {join} customers AS c ON c.id = s.customer_id WHERE s.id = ?")
});

static OPEN: Statement = Statement::same("SELECT {count:COUNT(*)} AS n FROM sync_suggestions WHERE state = 'open'");

static DECIDE: Statement =
    Statement::same("UPDATE sync_suggestions SET state = ?, decided_at = {now} WHERE id = ? AND state = 'open'");

static ACCEPT: Statement = Statement::same(
    "INSERT INTO sync_suggestions (name, creation, customer_id, kind, matched_by, state, created_at, decided_at)
     SELECT r.name, r.creation, c.id, r.kind, r.matched_by, 'accepted', {now}, {now}
     FROM {rows:name key, creation key, id int, kind text, matched_by text} AS r {join} customers AS c ON c.id = r.id
     {conflict:name, customer_id} creation = {new:creation}, kind = {new:kind}, matched_by = {new:matched_by},
        state = 'accepted', decided_at = {new:decided_at}",
);

/// A question with what a person needs to see of the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SuggestionRow {
    /// Its id; grows with time.
    pub id: i64,
    /// ERPNext's name of the document; for a missing one the name that the row has.
    #[serde(rename = "erpnext_id")]
    pub name: String,
    /// Its `creation`; empty where there is none.
    #[serde(skip)]
    pub creation: String,
    /// The row.
    #[schema(value_type = i64)]
    pub customer: CustomerId,
    /// What the row is called.
    pub customer_name: String,
    /// What is asked.
    pub kind: SuggestionKind,
    /// What speaks for it.
    pub matched_by: String,
    /// Where it stands.
    pub state: SuggestionState,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC; `None` while it is open.
    pub decided_at: Option<String>,
}

impl SuggestionRow {
    /// Whether it is about this document, and not about an earlier one of the same name.
    #[must_use]
    pub fn is_about(&self, name: &str, creation: &str) -> bool {
        self.name == name && (self.creation == creation || self.creation.is_empty())
    }
}

impl Store {
    /// All questions about documents of those names, by id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn suggestions_named(&self, names: &[&str]) -> Result<Vec<SuggestionRow>, StoreError> {
        let what = "read suggestions by name";
        let rows: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        read_all(what, &self.read_batches(what, &NAMED, &rows).await?)
    }

    /// All questions about those rows, by id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn suggestions_of(&self, customers: &[CustomerId]) -> Result<Vec<SuggestionRow>, StoreError> {
        let what = "read suggestions by row";
        let rows: Vec<Value> = customers.iter().map(|id| json!({ "id": id })).collect();
        read_all(what, &self.read_batches(what, &OF_ROWS, &rows).await?)
    }

    /// Questions of a state (or all), oldest first, after that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn suggestions(
        &self,
        state: Option<SuggestionState>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<SuggestionRow>, StoreError> {
        let what = "list suggestions";
        let state = state.map_or("", SuggestionState::as_str);
        let args = [Arg::Int(after), Arg::Text(state), Arg::Text(state), Arg::Int(i64::from(limit))];
        read_all(what, &self.read(what, &PAGE, &args).await?)
    }

    /// One question.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn suggestion(&self, id: i64) -> Result<Option<SuggestionRow>, StoreError> {
        let what = "read a suggestion";
        Ok(read_all(what, &self.read(what, &ONE, &[Arg::Int(id)]).await?)?.pop())
    }

    /// How many questions nobody has decided.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open_suggestions(&self) -> Result<i64, StoreError> {
        let what = "count suggestions";
        let rows = self.read(what, &OPEN, &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int("n")).map_err(|error| StoreError::of(what, error))
    }

    /// Decides an open question and puts the job that acts on it; false where it was decided already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn decide_suggestion(
        &self,
        id: i64,
        decision: SuggestionState,
        put: Option<&Put>,
    ) -> Result<bool, StoreError> {
        transact_or_not!(self.attempts("decide a suggestion", Caller::Urgent), |tx| {
            let changed = tx.execute(&DECIDE, &[Arg::Text(decision.as_str()), Arg::Int(id)]).await? > 0;
            if changed {
                put_rows(tx, &merge(put)).await?;
            }
            Ok(if changed { End::Commit(true) } else { End::RollBack(false) })
        })
        .await
    }

    /// Notes that a person wants that link, whatever was decided before, and puts the job that makes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn accept_link(&self, link: &Suggestion, put: &Put) -> Result<(), StoreError> {
        let row = json!([{
            "name": link.name,
            "creation": link.creation,
            "id": link.customer,
            "kind": link.kind.as_str(),
            "matched_by": link.matched_by,
        }])
        .to_string();
        transact!(self.attempts("note a link", Caller::Urgent), |tx| {
            tx.execute(&ACCEPT, &[Arg::Text(&row)]).await?;
            put_rows(tx, &merge([put])).await
        })
        .await
    }
}

fn read_all(what: &'static str, rows: &[Row]) -> Result<Vec<SuggestionRow>, StoreError> {
    rows.iter().map(|row| suggestion(what, row)).collect()
}

fn suggestion(what: &'static str, row: &Row) -> Result<SuggestionRow, StoreError> {
    let of = |error| StoreError::of(what, error);
    let (kind, state) = (row.text("kind").map_err(of)?, row.text("state").map_err(of)?);
    let unknown = |word: &str| StoreError::bug(what, format!("unknown word {word} in sync_suggestions"));
    Ok(SuggestionRow {
        id: row.int("id").map_err(of)?,
        name: row.text("name").map_err(of)?,
        creation: row.text("creation").map_err(of)?,
        customer: row.int("customer").map_err(of)?,
        customer_name: row.text("customer_name").map_err(of)?,
        kind: SuggestionKind::parse(&kind).ok_or_else(|| unknown(&kind))?,
        matched_by: row.text("matched_by").map_err(of)?,
        state: SuggestionState::parse(&state).ok_or_else(|| unknown(&state))?,
        created_at: iso(row.int("created_at").map_err(of)?),
        decided_at: row.maybe_int("decided_at").map_err(of)?.map(iso),
    })
}
