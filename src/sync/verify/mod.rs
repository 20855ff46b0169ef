//! Compares our customers with ERPNext's, value by value, without writing.
//!
//! Invariant: nothing is written and no job is put. What differs is called so only after a second look, some time later,
//! has found both sides exactly as the first one and no job about to change the row; so edits that go on meanwhile are no
//! drift. Memory does not grow with the number of customers, but for the rows that were renamed. What a scheduled turn
//! makes of it is in `turn`; how a customer is judged in `look` and `judge`.

mod judge;
mod look;
mod patience;
pub mod turn;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use self::look::Looked;
use self::patience::Patience;
use super::rehearsal::{self, BATCH};
use super::sample::Sample;
use super::{Context, SyncError};
use crate::domain::customer::CustomerId;
use crate::domain::difference::{Difference, DifferenceKind};

/// Names in a page.
const PAGE: usize = 5_000;
/// Suspects that wait for their second look at most.
const SUSPECTS: usize = 1_000;
/// Looks after the first one; a customer that moved between each two of them is said to be busy.
const LOOKS: u32 = 4;

/// Whom to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    All,
    /// So many of ERPNext's customers, and so many of our rows, at random.
    Sample(usize),
    /// The customer that ERPNext calls so.
    One(String),
}

/// What happens on the way.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many customers were looked at.
    Looked(u64),
    /// So many differ and are looked at again soon.
    Waiting(usize),
    /// ERPNext does not answer; it is asked again.
    Trouble(&'a str),
    /// This is wrong.
    Found(Difference),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Customers that were compared.
    pub checked: u64,
    /// Those that are as they should be.
    pub equal: u64,
    /// Those that rightly have no row: the filter leaves them out, or a person is asked about them.
    pub left_out: u64,
    /// Those that kept changing, or have a job waiting, so that nothing can be said.
    pub busy: u64,
    /// Differences by kind; none: no entry.
    pub found: BTreeMap<DifferenceKind, u64>,
}

impl Report {
    /// Differences that are to be repaired.
    #[must_use]
    pub fn drift(&self) -> u64 {
        self.found.iter().filter(|(kind, _count)| kind.is_drift()).map(|(_kind, count)| count).sum()
    }

    /// Whether everything that may be read is proved equal; what was busy proves nothing either way.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.drift() == 0 && !self.found.contains_key(&DifferenceKind::Failed)
    }
}

/// Compares. What differs is looked at again after `settle`; `tell` learns what happens.
///
/// `None` where neither ERPNext nor we know the one customer.
///
/// # Errors
/// ERPNext or the database could not answer, also after some patience.
pub async fn run(
    context: &Context,
    scope: &Scope,
    settle: Duration,
    tell: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Option<Report>, SyncError> {
    let mut verify = Verify {
        context,
        settle,
        tell,
        patience: Patience::default(),
        report: Report::default(),
        suspects: Vec::new(),
        renamed: HashSet::new(),
    };
    match scope {
        Scope::All => verify.all().await?,
        Scope::Sample(size) => verify.sample(*size).await?,
        Scope::One(name) => {
            if !verify.one(name).await? {
                return Ok(None);
            }
        }
    }
    Ok(Some(verify.report))
}

/// A customer that differed.
#[derive(Debug)]
struct Suspect {
    name: String,
    token: String,
}

struct Verify<'a> {
    context: &'a Context,
    settle: Duration,
    tell: &'a mut (dyn FnMut(Event<'_>) + Send),
    patience: Patience,
    report: Report,
    suspects: Vec<Suspect>,
    /// Rows that were found under another name of ERPNext's, so that they are not missing there.
    renamed: HashSet<CustomerId>,
}

impl Verify<'_> {
    async fn all(&mut self) -> Result<(), SyncError> {
        let mut last: Option<String> = None;
        loop {
            let names = self.page(last.as_deref()).await?;
            self.listed(&names).await?;
            let is_last = names.len() < PAGE;
            last = names.into_iter().next_back().or(last);
            if is_last {
                break;
            }
        }
        self.settle().await?;
        let mut after = CustomerId::MIN;
        while let Some((rows, last)) = our_page(self.context, after).await? {
            after = last;
            self.missing(rows).await?;
        }
        self.settle().await
    }

    async fn sample(&mut self, size: usize) -> Result<(), SyncError> {
        let mut sample = Sample::new(size);
        let mut last: Option<String> = None;
        loop {
            let names = self.page(last.as_deref()).await?;
            let is_last = names.len() < PAGE;
            last = names.last().cloned().or(last);
            for name in names {
                sample.offer(|| name);
            }
            if is_last {
                break;
            }
        }
        self.listed(&sample.into_kept()).await?;
        self.settle().await?;
        let mut sample = Sample::new(size);
        let mut after = CustomerId::MIN;
        while let Some((rows, last)) = our_page(self.context, after).await? {
            after = last;
            for row in rows {
                sample.offer(|| row);
            }
        }
        for rows in sample.into_kept().chunks(PAGE) {
            self.missing(rows.to_vec()).await?;
        }
        self.settle().await
    }

    /// Whether there is such a customer at all.
    async fn one(&mut self, name: &str) -> Result<bool, SyncError> {
        let context = self.context;
        let name = [name.to_owned()];
        let listed = self.ask(|| rehearsal::names_among(context, &name)).await?;
        if !listed.is_empty() {
            self.listed(&listed).await?;
        } else {
            let held = self.context.store.held(&name, &[]).await?;
            if held.iter().all(|held| held.deleted) {
                return Ok(false);
            }
            self.report.checked += 1;
            let looked = self.ask(|| Box::pin(look::at(context, &name, false))).await?;
            self.first(looked);
        }
        self.settle().await?;
        Ok(true)
    }

    async fn page(&mut self, after: Option<&str>) -> Result<Vec<String>, SyncError> {
        let context = self.context;
        self.ask(|| rehearsal::names_behind(context, after, PAGE)).await
    }

    /// Looks at customers that ERPNext lists.
    async fn listed(&mut self, names: &[String]) -> Result<(), SyncError> {
        let context = self.context;
        for batch in names.chunks(BATCH) {
            let looked = self.ask(|| Box::pin(look::at(context, batch, true))).await?;
            self.looked_at(batch.len(), looked).await?;
        }
        Ok(())
    }

    /// Looks at those of our rows that ERPNext does not list.
    async fn missing(&mut self, mut rows: Vec<(CustomerId, String)>) -> Result<(), SyncError> {
        let context = self.context;
        rows.retain(|(id, _name)| !self.renamed.contains(id));
        let names: Vec<String> = rows.into_iter().map(|(_id, name)| name).collect();
        for batch in names.chunks(BATCH) {
            let listed = self.ask(|| rehearsal::names_among(context, batch)).await?;
            let listed: HashSet<String> = listed.into_iter().collect();
            let gone: Vec<String> = batch.iter().filter(|name| !listed.contains(*name)).cloned().collect();
            let looked = self.ask(|| Box::pin(look::at(context, &gone, false))).await?;
            self.looked_at(gone.len(), looked).await?;
        }
        Ok(())
    }

    async fn looked_at(&mut self, count: usize, looked: Vec<Looked>) -> Result<(), SyncError> {
        self.report.checked += u64::try_from(count).unwrap_or(u64::MAX);
        self.first(looked);
        (self.tell)(Event::Looked(self.report.checked));
        if self.suspects.len() >= SUSPECTS { self.settle().await } else { Ok(()) }
    }

    /// Takes what a first look found: drift is looked at again.
    fn first(&mut self, looked: Vec<Looked>) {
        for looked in looked {
            if looked.is_drift() {
                self.suspects.push(Suspect { name: looked.name, token: looked.token });
            } else {
                self.note(looked);
            }
        }
    }

    /// Looks at the suspects until each is as it should be, or proved to differ, or has moved all the time.
    async fn settle(&mut self) -> Result<(), SyncError> {
        let context = self.context;
        for _look in 0..LOOKS {
            if self.suspects.is_empty() {
                return Ok(());
            }
            (self.tell)(Event::Waiting(self.suspects.len()));
            let until = Instant::now() + self.settle;
            tokio::time::sleep_until(until).await;
            let suspects = std::mem::take(&mut self.suspects);
            for batch in suspects.chunks(BATCH) {
                let names: Vec<String> = batch.iter().map(|suspect| suspect.name.clone()).collect();
                let looked = self.ask(|| Box::pin(look::again(context, &names))).await?;
                for looked in looked {
                    let as_before =
                        batch.iter().any(|suspect| suspect.name == looked.name && suspect.token == looked.token);
                    if looked.is_drift() && (looked.in_flight || !as_before) {
                        self.suspects.push(Suspect { name: looked.name, token: looked.token });
                    } else {
                        self.note(looked);
                    }
                }
            }
        }
        self.report.busy += u64::try_from(self.suspects.len()).unwrap_or(u64::MAX);
        self.suspects.clear();
        Ok(())
    }

    /// Counts and tells what is certain.
    fn note(&mut self, looked: Looked) {
        let report = &mut self.report;
        match looked.differences.is_empty() {
            true if looked.left_out => report.left_out += 1,
            true => report.equal += 1,
            false => {}
        }
        for difference in looked.differences {
            *report.found.entry(difference.kind).or_default() += 1;
            if difference.kind == DifferenceKind::Renamed {
                self.renamed.extend(difference.customer);
            }
            (self.tell)(Event::Found(difference));
        }
    }

    /// Asks with patience.
    async fn ask<T, A>(&mut self, question: impl Fn() -> A) -> Result<T, SyncError>
    where
        A: Future<Output = Result<T, SyncError>>,
    {
        self.patience.ask(question, &mut *self.tell).await
    }
}

/// Rows behind that id that follow a document, and the last id.
async fn our_page(
    context: &Context,
    after: CustomerId,
) -> Result<Option<(Vec<(CustomerId, String)>, CustomerId)>, SyncError> {
    let page = context.store.followed(after, u32::try_from(PAGE).unwrap_or(u32::MAX)).await?;
    let Some(last) = page.last().map(|row| row.id) else { return Ok(None) };
    Ok(Some((page.into_iter().filter(|row| !row.filtered).map(|row| (row.id, row.name)).collect(), last)))
}
