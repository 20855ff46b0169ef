//! The list of customers: what is found, what is shown, in which order, page by page.
//!
//! Invariant: every question is asked page by page, forwards and back again, and both ways give the same customers; so each
//! test here is one of paging, too.

mod filters;
mod order;
mod search;
mod words;

use customer_sync::domain::customer::CustomerId;
use customer_sync::domain::listing::{CustomerQuery, Place, Show, Sort};
use customer_sync::domain::search::Search;

use super::{Case, on_each_database};

/// A question in the words of the API.
fn question(q: &str, show: &str, sort: &str) -> CustomerQuery {
    CustomerQuery {
        search: Search::parse(q).unwrap(),
        show: Show::parse(show).unwrap(),
        sort: Sort::parse(sort).unwrap(),
    }
}

impl Case {
    /// The ids of all that a question means, by pages of that size; they are the same on the way back, and when all words
    /// are indexed.
    async fn listed(&self, query: &CustomerQuery, limit: u32) -> Vec<CustomerId> {
        let found = self.paged(query, limit).await;
        if query.search.is_some() && self.index_all().await > 0 {
            assert_eq!(self.paged(query, limit).await, found, "{query:?} with all words indexed");
        }
        found
    }

    /// Brings SQLite's index of words up to date; how many customers it was.
    async fn index_all(&self) -> usize {
        let mut all = 0;
        loop {
            match self.store.index_words().await.unwrap() {
                0 => return all,
                some => all += some,
            }
        }
    }

    async fn paged(&self, query: &CustomerQuery, limit: u32) -> Vec<CustomerId> {
        let mut pages: Vec<Vec<CustomerId>> = Vec::new();
        let mut place = Place::First;
        let mut last = loop {
            let page = self.store.list_customers(query, &place, limit).await.unwrap();
            pages.push(page.rows.iter().map(|row| row.id).collect());
            assert_eq!(page.previous.is_some(), pages.len() > 1, "{query:?}");
            match page.next.clone() {
                Some(next) => place = Place::After(next),
                None => break page,
            }
        };
        for expected in pages.iter().rev().skip(1) {
            let place = Place::Before(last.previous.clone().unwrap());
            last = self.store.list_customers(query, &place, limit).await.unwrap();
            let ids: Vec<CustomerId> = last.rows.iter().map(|row| row.id).collect();
            assert_eq!((&ids, last.next.is_some()), (expected, true), "{query:?} on the way back");
        }
        assert!(last.previous.is_none(), "{query:?}");
        pages.concat()
    }

    /// Rows as another application inserts them: SQL values of these columns.
    async fn insert(&self, columns: &str, rows: &[&str]) {
        for row in rows {
            self.execute(&format!("INSERT INTO customers ({columns}) VALUES ({row})")).await;
        }
    }

    /// Rows that nobody looks for, before and behind all others in every order.
    async fn crowd(&self, rows: usize) {
        let values: Vec<String> =
            (0..rows).map(|row| format!("('{} Crowd {row}')", if row % 2 == 0 { "Aaa" } else { "Zzz" })).collect();
        for some in values.chunks(500) {
            self.execute(&format!("INSERT INTO customers (name) VALUES {}", some.join(", "))).await;
        }
    }
}
