//! What a page of the list is looked for by, what was found so far, and how frequent each word was on the way.
//!
//! Invariant: what is meant is judged here, by the same code for every row and database. The rows that were walked are a
//! sample: a word that many of them have would cost an index much and tell it little, so it is not asked for one.

use super::super::Dialect;
use super::proposal::proposal;
use crate::domain::listing::Cursor;
use crate::domain::search::{Search, Searched};

/// A word is frequent if more than one of so many customers has it.
const FREQUENT: usize = 20;

/// A customer that may be meant, with its place.
pub(super) struct Candidate {
    pub(super) at: Cursor,
    pub(super) class: i64,
    pub(super) searched: Searched,
}

/// The way to a page.
pub(super) struct Hunt<'q> {
    search: Option<&'q Search>,
    /// The classes that are wanted; see `places::mask`.
    pub(super) mask: i64,
    /// The places of those that are meant.
    pub(super) found: Vec<Cursor>,
    /// One more than the page has, to know whether there is a next one.
    wanted: usize,
    /// Behind which everything is still to be looked at.
    pub(super) at: Option<Cursor>,
    /// What the index of words is asked.
    pub(super) proposal: String,
    looked: usize,
    /// How many of those had each word of the search.
    met: Vec<usize>,
}

impl<'q> Hunt<'q> {
    pub(super) fn new(search: Option<&'q Search>, mask: i64, wanted: usize, at: Option<Cursor>) -> Self {
        let met = vec![0; search.map_or(0, |search| search.words().len())];
        Self { search, mask, found: Vec::new(), wanted, at, proposal: String::new(), looked: 0, met }
    }

    pub(super) fn is_done(&self) -> bool {
        self.found.len() >= self.wanted
    }

    /// Whether so many rows in all should give the page, if the rest is like those that were looked at.
    pub(super) fn would_be_done(&self, rows: u32) -> bool {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        self.found.len().saturating_mul(rows) >= self.wanted.saturating_mul(self.looked)
    }

    pub(super) fn judge(&mut self, candidates: Vec<Candidate>) {
        for Candidate { at, class, searched } in candidates {
            let verdict = self.search.map(|search| search.judge(&searched));
            self.looked += 1;
            for (met, had) in self.met.iter_mut().zip(verdict.iter().flat_map(|verdict| &verdict.met)) {
                *met += usize::from(*had);
            }
            if !self.is_done() && class & self.mask != 0 && verdict.is_none_or(|verdict| verdict.is_meant) {
                self.found.push(at.clone());
            }
            self.at = Some(at);
        }
    }

    /// Decides what the index of words is asked: the words that are not frequent, or all if all are. Whether it can tell
    /// anything.
    pub(super) fn propose(&mut self, dialect: Dialect) -> bool {
        let Some(search) = self.search else { return false };
        let words: Vec<&str> = search.words().iter().map(String::as_str).collect();
        let rare = words.iter().zip(&self.met).filter(|(_word, met)| **met * FREQUENT <= self.looked);
        let rare: Vec<&str> = rare.map(|(word, _met)| *word).collect();
        let of = |words: &[&str]| proposal(dialect, words, search.number());
        let proposal = of(&rare).or_else(|| of(&words));
        let can_tell = proposal.is_some();
        self.proposal = proposal.unwrap_or_default();
        can_tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(names: &[&str]) -> Vec<Candidate> {
        let searched = |name: &str| Searched { name: Some(name.to_owned()), ..Searched::default() };
        let at = |id| Cursor { key: None, id };
        (1..).zip(names).map(|(id, name)| Candidate { at: at(id), class: 1, searched: searched(name) }).collect()
    }

    #[test]
    fn an_index_is_asked_for_the_words_that_few_have() {
        let ask = |query: &str, walked: &[&str]| {
            let search = Search::parse(query).unwrap().unwrap();
            let mut hunt = Hunt::new(Some(&search), 1, 10, None);
            hunt.judge(candidates(walked));
            assert!(hunt.propose(Dialect::Sqlite));
            hunt.proposal
        };
        let many = [["Berg GmbH"; 20].as_slice(), &["Tal GmbH"]].concat();
        assert_eq!(ask("gmbh tal see", &many), "\"tal\"* AND \"see\"*");
        assert_eq!(ask("gmbh be", &many), "\"gmbh\"* AND \"be\"*", "all are frequent");
        assert_eq!(ask("gmbh tal", &[]), "\"gmbh\"* AND \"tal\"*", "nothing is known");
        assert_eq!(ask("gmbh 12", &many), "(\"12\"*) OR (\"gmbh12\"*)");
    }

    #[test]
    fn walking_on_is_promising_where_enough_was_found_on_the_way() {
        let search = Search::parse("tal").unwrap().unwrap();
        let mut hunt = Hunt::new(Some(&search), 1, 10, None);
        hunt.judge(candidates(&[["Berg"; 99].as_slice(), &["Tal"]].concat()));
        assert!(!hunt.would_be_done(999) && hunt.would_be_done(1_000) && !hunt.is_done());
    }
}
