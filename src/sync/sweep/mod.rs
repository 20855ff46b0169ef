//! A sweep: all names of ERPNext against ours. It finds what no `modified` tells: renames, merges, deletions, reused names,
//! restored documents, a restored backup, and whom a changed filter lets in or out.
//!
//! Invariant: a sweep only puts jobs, and what it takes for removed is removed only by the document's own answer. More
//! candidates than the configured share are not even put: the run is held with its list, and a person decides. Memory is a
//! page and eight bytes per name.
//!
//! A listing that is interrupted begins anew (100,000 names take a second); only putting a list goes on where it stood.

mod brake;
mod hold;
mod listed;
mod missing;
mod roll;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::census::{self, Census};
use super::conduct::{Conduct, End, Halt};
use super::{Context, filtering};
use crate::domain::candidate::Candidate;
use crate::domain::filter;
use crate::domain::job::{Cause, DocKey, Lane, Put};
use crate::domain::run::{RunCause, RunKind, RunState};
use crate::store::{RunRow, StoreError};
use brake::Tally;

pub use hold::{Verdict, approve, discard};

/// Candidates that are put in one transaction.
const PORTION: u32 = 2_000;
/// How often it is looked whether a full run has ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How far a sweep has come: `position` of its run, once its listing is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Position {
    /// Its list waits for a person.
    Held {
        /// Fingerprint of the filter that it was made with.
        filter: String,
    },
    /// Its list is being put.
    Removing {
        /// As before.
        filter: String,
        /// A person agreed.
        approved: bool,
        /// The last name that was put.
        after: String,
    },
}

impl Position {
    /// `None` while it lists.
    fn of(row: &RunRow) -> Option<Self> {
        row.position.as_deref().and_then(|text| serde_json::from_str(text).ok())
    }

    /// A position without text would make the sweep begin anew; two texts and a flag always have one.
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn filter(&self) -> &str {
        match self {
            Self::Held { filter } | Self::Removing { filter, .. } => filter,
        }
    }
}

/// Conducts the sweep from where it stands to its end.
///
/// # Errors
/// [`Halt`].
pub async fn conduct(run: &Conduct, row: &RunRow) -> Result<End, Halt> {
    if let Some(Position::Removing { filter, approved, after }) = Position::of(row) {
        return remove(run, filter, approved, after, None).await;
    }
    after_full_run(run).await?;
    let census = Census::take(run).await?;
    run.set_total(i64::try_from(census.visible).unwrap_or(i64::MAX)).await?;
    lead(run.context.store.list_anew(&run.lead).await?)?;
    let since = run.context.store.now().await?;
    let (listed, filtered) = listed::compare(run).await?;
    if let Some(reason) = emptied(run, &census, listed.len()).await? {
        return Ok(End { state: RunState::Failed, message: Some(reason) });
    }
    run.context.store.clear_orphans().await?;
    let ours = missing::look(run, &listed, since).await?;
    decide(run, row, Tally { living: ours.living, missing: ours.missing, filtered }, &census).await
}

/// While a full run lists, everything it has not come to yet would be put a second time.
async fn after_full_run(run: &Conduct) -> Result<(), Halt> {
    while let Some(full) = run.context.store.last_run(RunKind::Full, RunState::Running).await? {
        run.look().await?;
        run.note_pause(Some(&format!("it begins when the full run {} has ended", full.id))).await?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    run.note_pause(None).await
}

/// Why a list without a single name is not believed: a permission that was taken away looks like that.
async fn emptied(run: &Conduct, census: &Census, listed: usize) -> Result<Option<String>, Halt> {
    let hidden = census.hidden_customers();
    if listed == 0 && (census.visible > 0 || hidden > 0) {
        return Ok(Some(format!(
            "ERPNext counts {} customers and lists none of them to the sync user: nothing was removed. Give its role read \
             permission on Customer, or look into its User Permissions",
            census.visible + hidden
        )));
    }
    if listed > 0 && census::visible_customers(run).await? == 0 {
        return Ok(Some(
            "the sync user's permission to read customers was taken away while they were listed: nothing was removed"
                .to_owned(),
        ));
    }
    Ok(None)
}

/// Removes the candidates, or asks a person.
async fn decide(run: &Conduct, row: &RunRow, tally: Tally, census: &Census) -> Result<End, Halt> {
    let store = &run.context.store;
    let percent = run.context.rules.max_removed_percent;
    let filter = filter::fingerprint(run.context.rules.filter.as_ref());
    let held = store.last_run(RunKind::Sweep, RunState::Held).await?;
    if !tally.exceeds(percent) {
        hold::supersede(run, held).await?;
        return remove(run, filter, false, String::new(), census.warning()).await;
    }
    let told = tally.told(percent, census.hidden_customers());
    if row.cause != RunCause::Person
        && let Some(known) = known(run, held.as_ref(), &filter).await?
    {
        lead(store.clear_candidates(&run.lead).await?)?;
        return Ok(End { state: RunState::Partial, message: Some(format!("{told}. {known}")) });
    }
    hold::supersede(run, held).await?;
    run.put(&[], &Position::Held { filter }.text(), 0, true).await?;
    let message = format!(
        "{told}, so nothing of it was removed: look at the list of run {}, then approve or discard it",
        run.lead.run
    );
    tracing::warn!(run = run.lead.run, candidates = tally.removed(), living = tally.living, "a sweep is held");
    Ok(End { state: RunState::Held, message: Some(message) })
}

/// Why no person has to be asked about the run's list, if one knows of it.
async fn known(run: &Conduct, held: Option<&RunRow>, filter: &str) -> Result<Option<String>, Halt> {
    if let Some(held) = held {
        let same_filter = Position::of(held).is_some_and(|position| position.filter() == filter);
        return Ok(same_filter.then(|| {
            format!(
                "A person was asked already: run {} holds a list. Approve or discard it, or start a sweep to have a new \
                 one made",
                held.id
            )
        }));
    }
    let discarded = hold::discarded(run).await?;
    Ok(discarded.map(|discarded| {
        format!(
            "Nothing of it was removed: a person discarded this list (run {}). To decide anew, start a sweep",
            discarded.id
        )
    }))
}

/// Puts the run's list, from behind `after`; the filter that it was made with is accepted by that.
async fn remove(
    run: &Conduct,
    filter: String,
    approved: bool,
    mut after: String,
    message: Option<String>,
) -> Result<End, Halt> {
    let store = &run.context.store;
    let cause = if approved { Cause::Person } else { Cause::Sweep };
    loop {
        let page = store.run_candidates(run.lead.run, &after, PORTION).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.name);
        let put = |candidate: &Candidate| Put {
            absent: true,
            ..Put::new(DocKey::customer(&candidate.name), Lane::Bulk, cause)
        };
        let puts: Vec<Put> = page.iter().map(put).collect();
        run.until_room().await?;
        let position = Position::Removing { filter: filter.clone(), approved, after: after.clone() };
        run.put(&puts, &position.text(), 0, true).await?;
    }
    if filter == filter::fingerprint(run.context.rules.filter.as_ref()) {
        filtering::accept(store, &run.context.rules).await?;
    }
    Ok(End { state: RunState::Succeeded, message })
}

/// Adds to the run's list.
async fn note_candidates(run: &Conduct, candidates: &[Candidate]) -> Result<(), Halt> {
    if candidates.is_empty() {
        return Ok(());
    }
    lead(run.context.store.add_candidates(&run.lead, candidates).await?)
}

fn lead(held: bool) -> Result<(), Halt> {
    if held { Ok(()) } else { Err(Halt::Lost) }
}

/// The run that holds a list for a person, as far as there is one.
///
/// # Errors
/// The database's.
pub async fn held(context: &Context) -> Result<Option<RunRow>, StoreError> {
    context.store.last_run(RunKind::Sweep, RunState::Held).await
}
