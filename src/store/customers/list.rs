//! A page of customers: searched, filtered, sorted, from any place on, in about the same time wherever it is.
//!
//! There are two ways to a page. *Walking* reads customers in the order that is asked for, by its index, and keeps those
//! that are meant; that is quick where many are. *Gathering* has an index find all that may be meant and sorts those; that
//! is quick where few are. Nobody knows beforehand which it is, so a page is walked for a bounded way first, and then
//! gathered from there on, unless the filter alone leaves few. Invariant: what is meant is judged by `hunt`; an index only
//! proposes.

use serde_json::json;

use super::super::db::{Arg, Row, Statement};
use super::super::transact::Fault;
use super::super::{Store, StoreError};
use super::hunt::{Candidate, Hunt};
use super::places::{Source, counted, mask, stretches};
use super::{CustomerRow, row, row_text, searched};
use crate::domain::customer::CustomerId;
use crate::domain::listing::{Cursor, CustomerQuery, Key, Place, Show, Sort};

pub(in crate::store) static ALL: &[&Statement] = &[&ROWS];

static ROWS: Statement = Statement::built(|_| row_text("{rows:id int} AS r {join} customers AS t ON t.id = r.id"));

/// Rows that are walked before anything is gathered: some, because most searches match many while they are being typed,
/// then more, because an index that proposes many is slow to sort them.
const WALKS: [u32; 2] = [200, 2_000];
/// Rows that are walked in all where that should give the page, and rows of one go where walking is the only way.
const LONG_WALK: u32 = 10_000;
/// Rows of one go that an index proposes for a search.
const PROPOSALS: u32 = 1_000;
/// A filter that leaves no more than so many is all that an index is asked for.
const FEW: u32 = 5_000;

/// A page of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerPage {
    /// The customers, in the order that was asked for.
    pub rows: Vec<CustomerRow>,
    /// Behind which place the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Before which place the page before ends, if there may be one.
    pub previous: Option<Cursor>,
}

impl Store {
    /// A page of the customers that are meant, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_customers(
        &self,
        query: &CustomerQuery,
        place: &Place,
        limit: u32,
    ) -> Result<CustomerPage, StoreError> {
        let what = "list customers";
        if query.search.as_ref().is_some_and(|search| search.words().is_empty()) {
            // No index can be asked for no word, and no walk would end before the last customer.
            return Ok(CustomerPage { rows: Vec::new(), next: None, previous: None });
        }
        let (sort, at) = match place {
            Place::First => (query.sort, None),
            Place::After(at) => (query.sort, Some(at)),
            Place::Before(at) => (query.sort.reversed(), Some(at)),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = self.find(what, query, sort, at.cloned(), limit.saturating_add(1)).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let (more_behind, more_before) = match place {
            Place::First => (more, false),
            Place::After(_) => (more, !found.is_empty()),
            Place::Before(_) => {
                found.reverse();
                (!found.is_empty(), more)
            }
        };
        Ok(CustomerPage {
            rows: self.rows_at(what, &found).await?,
            next: found.last().filter(|_| more_behind).cloned(),
            previous: found.first().filter(|_| more_before).cloned(),
        })
    }

    /// The places of up to so many customers that are meant.
    async fn find(
        &self,
        what: &'static str,
        query: &CustomerQuery,
        sort: Sort,
        at: Option<Cursor>,
        wanted: usize,
    ) -> Result<Vec<Cursor>, StoreError> {
        let search = query.search.as_ref();
        let mut hunt = Hunt::new(search, mask(query.show), wanted, at);
        if search.is_none() && query.show == Show::All {
            self.advance(what, Source::Walk, sort, &mut hunt, count(wanted)).await?;
            return Ok(hunt.found);
        }
        let shown = Source::of(query.show);
        let (source, length) = match shown {
            Some(shown) if self.are_few(what, query.show).await? => (shown, FEW),
            Some(_) | None => {
                if !self.walk(what, sort, &mut hunt).await? {
                    return Ok(hunt.found);
                }
                let can_propose = hunt.propose(self.dialect()) && self.words_are_usable(what).await?;
                match shown {
                    _ if can_propose => (Source::Proposed, PROPOSALS),
                    Some(shown) if search.is_none() => (shown, count(wanted)),
                    Some(shown) => (shown, LONG_WALK),
                    None => (Source::Walk, LONG_WALK),
                }
            }
        };
        while !hunt.is_done() && self.advance(what, source, sort, &mut hunt, length).await? {}
        Ok(hunt.found)
    }

    /// Whether a filter leaves so few that an index finds them at once. What only its own source can tell always does.
    async fn are_few(&self, what: &'static str, show: Show) -> Result<bool, StoreError> {
        let Some(statement) = counted(show) else { return Ok(true) };
        let rows = self.read(what, statement, &[Arg::Int(i64::from(FEW) + 1)]).await?;
        let read = rows.first().map(|row| row.int("n")).transpose().map_err(|error| StoreError::of(what, error))?;
        Ok(read.is_some_and(|most| most <= i64::from(FEW)))
    }

    /// Walks for as long as that should give the page; whether there is more to look for.
    async fn walk(&self, what: &'static str, sort: Sort, hunt: &mut Hunt<'_>) -> Result<bool, StoreError> {
        let [first, then] = WALKS;
        let mut length = first;
        loop {
            let is_more = self.advance(what, Source::Walk, sort, hunt, length).await?;
            if !is_more || hunt.is_done() {
                return Ok(false);
            }
            if length == then && !hunt.would_be_done(LONG_WALK) {
                return Ok(true);
            }
            length = then;
        }
    }

    /// Looks at the next rows of a source; whether there may be more behind them.
    async fn advance(
        &self,
        what: &'static str,
        source: Source,
        sort: Sort,
        hunt: &mut Hunt<'_>,
        length: u32,
    ) -> Result<bool, StoreError> {
        let behind = hunt.at.clone();
        let proposal = hunt.proposal.clone();
        let proposed = [Arg::Text(&proposal), Arg::Int(hunt.mask)];
        let first = if source == Source::Proposed { &proposed[..] } else { &[] };
        let mut left = length;
        for (statement, mut args) in stretches(self.dialect(), source, first, sort, behind.as_ref()) {
            args.push(Arg::Int(i64::from(left)));
            let rows = self.read(what, statement, &args).await?;
            left = left.saturating_sub(count(rows.len()));
            let candidates: Result<Vec<Candidate>, Fault> = rows.iter().map(|row| candidate(row, sort)).collect();
            hunt.judge(candidates.map_err(|fault| fault.into_error(what))?);
            if left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows at those places, in their order; one that was removed meanwhile is left out.
    async fn rows_at(&self, what: &'static str, places: &[Cursor]) -> Result<Vec<CustomerRow>, StoreError> {
        let ids: Vec<_> = places.iter().map(|place| json!({ "id": place.id })).collect();
        let read = self.read_batches(what, &ROWS, &ids).await?;
        let rows: Result<Vec<CustomerRow>, Fault> = read.iter().map(row).collect();
        let mut rows = rows.map_err(|fault| fault.into_error(what))?;
        let order = |id: CustomerId| places.iter().position(|place| place.id == id);
        rows.sort_by_cached_key(|row| order(row.id));
        Ok(rows)
    }
}

fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

fn candidate(row: &Row, sort: Sort) -> Result<Candidate, Fault> {
    let key = if sort.key == Key::Id { None } else { row.maybe_text("sort_key")? };
    Ok(Candidate { at: Cursor { key, id: row.int("id")? }, class: row.int("class")?, searched: searched(row)? })
}
