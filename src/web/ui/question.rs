//! What somebody wants to see of the list of customers, as it stands in an address: search, filter, order.
//!
//! Invariant: every link of the list asks the same question but for what it says, so that reloading, going back and passing
//! an address on show what was seen. What is not said is left out of the address.

use serde::Deserialize;

use super::address::address;
use crate::domain::listing::{Cursor, CustomerQuery, Key, Place, Show, Sort};
use crate::domain::search::Search;

/// Those that are shown unless something else is wanted.
const USUAL: Show = Show::Living;
/// The list as a file.
const FILE: &str = "/api/customers.csv";
/// The list as a page.
const PAGE: &str = "/customers";
/// In that order.
const BY_NAME: Sort = Sort { key: Key::Name, descending: false };

/// An address of the list, as it comes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    q: Option<String>,
    show: Option<String>,
    sort: Option<String>,
    after: Option<String>,
    before: Option<String>,
}

/// A question that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// What was typed.
    pub(super) q: String,
    /// Which customers.
    pub(super) show: Show,
    /// In which order.
    pub(super) sort: Sort,
}

/// A filter of the list.
pub(super) struct Filter {
    pub(super) show: Show,
    pub(super) name: &'static str,
    /// What is said where it shows nobody.
    pub(super) nobody: &'static str,
}

/// All filters, in their order.
pub(super) static FILTERS: &[Filter] = &[
    Filter { show: Show::Living, name: "All", nobody: "No customers yet" },
    Filter { show: Show::Synced, name: "Synced", nobody: "No customer is synced with ERPNext yet" },
    Filter { show: Show::Local, name: "Local only", nobody: "Every customer is in ERPNext" },
    Filter { show: Show::Inactive, name: "Inactive", nobody: "Every customer is active" },
    Filter { show: Show::Problems, name: "With problems", nobody: "No customer has a problem" },
    Filter { show: Show::ToLink, name: "To be linked", nobody: "No customer waits to be linked" },
    Filter { show: Show::Deleted, name: "Deleted", nobody: "No customer was deleted" },
];

impl Asked {
    /// The question, and from where on.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn understood(&self) -> Result<(Question, Place), String> {
        let question = Question {
            q: self.q.as_deref().unwrap_or_default().trim().to_owned(),
            show: given(self.show.as_deref()).map_or(Ok(USUAL), Show::parse)?,
            sort: given(self.sort.as_deref()).map_or(Ok(BY_NAME), Sort::parse)?,
        };
        let place = match (given(self.after.as_deref()), given(self.before.as_deref())) {
            (None, None) => Place::First,
            (Some(after), _) => Place::After(Cursor::parse(after, question.sort)?),
            (None, Some(before)) => Place::Before(Cursor::parse(before, question.sort)?),
        };
        Ok((question, place))
    }
}

impl Default for Question {
    fn default() -> Self {
        Self { q: String::new(), show: USUAL, sort: BY_NAME }
    }
}

impl Question {
    /// As the store takes it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the search.
    pub(super) fn query(&self) -> Result<CustomerQuery, String> {
        let search = Search::parse(&self.q).map_err(|wrong| wrong.replacen("q may", "The search may", 1))?;
        Ok(CustomerQuery { search, show: self.show, sort: self.sort })
    }

    /// Its filter, unless it is one without a name.
    pub(super) fn filter(&self) -> Option<&'static Filter> {
        FILTERS.iter().find(|filter| filter.show == self.show)
    }

    /// Its beginning.
    pub(super) fn address(&self) -> String {
        self.with("", "")
    }

    /// All that it shows, as a file. The API shows others unless it is told.
    pub(super) fn file(&self) -> String {
        address(FILE, &[("q", self.q.as_str()), ("show", self.show.as_str())])
    }

    /// The same for other customers.
    pub(super) fn shown(&self, show: &Show) -> String {
        Self { show: *show, ..self.clone() }.address()
    }

    /// The same without a search.
    pub(super) fn unsearched(&self) -> String {
        Self { q: String::new(), ..self.clone() }.address()
    }

    /// The same in the order of `key`; the other way round if it is that one already. What is newest comes first.
    pub(super) fn sorted(&self, key: Key) -> String {
        let descending = if self.sort.key == key { !self.sort.descending } else { key == Key::Updated };
        Self { sort: Sort { key, descending }, ..self.clone() }.address()
    }

    /// The page behind a place.
    pub(super) fn after(&self, at: &Cursor) -> String {
        self.at("after", at)
    }

    /// The page before a place.
    pub(super) fn before(&self, at: &Cursor) -> String {
        self.at("before", at)
    }

    /// How a column is sorted, in the words of `aria-sort`.
    pub(super) fn direction(&self, key: Key) -> &'static str {
        match (self.sort.key == key, self.sort.descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }

    /// Its order in an address; empty for the usual one.
    pub(super) fn sort_word(&self) -> String {
        if self.sort == BY_NAME { String::new() } else { sort_word(self.sort) }
    }

    /// Its filter in an address; empty for the usual one.
    pub(super) fn show_word(&self) -> &'static str {
        if self.show == USUAL { "" } else { self.show.as_str() }
    }

    fn at(&self, side: &str, at: &Cursor) -> String {
        self.with(side, &at.written(self.sort))
    }

    fn with(&self, word: &str, value: &str) -> String {
        let sort = self.sort_word();
        address(PAGE, &[("q", self.q.as_str()), ("show", self.show_word()), ("sort", &sort), (word, value)])
    }
}

fn sort_word(Sort { key, descending }: Sort) -> String {
    format!("{}{}", if descending { "-" } else { "" }, key.as_str())
}

fn given(word: Option<&str>) -> Option<&str> {
    word.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_unusual_and_is_read_back() {
        assert_eq!(Question::default().address(), "/customers");
        let question = Question { q: "a&b ü".to_owned(), show: Show::Local, ..Question::default() };
        assert_eq!(question.address(), "/customers?q=a%26b+%C3%BC&show=local");
        assert_eq!(question.unsearched(), "/customers?show=local");
        assert_eq!(question.shown(&Show::Living), "/customers?q=a%26b+%C3%BC");
        assert_eq!(question.file(), "/api/customers.csv?q=a%26b+%C3%BC&show=local");
        assert_eq!(Question::default().file(), "/api/customers.csv?show=living");
        assert_eq!(Question::default().sorted(Key::Updated), "/customers?sort=-updated");
        assert_eq!(Question::default().sorted(Key::Name), "/customers?sort=-name");
        let asked = Asked {
            q: Some(" a&b ü".to_owned()),
            show: Some("local".to_owned()),
            sort: Some(String::new()),
            ..Asked::default()
        };
        assert_eq!(asked.understood(), Ok((question, Place::First)));
        assert!(Asked { show: Some("nobody".to_owned()), ..Asked::default() }.understood().is_err());
    }

    #[test]
    fn a_page_is_behind_or_before_a_place() {
        let by_id = Question { sort: Sort::default(), ..Question::default() };
        let at = Cursor { key: None, id: 7 };
        assert_eq!(by_id.after(&at), "/customers?sort=id&after=7");
        assert_eq!(Question::default().after(&at), "/customers?after=Ny0");
        let asked =
            Asked { sort: Some("id".to_owned()), before: Some("7".to_owned()), ..Asked::default() }.understood();
        assert_eq!(asked, Ok((by_id, Place::Before(at))));
    }
}
