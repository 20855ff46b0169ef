//! SQLite's index of words: `sync_words`, and `sync_unindexed`, which notes whose words may have changed since.
//!
//! Invariant: a customer is noted, or its words in the index are exactly [`Searched::words`]; whoever asks for both misses
//! nobody. Triggers note, whichever program writes; only [`Store::index_words`] and erasing write the index. Rejected:
//! triggers that keep the index themselves. Programs with an SQLite before 3.42 could then not write to `customers`, because
//! the index overwrites at once what is taken out of it. PostgreSQL and MariaDB keep indexes of their own.

use serde_json::json;

use super::super::db::{Arg, Row, Statement, Tx, batches};
use super::super::migrations::WORDS;
use super::super::transact::{Caller, Fault, transact};
use super::super::{Dialect, Store, StoreError};
use super::searched;
use crate::domain::customer::CustomerId;

/// SQLite alone has these tables.
pub(in crate::store) static ALL: &[&Statement] = &[&STATE, &NOTED, &TAKE_OUT, &PUT_IN, &DONE];

/// Customers of one transaction: about ten milliseconds of the writer.
const PORTION: i64 = 500;
/// With more than so many noted, looking at each of them for every search takes longer than going without the index.
const MOST_NOTED: i64 = 5_000;
/// The triggers of the migration.
const TRIGGERS: i64 = 3;

// An application that makes its table anew loses the triggers. Value: the most to count.
static STATE: Statement = Statement::same(
    "SELECT {count:(SELECT COUNT(*) FROM (SELECT 1 FROM sync_unindexed LIMIT ?))} AS noted,
        {count:(SELECT COUNT(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'customers' COLLATE NOCASE
            AND name IN ('sync_words_insert', 'sync_words_update', 'sync_words_delete'))} AS triggers",
);

static NOTED: Statement = Statement::same(
    "SELECT {id:u.customer_id} AS id, {text:t.name} AS name, {text:t.erpnext_id} AS erpnext_id, {text:t.email} AS email,
        {text:t.phone} AS phone, {text:t.tax_number} AS tax_number
     FROM sync_unindexed AS u LEFT JOIN customers AS t ON t.id = u.customer_id ORDER BY u.customer_id LIMIT ?",
);

static TAKE_OUT: Statement =
    Statement::same("DELETE FROM sync_words WHERE rowid IN (SELECT r.id FROM {rows:id int} AS r)");
static PUT_IN: Statement =
    Statement::same("INSERT INTO sync_words (rowid, words) SELECT r.id, r.words FROM {rows:id int, words text} AS r");
static DONE: Statement =
    Statement::same("DELETE FROM sync_unindexed WHERE customer_id IN (SELECT r.id FROM {rows:id int} AS r)");

impl Store {
    /// Brings a portion of the index of words up to date; how many customers it was. None, where the database keeps its own.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`].
    pub async fn index_words(&self) -> Result<usize, StoreError> {
        let what = "index the words of customers";
        if self.dialect() != Dialect::Sqlite {
            return Ok(0);
        }
        let state = self.words_state(what).await?;
        if state.is_complete && state.noted == 0 {
            return Ok(0);
        }
        let attempts = self.attempts(what, Caller::Worker).durable_later();
        transact!(attempts, |tx| if state.is_complete { index(tx).await } else { make_anew(tx).await.map(|()| 1) })
            .await
    }

    /// Whether a search is quicker with the index, and misses nobody.
    pub(super) async fn words_are_usable(&self, what: &'static str) -> Result<bool, StoreError> {
        if self.dialect() != Dialect::Sqlite {
            return Ok(true);
        }
        let state = self.words_state(what).await?;
        Ok(state.is_complete && state.noted <= MOST_NOTED)
    }

    async fn words_state(&self, what: &'static str) -> Result<State, StoreError> {
        let rows = self.read(what, &STATE, &[Arg::Int(MOST_NOTED + 1)]).await?;
        let read = |row: &Row| Ok(State { noted: row.int("noted")?, is_complete: row.int("triggers")? == TRIGGERS });
        let state = rows.first().map(read).transpose().map_err(|error| StoreError::of(what, error))?;
        state.ok_or_else(|| StoreError::bug(what, "no answer"))
    }
}

/// Where the index stands.
struct State {
    /// Customers whose words may have changed; not counted beyond [`MOST_NOTED`].
    noted: i64,
    /// Whether all changes are noted.
    is_complete: bool,
}

/// Takes the words of a customer out; part of its erasing, which overwrites them.
pub(in crate::store) async fn erase_words(tx: &mut Tx, id: CustomerId) -> Result<(), Fault> {
    tx.execute(&TAKE_OUT, &[Arg::Text(&json!([{ "id": id }]).to_string())]).await?;
    Ok(())
}

/// Makes what is missing of the index, and notes every customer.
async fn make_anew(tx: &mut Tx) -> Result<(), Fault> {
    Ok(tx.run(WORDS.to_owned()).await?)
}

async fn index(tx: &mut Tx) -> Result<usize, Fault> {
    // `fast` would leave words in pages of the index that merging sets free; see `erase`.
    tx.run("PRAGMA secure_delete = ON".to_owned()).await?;
    let noted = tx.fetch(&NOTED, &[Arg::Int(PORTION)]).await?;
    let mut put = Vec::new();
    let mut ids = Vec::new();
    for row in &noted {
        let id = row.int("id")?;
        ids.push(json!({ "id": id }));
        let mut words = searched(row)?.words();
        words.sort_unstable();
        words.dedup();
        if !words.is_empty() {
            put.push(json!({ "id": id, "words": words.join(" ") }));
        }
    }
    for (statement, rows) in [(&TAKE_OUT, &ids), (&PUT_IN, &put), (&DONE, &ids)] {
        for batch in batches(rows)? {
            tx.execute(statement, &[Arg::Text(&batch)]).await?;
        }
    }
    tx.run("PRAGMA secure_delete = FAST".to_owned()).await?;
    Ok(noted.len())
}
