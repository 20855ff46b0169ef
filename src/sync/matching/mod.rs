//! Before a document without a row is inserted: is it a customer that the user's application had already?
//!
//! Invariant: it decides, it writes nothing. In this order: what a person has said, an unread row of the same name in
//! another spelling (ERPNext cannot have both), then the keys of `[matching]`; a row that exactly one document and no other
//! customer matches is linked, anything else with a match is asked about and gets no row so long. ERPNext is asked only
//! for documents that matched a row, once per batch and key.
//!
//! ```text
//! mod.rs    the order of the rules      rows.rs   which of our rows match, and may be linked
//! rivals.rs who else has the value      unread.rs whether there are rows that were never read
//! ```

mod rivals;
mod rows;
mod unread;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use self::rows::Rows;
use super::identity::Pair;
use super::{Context, SyncError};
use crate::domain::customer::{Customer, CustomerId};
use crate::domain::document::Document;
use crate::domain::matching::{MatchKey, MatchedBy, Matches, Verdict, is_same_name};
use crate::domain::plan::Seen;
use crate::domain::suggestion::{Suggestion, SuggestionKind, SuggestionState};
use crate::erpnext::Work;
use crate::store::{Candidate, SuggestionRow};

pub use unread::Unread;

/// One document of the batch.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its identity.
    pub pair: &'a Pair,
    /// What ERPNext said.
    pub document: &'a Document,
    /// What the mapping made of it.
    pub customer: &'a Customer,
    /// Whether no row of ours is its own.
    pub is_new: bool,
}

/// What a document without a row is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Meeting {
    /// Nobody that we know: it gets a new row.
    #[default]
    New,
    /// The customer of this row.
    Row {
        /// The row, as it was seen.
        seen: Seen,
        /// Why; `None` where the row has its name in another spelling.
        matched_by: Option<MatchedBy>,
        /// Documents that were waiting for the same row and need another look.
        puts: Vec<String>,
    },
    /// Perhaps the customer of one of several rows, or one of several customers of a row: a person has to say.
    Ask(Vec<Suggestion>),
    /// A person has been asked already.
    Waits,
}

/// What each document is, in the same order; those that have a row already are only looked at as rivals.
///
/// # Errors
/// What ERPNext or the database answered; then nothing is known about any of them.
pub async fn meet(context: &Context, subjects: &[Subject<'_>], work: Work) -> Result<Vec<Meeting>, SyncError> {
    let mut meetings = vec![Meeting::New; subjects.len()];
    let mut open: BTreeSet<usize> = (0..subjects.len()).filter(|index| subjects[*index].is_new).collect();
    if open.is_empty() {
        return Ok(meetings);
    }
    let said = Said::read(context, subjects, &open).await?;
    said.settle(context, subjects, &mut open, &mut meetings).await?;
    let any_unread = !open.is_empty() && context.site.unread.any(&context.store).await?;
    if any_unread {
        spelled_otherwise(context, subjects, &said, &mut open, &mut meetings).await?;
    }
    if !open.is_empty() && !context.rules.matching.is_empty() {
        let rows = Rows::find(context, subjects, &open, any_unread, &said.ruled_out, work).await?;
        by_keys(context, subjects, &open, rows, &mut meetings, work).await?;
    }
    wake_others(context, subjects, &mut meetings).await?;
    Ok(meetings)
}

/// What people have said about the documents.
struct Said {
    questions: Vec<SuggestionRow>,
    /// Pairs of a document and a row that are decided: they are not considered any more.
    ruled_out: HashSet<(usize, CustomerId)>,
}

impl Said {
    async fn read(context: &Context, subjects: &[Subject<'_>], open: &BTreeSet<usize>) -> Result<Self, SyncError> {
        let names: Vec<&str> = open.iter().map(|index| subjects[*index].pair.name.as_str()).collect();
        let questions = context.store.suggestions_named(&names).await?;
        let decided = [SuggestionState::Rejected, SuggestionState::Done];
        let ruled_out = open
            .iter()
            .flat_map(|index| {
                let pair = subjects[*index].pair;
                let about = questions.iter().filter(move |row| row.is_about(&pair.name, &pair.creation));
                about.filter(|row| decided.contains(&row.state)).map(|row| (*index, row.customer))
            })
            .collect();
        Ok(Self { questions, ruled_out })
    }

    /// A person's yes links, whatever the keys say; while the answer is open the document waits.
    async fn settle(
        &self,
        context: &Context,
        subjects: &[Subject<'_>],
        open: &mut BTreeSet<usize>,
        meetings: &mut [Meeting],
    ) -> Result<(), SyncError> {
        let is = |state| self.questions.iter().filter(move |row| row.state == state);
        let wanted: Vec<CustomerId> = is(SuggestionState::Accepted).map(|row| row.customer).collect();
        let linkable = if wanted.is_empty() { Vec::new() } else { context.store.linkable(&wanted).await? };
        for index in open.clone() {
            let pair = subjects[index].pair;
            // The newest decision counts; a row that has got another document meanwhile is no longer to be had.
            let accepted = is(SuggestionState::Accepted)
                .filter(|row| row.is_about(&pair.name, &pair.creation))
                .max_by_key(|row| &row.decided_at)
                .and_then(|row| linkable.iter().find(|candidate| candidate.id == row.customer));
            if let Some(row) = accepted {
                meetings[index] = linked(row, Some(MatchedBy::Person));
            } else if is(SuggestionState::Open).any(|row| row.is_about(&pair.name, &pair.creation)) {
                meetings[index] = Meeting::Waits;
            } else {
                continue;
            }
            open.remove(&index);
        }
        Ok(())
    }
}

/// An adopted `abc gmbh` is ERPNext's `ABC GmbH`: its names are unique without regard to case.
async fn spelled_otherwise(
    context: &Context,
    subjects: &[Subject<'_>],
    said: &Said,
    open: &mut BTreeSet<usize>,
    meetings: &mut [Meeting],
) -> Result<(), SyncError> {
    let names: BTreeSet<&str> = open.iter().map(|index| subjects[*index].pair.name.as_str()).collect();
    let candidates = context.store.unread_named(&names).await?;
    for index in open.clone() {
        let pair = subjects[index].pair;
        let same: Vec<&Candidate> = candidates
            .iter()
            .filter(|row| row.erpnext_id.as_deref().is_some_and(|name| is_same_name(name, &pair.name)))
            .filter(|row| !said.ruled_out.contains(&(index, row.id)))
            .collect();
        meetings[index] = match same.as_slice() {
            [] => continue,
            [row] => linked(row, None),
            rows => ask(pair, rows.iter().map(|row| row.id), "name"),
        };
        open.remove(&index);
    }
    Ok(())
}

/// The first key that finds any row decides.
async fn by_keys(
    context: &Context,
    subjects: &[Subject<'_>],
    open: &BTreeSet<usize>,
    rows: Rows,
    meetings: &mut [Meeting],
    work: Work,
) -> Result<(), SyncError> {
    let matched: BTreeMap<usize, Matches> =
        open.iter().filter_map(|index| Some((*index, Matches::deciding(rows.matches_of(*index))?))).collect();
    if matched.is_empty() {
        return Ok(());
    }
    let rivals = rivals::count(context, subjects, &matched, work).await?;
    for (index, matches) in &matched {
        let pair = subjects[*index].pair;
        let rivals = rivals.get(index).copied().unwrap_or_default();
        meetings[*index] = match matches.verdict(rivals) {
            Verdict::Nothing => continue,
            Verdict::Ask => ask(pair, matches.rows.iter().copied(), &matches.key.to_string()),
            Verdict::Link(id) => match rows.row(id) {
                Some(row) => {
                    let by = MatchedBy::Key { key: matches.key.clone(), value: matches.value.clone() };
                    linked(row, Some(by))
                }
                None => continue,
            },
        };
    }
    Ok(())
}

/// A row that gets a document answers the questions about it: the other documents concerned are looked at again.
async fn wake_others(context: &Context, subjects: &[Subject<'_>], meetings: &mut [Meeting]) -> Result<(), SyncError> {
    let taken: Vec<CustomerId> = meetings
        .iter()
        .filter_map(|meeting| match meeting {
            Meeting::Row { seen, .. } => Some(seen.id),
            Meeting::New | Meeting::Ask(_) | Meeting::Waits => None,
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let mut waiting: HashMap<CustomerId, Vec<String>> = HashMap::new();
    for row in context.store.suggestions_of(&taken).await? {
        if matches!(row.state, SuggestionState::Open | SuggestionState::Accepted) && row.kind != SuggestionKind::Missing
        {
            waiting.entry(row.customer).or_default().push(row.name);
        }
    }
    for (meeting, subject) in meetings.iter_mut().zip(subjects) {
        if let Meeting::Row { seen, puts, .. } = meeting {
            puts.extend(waiting.remove(&seen.id).unwrap_or_default());
            puts.retain(|name| *name != subject.pair.name);
        }
    }
    Ok(())
}

fn linked(row: &Candidate, matched_by: Option<MatchedBy>) -> Meeting {
    Meeting::Row { seen: row.seen(), matched_by, puts: Vec::new() }
}

fn ask(pair: &Pair, rows: impl Iterator<Item = CustomerId>, matched_by: &str) -> Meeting {
    let question = |customer| Suggestion {
        name: pair.name.clone(),
        creation: pair.creation.clone(),
        customer,
        kind: SuggestionKind::Ambiguous,
        matched_by: matched_by.to_owned(),
    };
    Meeting::Ask(rows.map(question).collect())
}

/// The value of a document under a key, in its normal form.
fn value_of(key: &MatchKey, subject: &Subject<'_>) -> Option<String> {
    key.normal(&key.of_document(subject.document, subject.customer)?)
}
