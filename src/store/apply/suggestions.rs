//! Questions for people (`sync_suggestions`) in the transaction of the workers: new ones, and those that are answered.
//!
//! Invariant: a question is written once per name and row, and a decided one is not opened again unless another document
//! (of another `creation`) has the name. A document that gets a row, and a row that gets a document, have no question left.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::db::{Arg, Only, Statement, Tx, batches, update_rows};
use super::super::transact::Fault;
use super::effects::Effects;

pub(super) static ALL: &[&Statement] = &[&ASK, &ANSWER_NAME, &ANSWER_ROW];

// MariaDB assigns from left to right: `creation` decides about the others, so it comes last.
static ASK: Statement = Statement::same(
    "INSERT INTO sync_suggestions (name, creation, customer_id, kind, matched_by, state, created_at)
     SELECT r.name, r.creation, r.id, r.kind, r.matched_by, 'open', {now}
     FROM {rows:name key, creation key, id int, kind text, matched_by text} AS r
     {conflict:name, customer_id}
        state = CASE WHEN sync_suggestions.creation <> {new:creation} THEN 'open' ELSE sync_suggestions.state END,
        decided_at = CASE WHEN sync_suggestions.creation <> {new:creation} THEN NULL ELSE sync_suggestions.decided_at END,
        creation = {new:creation}",
);

const OPEN: &str = "t.state IN ('open', 'accepted')";

static ANSWER_NAME: Statement = Statement::built(|dialect| {
    update_rows(dialect, "sync_suggestions", "name key", &format!("t.name = r.name AND {OPEN}"), &done())
});

static ANSWER_ROW: Statement = Statement::built(|dialect| {
    update_rows(dialect, "sync_suggestions", "id int", &format!("t.customer_id = r.id AND {OPEN}"), &done())
});

fn done() -> [(&'static str, String); 2] {
    [("state", "'done'".into()), ("decided_at", "COALESCE(t.decided_at, {now})".into())]
}

/// Writes the questions of the units and closes those that they answer.
pub(super) async fn write(tx: &mut Tx, effects: &Effects<'_>) -> Result<(), Fault> {
    let mut asked: Vec<_> = effects.suggestions.clone();
    asked.sort_by(|a, b| (&a.name, a.customer).cmp(&(&b.name, b.customer)));
    asked.dedup_by(|a, b| (&a.name, a.customer) == (&b.name, b.customer));
    let asked: Vec<Value> = asked
        .into_iter()
        .map(|suggestion| {
            json!({
                "name": suggestion.name,
                "creation": suggestion.creation,
                "id": suggestion.customer,
                "kind": suggestion.kind.as_str(),
                "matched_by": suggestion.matched_by,
            })
        })
        .collect();
    let names: BTreeSet<&str> = effects.answered.iter().map(|(name, _row)| *name).collect();
    let names: Vec<Only<&str>> = names.into_iter().map(|name| Only("name", name)).collect();
    let rows: BTreeSet<i64> = effects.answered.iter().filter_map(|(_name, row)| *row).collect();
    let rows: Vec<Only<i64>> = rows.into_iter().map(|id| Only("id", id)).collect();
    let (asked, names, rows) = (batches(&asked)?, batches(&names)?, batches(&rows)?);
    for (statement, values) in [(&ASK, asked), (&ANSWER_NAME, names), (&ANSWER_ROW, rows)] {
        for batch in values {
            tx.execute(statement, &[Arg::Text(&batch)]).await?;
        }
    }
    Ok(())
}
