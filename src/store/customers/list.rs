//! A page of customers: searched, filtered, sorted, from any place on, in about the same time wherever it is.
//!
//! There are two ways to a page. *Walking* reads customers in the order that is asked for, by its index, and keeps those
//! that are meant; that is quick where many are. *Gathering* has an index find all that may be meant and sorts those; that
//! is quick where few are. Nobody knows beforehand which it is, so a page is walked for a bounded way first, and then
//! gathered from there on. Invariant: what is meant is judged here, by the same code for every row and database; an index only
//! proposes.

use serde_json::json;

use super::super::db::{Arg, Row, Statement};
use super::super::transact::Fault;
use super::super::{Store, StoreError};
use super::places::{Source, mask, stretches};
use super::proposal::proposal;
use super::{CustomerRow, row, row_text, searched};
use crate::domain::customer::CustomerId;
use crate::domain::listing::{Cursor, CustomerQuery, Key, Place, Show, Sort};
use crate::domain::search::{Search, Searched};

pub(in crate::store) static ALL: &[&Statement] = &[&ROWS];

static ROWS: Statement = Statement::built(|_| row_text("{rows:id int} AS r {join} customers AS t ON t.id = r.id"));

/// Rows that are walked before anything is gathered: some, because most searches match many while they are being typed,
/// then more, because an index that proposes many is slow to sort them.
const WALKS: [u32; 2] = [200, 2_000];
/// Rows of one go where walking is the only way.
const LONG_WALK: u32 = 5_000;

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

/// A customer that may be meant, with its place.
struct Candidate {
    at: Cursor,
    class: i64,
    searched: Searched,
}

/// What is being looked for, and what was found so far.
struct Hunt<'q> {
    search: Option<&'q Search>,
    mask: i64,
    /// What the index of words is asked.
    proposal: Option<String>,
    /// Found and wanted: one more than the page has, to know whether there is a next one.
    found: Vec<Cursor>,
    wanted: usize,
    /// Behind which everything is still to be looked at.
    at: Option<Cursor>,
}

impl Hunt<'_> {
    /// By which index to gather. What only its own source can tell is not found by words.
    fn source(&self, show: Show) -> Source {
        match &self.proposal {
            Some(_) if !by_source(show) => Source::Proposed,
            Some(_) | None => Source::of(show).unwrap_or(Source::Walk),
        }
    }

    fn is_done(&self) -> bool {
        self.found.len() >= self.wanted
    }

    fn judge(&mut self, candidates: Vec<Candidate>) {
        for Candidate { at, class, searched } in candidates {
            if !self.is_done() && class & self.mask != 0 && self.search.is_none_or(|search| search.matches(&searched)) {
                self.found.push(at.clone());
            }
            self.at = Some(at);
        }
    }
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
        let (search, mask) = (query.search.as_ref(), mask(query.show));
        let proposal = search.and_then(|search| proposal(self.dialect(), search));
        let mut hunt = Hunt { search, mask, proposal, found: Vec::new(), wanted, at };
        let everybody = search.is_none() && query.show == Show::All;
        let mut source = hunt.source(query.show);
        if everybody {
            self.advance(what, Source::Walk, sort, &mut hunt, count(wanted)).await?;
            return Ok(hunt.found);
        }
        if !by_source(query.show) {
            for length in WALKS {
                if !self.advance(what, Source::Walk, sort, &mut hunt, length).await? || hunt.is_done() {
                    return Ok(hunt.found);
                }
            }
        }
        if source == Source::Proposed && !self.words_are_usable(what).await? {
            hunt.proposal = None;
            source = hunt.source(query.show);
        }
        let length = if source == Source::Walk || by_source(query.show) { LONG_WALK } else { count(wanted) };
        while !hunt.is_done() && self.advance(what, source, sort, &mut hunt, length).await? {}
        Ok(hunt.found)
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
        let proposal = hunt.proposal.clone().unwrap_or_default();
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

/// Whether only the source of the choice itself can tell who is meant, and no column of a customer.
const fn by_source(show: Show) -> bool {
    matches!(show, Show::Problems | Show::ToLink)
}

fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

fn candidate(row: &Row, sort: Sort) -> Result<Candidate, Fault> {
    let key = if sort.key == Key::Id { None } else { row.maybe_text("sort_key")? };
    Ok(Candidate { at: Cursor { key, id: row.int("id")? }, class: row.int("class")?, searched: searched(row)? })
}
