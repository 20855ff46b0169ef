//! A shop with 5,000 customers of its own moves in: no customer twice, no id lost, every order still at its customer.
//!
//! Invariant: the forecast of a dry run is compared number by number with what the full run and the sweep then do.

use std::collections::{BTreeMap, HashMap};

use customer_sync::app::look;
use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::{Options, Simulator};
use customer_sync::store::{self, CustomerRow, Store};
use customer_sync::sync::dry_run;
use serde_json::json;

use crate::support::app::{TestApp, config, wait_until};
use crate::support::databases::{Database, Kind, fresh};
use crate::support::sql::{count, execute};
use crate::support::truth::{differences_of, page_by_id};

/// Rows of the shop.
const ROWS: usize = 5_000;
const SETTINGS: [(&str, &str); 1] = [("matching.keys", "tax_number,email")];

/// What a row of the shop is, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Names its document.
    Named,
    /// Names it in another case.
    Misspelt,
    /// Has no name, but the document's e-mail.
    ByEmail,
    /// Has no name, but the document's tax number, written otherwise.
    ByTaxNumber,
    /// Names a document that ERPNext does not have; another one has its e-mail.
    Astray,
    /// Names a document that ERPNext does not have.
    Dangling,
    /// Shares its e-mail with the next row.
    Twin,
    /// Only the shop knows it.
    Local,
}

fn fate(row: usize) -> Fate {
    match row % 20 {
        0..=7 => Fate::Named,
        8 => Fate::Misspelt,
        9..=11 => Fate::ByEmail,
        12 => Fate::ByTaxNumber,
        13 if row < 1_000 => Fate::Astray,
        14 if row < 1_000 => Fate::Dangling,
        15 | 16 if row < 1_000 => Fate::Twin,
        _ => Fate::Local,
    }
}

fn document(row: usize) -> String {
    format!("Firma Äpfel {row:04}")
}

/// The e-mail of a row; twins have that of the first of them.
fn email(row: usize) -> String {
    let owner = if fate(row) == Fate::Twin && row % 20 == 16 { row - 1 } else { row };
    format!("shop{owner}@kunde.example")
}

fn tax_number(row: usize) -> String {
    format!("DE{row:09}")
}

/// What ERPNext has: the documents of the shop's rows, and 500 that the shop does not know.
fn fill(erpnext: &Simulator) {
    for row in 0..ROWS {
        let customer = match fate(row) {
            Fate::Named | Fate::Misspelt => json!({"customer_name": document(row), "tax_id": tax_number(row)}),
            Fate::ByEmail | Fate::Astray => json!({"customer_name": document(row), "email_id": email(row)}),
            Fate::Twin if row % 20 == 15 => json!({"customer_name": document(row), "email_id": email(row)}),
            Fate::ByTaxNumber => json!({"customer_name": document(row), "tax_id": tax_number(row)}),
            Fate::Twin | Fate::Dangling | Fate::Local => continue,
        };
        erpnext.import("Customer", customer).unwrap();
    }
    for number in 0..500 {
        erpnext.import("Customer", json!({"customer_name": format!("Nur dort {number}")})).unwrap();
    }
}

/// The shop's tables, in the form of the predecessor, with one order for each customer.
async fn shop(database: &Database) {
    let (id, time, tail) = match database.kind {
        Kind::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "DATETIME", ""),
        Kind::Postgres => ("SERIAL PRIMARY KEY", "TIMESTAMP(3)", ""),
        Kind::Mariadb => {
            ("INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY", "DATETIME(3)", " DEFAULT CHARACTER SET utf8mb4")
        }
    };
    execute(
        database,
        &format!(
            "CREATE TABLE customers (
                id {id}, name VARCHAR(255) NOT NULL, company_name VARCHAR(255), contact_person VARCHAR(255),
                email VARCHAR(255), phone VARCHAR(50), address TEXT, city VARCHAR(100), state VARCHAR(100),
                postal_code VARCHAR(20), country VARCHAR(100), credit_limit DECIMAL(15,2), payment_terms VARCHAR(100),
                tax_number VARCHAR(100), notes TEXT, is_active BOOLEAN NOT NULL DEFAULT true,
                created_at {time} NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at {time} NOT NULL DEFAULT CURRENT_TIMESTAMP,
                erpnext_id VARCHAR(255) UNIQUE){tail}"
        ),
    )
    .await;
    let id = if database.kind == Kind::Sqlite { "INTEGER" } else { "INT" };
    execute(
        database,
        &format!(
            "CREATE TABLE orders (number INTEGER PRIMARY KEY, customer_id {id} NOT NULL,
                FOREIGN KEY (customer_id) REFERENCES customers (id)){tail}"
        ),
    )
    .await;
    for first in (0..ROWS).step_by(500) {
        let rows: Vec<String> = (first..first + 500).map(sql_row).collect();
        let columns = "id, name, email, tax_number, erpnext_id";
        execute(database, &format!("INSERT INTO customers ({columns}) VALUES {}", rows.join(", "))).await;
        let orders: Vec<String> = (first..first + 500).map(|row| format!("({row}, {})", row + 1)).collect();
        execute(database, &format!("INSERT INTO orders (number, customer_id) VALUES {}", orders.join(", "))).await;
    }
}

fn sql_row(row: usize) -> String {
    let fate = fate(row);
    let name = match fate {
        Fate::Named => format!("'{}'", document(row)),
        Fate::Misspelt => format!("'{}'", document(row).to_uppercase()),
        Fate::Astray | Fate::Dangling => format!("'ALT-{row:05}'"),
        Fate::ByEmail | Fate::ByTaxNumber | Fate::Twin | Fate::Local => "NULL".to_owned(),
    };
    let tax = match fate {
        Fate::ByTaxNumber => format!("'de {}.{}'", &tax_number(row)[2..5], &tax_number(row)[5..]),
        _ => "NULL".to_owned(),
    };
    format!("({}, 'Shop {row}', ' {}', {tax}, {name})", row + 1, email(row).to_uppercase())
}

/// What each row must belong to in the end.
fn expected(row: usize) -> Option<String> {
    match fate(row) {
        Fate::Named | Fate::Misspelt | Fate::ByEmail | Fate::ByTaxNumber | Fate::Astray => Some(document(row)),
        Fate::Dangling => Some(format!("ALT-{row:05}")),
        Fate::Twin | Fate::Local => None,
    }
}

fn number_of(fates: &[Fate]) -> i64 {
    let count = (0..ROWS).filter(|row| fates.contains(&fate(*row))).count();
    i64::try_from(count).unwrap()
}

async fn rows(store: &Store) -> Vec<CustomerRow> {
    let mut rows: Vec<CustomerRow> = Vec::new();
    loop {
        let page = page_by_id(store, rows.last().map(|row| row.id), 500).await;
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

async fn moves_in(kind: Kind) {
    let erpnext = Simulator::start(Options::default()).await.unwrap();
    fill(&erpnext);
    let database = fresh(kind).await;
    shop(&database).await;
    let options = store::Options { url: database.url.clone(), schema: None, max_connections: 4 };
    let (key, secret) = erpnext.key();
    let folder = tempfile::tempdir().unwrap();
    let settings = config(&database.url, &erpnext.url(), &key, &secret, folder.path().to_owned(), &SETTINGS);
    let told = look(&settings).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("migrate") && told.contains("--adopt"), "{told}");
    let store = Store::connect(&options).await.unwrap();
    store.migrate(true).await.unwrap();

    let before = rows(&store).await;
    let forecast = dry_run::run(&look(&settings).await.unwrap(), 3, |_done| {}).await.unwrap();
    assert_eq!(rows(&store).await, before, "a dry run writes nothing");
    assert_eq!(store.next_due_in().await.unwrap(), None, "and puts no job");

    let app = TestApp::configured(&database, &erpnext, &SETTINGS).await;
    let run = app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    wait_until("the full run is over", async || {
        app.store().run(run).await.unwrap().unwrap().state != RunState::Running
    })
    .await;
    let counts = app.store().run(run).await.unwrap().unwrap().counts;
    // What the sweep then finds: names of ours that ERPNext does not have.
    let missing = before.iter().filter(|row| fate(index(row)) == Fate::Dangling);
    let put = |row: &CustomerRow| {
        let name = row.customer.erpnext_id.clone().unwrap_or_default();
        Put { absent: true, ..Put::new(DocKey::customer(name), Lane::Bulk, Cause::Sweep) }
    };
    app.store().put(&missing.map(put).collect::<Vec<_>>()).await.unwrap();
    app.settled().await;

    // No id lost, each row with its own document, one row for each document.
    let after = rows(app.store()).await;
    let by_id: HashMap<i64, &CustomerRow> = after.iter().map(|row| (row.id, row)).collect();
    for row in &before {
        let now = by_id.get(&row.id).unwrap_or_else(|| panic!("{kind:?}: row {} is lost", row.id));
        assert_eq!(now.customer.erpnext_id, expected(index(row)), "{kind:?}: row {} ({:?})", row.id, fate(index(row)));
        assert!(now.deleted_at.is_none());
    }
    let twins = number_of(&[Fate::Twin]) / 2;
    assert_eq!(after.len(), ROWS + 500, "{kind:?}: only what the shop did not know is new");
    let open = app.store().suggestions(None, 0, 10_000).await.unwrap();
    let mut kinds: BTreeMap<&str, i64> = BTreeMap::new();
    open.iter().for_each(|asked| *kinds.entry(asked.kind.as_str()).or_default() += 1);
    let dangling = number_of(&[Fate::Dangling]);
    assert_eq!(kinds, BTreeMap::from([("ambiguous", twins * 2), ("missing", dangling)]), "{kind:?}");
    let mut documents = crate::support::truth::documents(&erpnext);
    documents.retain(|name, _| !open.iter().any(|asked| asked.name == *name));
    let differences = differences_of(app.store(), &documents).await;
    assert!(differences.is_empty(), "{kind:?}: {} differences, e.g. {}", differences.len(), differences[0]);
    let orders = "FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.customer_id = o.number + 1";
    assert_eq!(count(&database, orders).await, i64::try_from(ROWS).unwrap(), "{kind:?}: every order at its customer");

    // The forecast was true.
    let unsigned = |count: i64| u64::try_from(count).unwrap();
    let linked = number_of(&[Fate::ByEmail, Fate::Astray]);
    let by_key =
        [("email".to_owned(), unsigned(linked)), ("tax_number".to_owned(), unsigned(number_of(&[Fate::ByTaxNumber])))];
    assert_eq!(forecast.link, BTreeMap::from(by_key), "{kind:?}");
    assert_eq!(
        [forecast.create, forecast.update, forecast.unchanged, forecast.link.values().sum(), forecast.ambiguous],
        [counts.created, counts.updated, counts.unchanged, counts.linked, counts.skipped].map(unsigned),
        "{kind:?}: {forecast:?}"
    );
    assert_eq!([forecast.missing, forecast.ambiguous], [dangling, twins].map(unsigned));
    assert_eq!((forecast.remove, forecast.failed, counts.failed), (0, 0, 0), "{kind:?}");
    assert_eq!(forecast.total, unsigned(counts.processed()), "{kind:?}");
    assert!(forecast.examples.iter().any(|example| example.what == "link" && example.customer.is_some()));
}

/// Which row of the shop it is.
fn index(row: &CustomerRow) -> usize {
    usize::try_from(row.id - 1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_moves_in_on_sqlite() {
    moves_in(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_moves_in_on_postgresql() {
    moves_in(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_moves_in_on_mariadb() {
    moves_in(Kind::Mariadb).await;
}
