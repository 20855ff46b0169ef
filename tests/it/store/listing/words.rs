//! SQLite's index of words: whoever writes, however far it is, a search finds what it finds by looking at every row.
//!
//! Invariant: the index may stand anywhere between empty and complete at any question. The other databases keep indexes of
//! their own, which are `search`'s business; what is true of any index runs on them, too.

use std::collections::BTreeMap;
use std::time::Duration;

use customer_sync::domain::customer::CustomerId;
use customer_sync::domain::erasure::ErasedBy;
use customer_sync::domain::search::{Search, Searched};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::super::make::{CREATION, full_record, upsert};
use super::{Case, on_each_database, question};
use crate::support::databases::Kind;

on_each_database! {
    it_finds_what_looking_at_every_row_finds
    it_goes_on_wherever_it_was_given_up
    more_than_a_search_looks_at_may_wait
    it_is_made_anew_for_a_table_that_was_made_anew
    nothing_of_an_erased_customer_stays_in_the_file
}

const WORDS: [&str; 15] = [
    "Müller",
    "mu\u{308}nster",
    "SÖHNE",
    "Ag",
    "agra",
    "12",
    "+49 30",
    "30-12",
    "ΣΟΦΟΣ",
    "İzmir",
    "x",
    "山田",
    "việt",
    "viê\u{323}t",
    "\u{1112}\u{1161}\u{11ab}국",
];
/// More than anybody walks before asking the index.
const CROWD: usize = 2_300;

/// Customers as an application writes them, and what it knows of them.
struct Model {
    random: SmallRng,
    rows: BTreeMap<CustomerId, (String, String)>,
}

impl Model {
    fn some(&mut self) -> String {
        let words = self.random.random_range(0..4);
        (0..words).map(|_| WORDS[self.random.random_range(0..WORDS.len())]).collect::<Vec<_>>().join(" ")
    }

    fn one(&mut self) -> Option<CustomerId> {
        let count = self.rows.len();
        (count > 0).then(|| self.rows.keys().nth(self.random.random_range(0..count)).copied()).flatten()
    }

    /// The next thing that the application does.
    fn edit(&mut self) -> String {
        let (name, phone) = (self.some(), self.some());
        let insert = |id| format!("INTO customers (id, name, phone) VALUES ({id}, '{name}', '{phone}')");
        let free = 10_000 + self.rows.keys().max().copied().unwrap_or_default();
        match (self.random.random_range(0..6), self.one()) {
            (0, Some(id)) => {
                self.rows.remove(&id);
                format!("DELETE FROM customers WHERE id = {id}")
            }
            (1 | 2, Some(id)) => {
                self.rows.insert(id, (name.clone(), phone.clone()));
                format!("UPDATE customers SET name = '{name}', phone = '{phone}' WHERE id = {id}")
            }
            (3, Some(id)) => {
                let row = self.rows.remove(&id).unwrap();
                self.rows.insert(free, row);
                format!("UPDATE customers SET id = {free} WHERE id = {id}")
            }
            _ => {
                let sql = format!("INSERT {}", insert(free));
                self.rows.insert(free, (name, phone));
                sql
            }
        }
    }

    fn meant(&self, q: &str) -> Vec<CustomerId> {
        let search = Search::parse(q).unwrap().unwrap();
        let is_meant = |(name, phone): &(String, String)| {
            let (name, phone) = (Some(name.clone()), Some(phone.clone()));
            search.matches(&Searched { name, phone, ..Searched::default() })
        };
        self.rows.iter().filter(|(_id, row)| is_meant(row)).map(|(id, _row)| *id).collect()
    }
}

async fn it_finds_what_looking_at_every_row_finds(case: Case) {
    case.crowd(CROWD).await;
    let mut model = Model { random: SmallRng::seed_from_u64(6), rows: BTreeMap::new() };
    for round in 0..25 {
        for _ in 0..6 {
            let sql = model.edit();
            case.execute(&sql).await;
        }
        if model.random.random_range(0..3) == 0 {
            case.index_all().await;
        }
        let q = match model.random.random_range(0..12) {
            0 => "müll ag",
            1 => "mün",
            2 => "4930",
            3 => "30 12",
            4 => "σοφ",
            5 => "山",
            6 => "i\u{307}z",
            7 => "σοφος",
            8 => "việt",
            9 => "한",
            10 => "mü",
            _ => "x 12",
        };
        // `paged`, so that the index is as far as it happens to be.
        assert_eq!(case.paged(&question(q, "all", "id"), 20).await, model.meant(q), "{q} in round {round}");
    }
    case.index_all().await;
    for q in ["a", "m", "12", "3012", "sö", "x"] {
        assert_eq!(case.paged(&question(q, "all", "id"), 20).await, with_crowd(&case, &model, q).await, "{q}");
    }
}

/// What is meant of the model, and of the crowd, which may have words that begin alike.
async fn with_crowd(case: &Case, model: &Model, q: &str) -> Vec<CustomerId> {
    let search = Search::parse(q).unwrap().unwrap();
    let rows = case.select(["id", "name"], "FROM customers WHERE name LIKE '%Crowd%' ORDER BY id").await;
    let of_crowd = rows.into_iter().filter_map(|[id, name]| {
        let is_meant = search.matches(&Searched { name, ..Searched::default() });
        is_meant.then(|| id.unwrap().parse().unwrap())
    });
    of_crowd.chain(model.meant(q)).collect()
}

async fn it_goes_on_wherever_it_was_given_up(case: Case) {
    case.crowd(CROWD).await;
    case.insert("name", &["'Mmm Last'"]).await;
    let last = case.paged(&question("mmm", "all", "name"), 10).await;
    assert_eq!(last.len(), 1);
    let mut store = case.another_store().await;
    for micros in (0..40).map(|step| step * 400) {
        if tokio::time::timeout(Duration::from_micros(micros), store.index_words()).await.is_err() {
            // As another process after this one was killed.
            store = case.another_store().await;
        }
        assert_eq!(case.paged(&question("mmm la", "all", "name"), 10).await, last);
    }
    case.index_all().await;
    assert_eq!(case.paged(&question("mmm la", "all", "name"), 10).await, last);
    if case.database.kind == Kind::Sqlite {
        let rows = case.select(["COUNT(*)", "COUNT(DISTINCT rowid)"], "FROM sync_words").await;
        assert_eq!(rows[0].clone().map(Option::unwrap), [(CROWD + 1).to_string(), (CROWD + 1).to_string()]);
        case.execute("INSERT INTO sync_words (sync_words) VALUES ('integrity-check')").await;
    }
}

async fn more_than_a_search_looks_at_may_wait(case: Case) {
    case.crowd(6_000).await;
    case.insert("name", &["'Mmm Last'"]).await;
    assert_eq!(case.listed(&question("mmm", "all", "name"), 10).await.len(), 1);
    case.execute("UPDATE customers SET email = 'all@example.com'").await;
    assert_eq!(case.listed(&question("mmm all", "living", "-name"), 10).await.len(), 1);
    assert_eq!(case.listed(&question("mmm example", "deleted", "id"), 10).await.len(), 0);
}

/// As tools for migrations do with SQLite, where a table can hardly be changed: the triggers go with the old one.
async fn it_is_made_anew_for_a_table_that_was_made_anew(case: Case) {
    if case.database.kind != Kind::Sqlite {
        return;
    }
    case.crowd(CROWD).await;
    case.insert("name", &["'Mmm Before'"]).await;
    assert_eq!(case.listed(&question("before", "all", "name"), 10).await.len(), 1);
    let made = case.select(["sql"], "FROM sqlite_schema WHERE name = 'customers'").await;
    let made = made[0][0].clone().unwrap().replacen("customers", "new_customers", 1);
    case.execute(&format!(
        "PRAGMA foreign_keys = OFF; {made}; INSERT INTO new_customers SELECT * FROM customers; DROP TABLE customers; \
         ALTER TABLE new_customers RENAME TO customers; UPDATE customers SET name = 'Mmm After' WHERE name = 'Mmm Before'"
    ))
    .await;
    let after = case.listed(&question("after", "all", "name"), 10).await;
    assert_eq!(after.len(), 1);
    assert!(case.listed(&question("before", "all", "name"), 10).await.is_empty());
    case.execute("UPDATE customers SET name = 'Mmm Later' WHERE name = 'Mmm After'").await;
    assert_eq!(case.listed(&question("later", "all", "name"), 10).await, after, "the triggers are there again");
}

async fn nothing_of_an_erased_customer_stays_in_the_file(case: Case) {
    if case.database.kind != Kind::Sqlite {
        return;
    }
    let (id, _effect) = case.write("Ada & Co", upsert(None, full_record("Ada & Co"), CREATION)).await;
    // Several portions, so that parts of the index are merged and pages set free.
    for _ in 0..8 {
        case.crowd(600).await;
        case.index_all().await;
    }
    let path = case.database.url.trim_start_matches("sqlite://").to_owned();
    let holds = |word: &str| {
        let files = ["", "-wal"].map(|end| std::fs::read(format!("{path}{end}")).unwrap_or_default());
        files.iter().any(|file| file.windows(word.len()).any(|bytes| bytes == word.as_bytes()))
    };
    let words = ["söhne", "de123456789"];
    for word in words {
        assert!(holds(word), "{word} is in the index");
    }
    case.store.erase(&[id], ErasedBy::Person).await.unwrap();
    for word in words {
        assert!(!holds(word), "{word} is left");
    }
}
