//! What a full run and a sweep would do, without doing it: every customer is read and decided as a worker would.
//!
//! Invariant: nothing is written and no job is put. Deciding about customers writes nothing by itself (`sync::customer`), and
//! here decisions are only counted. Memory does not grow with the number of customers, but for the rows that would change
//! their document. What two documents would do to one row in a row is foreseen only roughly: the second counts as new.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::rehearsal::{self, BATCH};
use super::{Context, Decision, SyncError};
use crate::domain::customer::{CustomerId, Record};
use crate::domain::fields::{diff, flatten};
use crate::domain::job::{Cause, Claim, Lane};
use crate::domain::plan::{Upsert, Write};
use crate::domain::suggestion::SuggestionKind;

/// Names in a page.
const PAGE: usize = 2_000;

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Forecast {
    /// Customers that ERPNext lists.
    pub total: u64,
    /// New rows.
    pub create: u64,
    /// Rows that would change.
    pub update: u64,
    /// Rows that are as they should be.
    pub unchanged: u64,
    /// Rows that were there before and would get their document, by the key that matches.
    pub link: BTreeMap<String, u64>,
    /// Documents that would get no row until a person has said which row is theirs.
    pub ambiguous: u64,
    /// Documents without a row that stay so: left out by the filter, erased, or a person has been asked already.
    pub skipped: u64,
    /// Rows that would be marked deleted, merged or left out.
    pub remove: u64,
    /// Adopted rows that name a document which ERPNext does not have; a person would be asked.
    pub missing: u64,
    /// Documents that the key may not read; their rows would be kept.
    pub not_permitted: u64,
    /// Documents that could not be decided.
    pub failed: u64,
    /// Some of them, except unchanged ones.
    pub examples: Vec<Example>,
}

/// One customer and what would become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// `create`, `update`, `link`, `ambiguous`, `skipped`, `remove`, `missing`, `not_permitted` or `failed`.
    pub what: &'static str,
    /// ERPNext's name of the document.
    pub erpnext_id: String,
    /// Our row, where there is one.
    pub customer: Option<CustomerId>,
    /// The key that matches, or why it fails.
    pub why: Option<String>,
}

/// Decides about every customer that ERPNext has, then about every row of ours that it does not list. `examples` of each
/// kind are kept; `progress` is told how many documents were decided.
///
/// # Errors
/// ERPNext or the database could not answer.
pub async fn run(context: &Context, examples: usize, mut progress: impl FnMut(u64)) -> Result<Forecast, SyncError> {
    let mut dry = DryRun { context, most: examples, forecast: Forecast::default(), moved: HashSet::new() };
    let mut last: Option<String> = None;
    loop {
        let names = rehearsal::names_behind(context, last.as_deref(), PAGE).await?;
        for batch in names.chunks(BATCH) {
            dry.decide(batch, false).await?;
            dry.forecast.total += u64::try_from(batch.len()).unwrap_or(u64::MAX);
            progress(dry.forecast.total);
        }
        let is_last = names.len() < PAGE;
        last = names.into_iter().next_back().or(last);
        if is_last {
            break;
        }
    }
    dry.missing().await?;
    Ok(dry.forecast)
}

struct DryRun<'a> {
    context: &'a Context,
    most: usize,
    forecast: Forecast,
    /// Rows that would get another document, or one at all.
    moved: HashSet<CustomerId>,
}

impl DryRun<'_> {
    /// Our rows whose name ERPNext does not list.
    async fn missing(&mut self) -> Result<(), SyncError> {
        let mut after = CustomerId::MIN;
        let page = u32::try_from(BATCH).unwrap_or(u32::MAX);
        loop {
            let rows = self.context.store.followed(after, page).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            let all: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
            let listed: HashSet<String> = rehearsal::names_among(self.context, &all).await?.into_iter().collect();
            let missing: Vec<String> = rows
                .into_iter()
                .filter(|row| !row.filtered && !listed.contains(&row.name) && !self.moved.contains(&row.id))
                .map(|row| row.name)
                .collect();
            self.decide(&missing, true).await?;
        }
    }

    /// Decides one batch as a worker would.
    async fn decide(&mut self, names: &[String], absent: bool) -> Result<(), SyncError> {
        let cause = if absent { Cause::Sweep } else { Cause::Full };
        let claims: Vec<Claim> = names.iter().map(|name| rehearsal::claim(name, Lane::Bulk, cause, absent)).collect();
        let decisions = rehearsal::decide(self.context, &claims).await?;
        self.count(&claims, &decisions, absent).await
    }

    async fn count(&mut self, claims: &[Claim], decisions: &[Decision], absent: bool) -> Result<(), SyncError> {
        let before = self.context.store.records(&targets(decisions)).await?;
        for (claim, decision) in claims.iter().zip(decisions) {
            match decision {
                Decision::Write { writes, .. } if writes.is_empty() => self.forecast.unchanged += u64::from(!absent),
                Decision::Write { writes, .. } => self.writes(claim, writes, &before)?,
                Decision::NotPermitted(_) => self.note("not_permitted", claim, None, None),
                Decision::Skipped | Decision::Erased(_) if absent => {}
                Decision::Skipped | Decision::Erased(_) => self.note("skipped", claim, None, None),
                // Names that move in a circle: done by the next round of a worker.
                Decision::Again => self.note("update", claim, None, None),
                // Renamed: the document was counted under its new name.
                Decision::After(..) if absent => {}
                Decision::After(_, error) | Decision::Failed(error) => {
                    self.note("failed", claim, None, Some(error.to_string()));
                }
            }
        }
        Ok(())
    }

    fn writes(&mut self, claim: &Claim, writes: &[Write], before: &Records) -> Result<(), SyncError> {
        for write in writes {
            match write {
                Write::Upsert(upsert) => self.upsert(claim, upsert, before)?,
                Write::Tombstone { seen, .. } => self.note("remove", claim, Some(seen.id), None),
                Write::LeaveOut(out) => self.note("remove", claim, Some(out.seen.id), None),
                Write::Note { .. } => self.forecast.unchanged += 1,
                Write::Rename { seen, .. } => {
                    self.moved.insert(seen.id);
                }
                Write::MarkUnknown { .. } | Write::Suggest(_) | Write::Forget(_) => {}
            }
        }
        let question = writes.iter().find_map(|write| match write {
            Write::Suggest(question) => Some(question),
            _ => None,
        });
        if let Some(question) = question {
            let is_missing = question.kind == SuggestionKind::Missing;
            let (what, why) =
                if is_missing { ("missing", None) } else { ("ambiguous", Some(question.matched_by.clone())) };
            self.note(what, claim, Some(question.customer), why);
        }
        Ok(())
    }

    fn upsert(&mut self, claim: &Claim, upsert: &Upsert, before: &Records) -> Result<(), SyncError> {
        // A row that an earlier document of this forecast would get is not to be had again.
        let target = upsert.target.as_ref().filter(|seen| !upsert.places() || self.moved.insert(seen.id));
        let Some(seen) = target else {
            self.note("create", claim, None, None);
            return Ok(());
        };
        if upsert.record.customer.erpnext_id != seen.erpnext_id {
            self.moved.insert(seen.id);
        }
        if let Some(by) = &upsert.matched_by {
            *self.forecast.link.entry(by.to_string()).or_default() += 1;
            self.note("link", claim, Some(seen.id), Some(by.to_string()));
            return Ok(());
        }
        let is_same = match before.get(&seen.id) {
            Some(before) => {
                let before = flatten(before)?;
                diff(&before, &upsert.fields_over(&before)?).is_empty()
            }
            // A tombstone, which comes back.
            None => false,
        };
        if is_same {
            self.forecast.unchanged += 1;
        } else {
            self.note("update", claim, Some(seen.id), None);
        }
        Ok(())
    }

    /// Counts it, and keeps it as an example while there are few of its kind.
    fn note(&mut self, what: &'static str, claim: &Claim, customer: Option<CustomerId>, why: Option<String>) {
        let forecast = &mut self.forecast;
        match what {
            "create" => forecast.create += 1,
            "update" => forecast.update += 1,
            "ambiguous" => forecast.ambiguous += 1,
            "skipped" => forecast.skipped += 1,
            "remove" => forecast.remove += 1,
            "missing" => forecast.missing += 1,
            "not_permitted" => forecast.not_permitted += 1,
            "failed" => forecast.failed += 1,
            _counted_by_key => {}
        }
        let examples = &mut forecast.examples;
        if examples.iter().filter(|example| example.what == what).count() < self.most {
            examples.push(Example { what, erpnext_id: claim.key.name.clone(), customer, why });
        }
    }
}

type Records = HashMap<CustomerId, Record>;

/// The rows that would be updated.
fn targets(decisions: &[Decision]) -> Vec<CustomerId> {
    let writes = decisions.iter().filter_map(|decision| match decision {
        Decision::Write { writes, .. } => Some(writes),
        _ => None,
    });
    let seen = writes.flatten().filter_map(|write| match write {
        Write::Upsert(upsert) => upsert.target.as_ref(),
        _ => None,
    });
    seen.map(|seen| seen.id).collect()
}
