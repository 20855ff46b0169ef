//! Counting what became of the jobs of full runs, in the transaction that settles them: so each is counted once, whoever
//! crashes when.
//!
//! Invariant: a job is counted by one word, that of the greatest thing that happened to it, and only when the run has
//! seen its end; `jobs::settle` then takes the run off it. A run that is over counts nothing any more: jobs that it left
//! behind go on by themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::db::{Arg, Statement, Tx, batches, update_rows};
use super::super::jobs::ends_for_run;
use super::super::transact::Fault;
use crate::domain::customer::CustomerId;
use crate::domain::job::Outcome;
use crate::domain::plan::{Effect, Unit, Write};
use crate::domain::run::RunId;

pub(super) static ALL: &[&Statement] = &[&COUNT];

const WORDS: [&str; 8] =
    ["created", "updated", "unchanged", "linked", "tombstoned", "not_permitted", "skipped", "failed"];

static COUNT: Statement = Statement::built(|dialect| {
    let columns: Vec<String> = WORDS.iter().map(|word| format!("{word} int")).collect();
    let mut assignments: Vec<(&str, String)> =
        WORDS.iter().map(|word| (*word, format!("t.{word} + COALESCE(r.{word}, 0)"))).collect();
    assignments.push(("updated_at", "{now}".into()));
    update_rows(
        dialect,
        "sync_runs",
        &format!("id int, {}", columns.join(", ")),
        "t.id = r.id AND t.state = 'running'",
        &assignments,
    )
});

/// Adds the living units to the counts of their runs.
pub(super) async fn count(
    tx: &mut Tx,
    alive: &[(usize, &Unit)],
    written: &[(usize, Vec<(CustomerId, Effect)>)],
) -> Result<(), Fault> {
    let mut runs: BTreeMap<RunId, BTreeMap<&'static str, i64>> = BTreeMap::new();
    for ((_, unit), (_, effects)) in alive.iter().zip(written) {
        if let Some(run) = unit.claim.run.filter(|_run| ends_for_run(&unit.claim, &unit.outcome)) {
            *runs.entry(run).or_default().entry(word(unit, effects)).or_default() += 1;
        }
    }
    let rows: Vec<Map<String, Value>> = runs
        .into_iter()
        .map(|(run, counts)| {
            let counts = counts.into_iter().map(|(word, count)| (word.to_owned(), count.into()));
            std::iter::once(("id".to_owned(), run.into())).chain(counts).collect()
        })
        .collect();
    for batch in batches(&rows)? {
        tx.execute(&COUNT, &[Arg::Text(&batch)]).await?;
    }
    Ok(())
}

fn word(unit: &Unit, effects: &[(CustomerId, Effect)]) -> &'static str {
    match unit.outcome {
        Outcome::NotPermitted => return "not_permitted",
        Outcome::Skipped => return "skipped",
        Outcome::Dead(_) | Outcome::Retry { .. } | Outcome::Again => return "failed",
        Outcome::Done => {}
    }
    // The unit's own customer comes last, after the rows that make way for it.
    match effects.last() {
        Some((_, Effect::Erased)) => "skipped",
        Some((_, effect)) => effect.as_str(),
        None if unit.writes.iter().any(|write| matches!(write, Write::Suggest(_))) => "skipped",
        None => "unchanged",
    }
}
