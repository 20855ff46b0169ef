//! Looking customers up where there are a million: pages of the list, searches, the page for people, and the export.
//!
//! Invariant: rows are made by SQL as another application would, before the service starts; each question is asked over HTTP
//! as a page of the service asks it, and its median counts. Three tenths of the names end with one word, two tenths
//! with another.

use std::time::{Duration, Instant};

use customer_sync::domain::listing::{Cursor, Sort};
use customer_sync::simulator::Options;

use super::Setup;
use crate::databases::Kind;
use crate::service::{Service, Site};
use crate::sheet::{Sheet, milliseconds, percentile, rate};
use crate::sql::Sql;
use crate::visitor::Visitor;

pub const NAME: &str = "look customers up";
pub const MEDIAN: &str = "median";
/// The order of each page, and what its row is called.
pub const PAGES: [(&str, &str, &str); 4] = [
    ("id", "first page by id", "page in the middle by id"),
    ("name", "first page by name", "page in the middle by name"),
    ("-updated", "first page by last change", "page in the middle by last change"),
    ("created", "first page by creation", "page in the middle by creation"),
];
/// What is searched for, and what its row is called.
pub const SEARCHES: [(&str, &str); 10] = [
    ("q=gmbh&show=living", "search: a word of 300,000"),
    ("q=ba&show=living", "search: two letters"),
    ("q=kibadi%20gu&show=living", "search: a rare word and the beginning of another"),
    ("q=info%40x777777.example", "search: one customer by e-mail"),
    ("q=cust-777777", "search: one customer by its name in ERPNext"),
    ("q=zzzz&show=living", "search: nobody"),
    ("q=gmbh%20ag&show=living", "search: two frequent words that nobody has together"),
    ("q=gmbh%20ce%20fo&show=living", "search: three frequent beginnings"),
    ("q=gmbh&show=local", "search: a word of 300,000 among 200 local ones"),
    ("show=deleted", "filter: 1,000 deleted ones"),
];
/// What a person opens, and what its row is called.
pub const VIEWS: [(&str, &str); 4] = [
    ("/customers", "page for people: first byte"),
    ("/customers?sort=-updated", "page for people, by last change: first byte"),
    ("/customers?q=gmbh", "page for people, a word of 300,000: first byte"),
    ("/customers?show=deleted", "page for people, 1,000 deleted ones: first byte"),
];

pub async fn run(setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    for kind in &setup.kinds {
        on(*kind, setup, sheet).await?;
    }
    Ok(())
}

async fn on(kind: Kind, setup: &Setup, sheet: &mut Sheet) -> anyhow::Result<()> {
    let customers = setup.size(1_000_000, 100_000);
    let site = Site::new(kind, 0, Options::default()).await?.migrated()?;
    let sql = Sql::open(&site.database.url).await?;
    fill(&sql, kind, customers).await?;
    let service = site.serve()?;
    let times = setup.size(15, 5);
    for (sort, first, middle) in PAGES {
        let path = format!("/api/customers?sort={sort}");
        ask(&service, sheet, kind, first, &path, times).await?;
        let half = service.get(&format!("/api/customers?limit=1&after={}", customers / 2)).await?;
        let row = &half["data"][0];
        let key = row[if sort == "name" { "name" } else { "updated_at" }].as_str().map(str::to_owned);
        let at = Cursor { key, id: i64::try_from(customers / 2)? };
        let order = Sort::parse(sort).map_err(anyhow::Error::msg)?;
        ask(&service, sheet, kind, middle, &format!("{path}&after={}", at.written(order)), times).await?;
    }
    for (query, case) in SEARCHES {
        ask(&service, sheet, kind, case, &format!("/api/customers?{query}&sort=name"), times).await?;
    }
    let lines = customers / 5;
    let began = Instant::now();
    service.download("/api/customers.csv", lines).await?;
    sheet
        .row(NAME, kind.as_str(), "export")
        .figure("customers", rate(u64::try_from(lines)?, began.elapsed()), "/s")
        .figure("peak memory", service.peak_memory()?, "MB");
    // Signing in takes memory of its own, so it comes last.
    let visitor = Visitor::sign_in(&service).await?;
    for (path, case) in VIEWS {
        let mut took = Vec::new();
        for _time in 0..times {
            took.push(visitor.first_byte(path).await?);
        }
        note(sheet, kind, case, took);
    }
    Ok(())
}

/// Asks the same question so many times.
async fn ask(
    service: &Service,
    sheet: &mut Sheet,
    kind: Kind,
    case: &str,
    path: &str,
    times: usize,
) -> anyhow::Result<()> {
    let mut took = Vec::new();
    for _time in 0..times {
        let began = Instant::now();
        service.get(path).await?;
        took.push(began.elapsed());
    }
    note(sheet, kind, case, took);
    Ok(())
}

fn note(sheet: &mut Sheet, kind: Kind, case: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    sheet.row(NAME, kind.as_str(), case).figure(MEDIAN, milliseconds(percentile(&took, 0.5)), "ms").figure(
        "worst",
        milliseconds(percentile(&took, 1.0)),
        "ms",
    );
}

/// Makes so many customers, a part at a time.
async fn fill(sql: &Sql, kind: Kind, customers: usize) -> anyhow::Result<()> {
    const PART: usize = 50_000;
    let (text, time) = match kind {
        Kind::Sqlite => ("TEXT", "strftime('%Y-%m-%dT%H:%M:%fZ', 1767225600 + #, 'unixepoch')"),
        Kind::Postgres => ("TEXT", "TIMESTAMPTZ '2026-01-01' + (#) * INTERVAL '1 second'"),
        Kind::Mariadb => ("CHAR", "'2026-01-01' + INTERVAL (#) SECOND"),
    };
    // A number as letters, so that it is a word that others begin with.
    let word = |number: &str| {
        let syllables = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu"].iter().enumerate();
        syllables.fold(format!("CAST({number} AS {text})"), |word, (digit, syllable)| {
            format!("REPLACE({word}, '{digit}', '{syllable}')")
        })
    };
    let (first, second) = (word("(i * 17) % 4999"), word("i % 997"));
    let (created, updated) = (time.replace('#', "i"), time.replace('#', "(i * 1999) % 1000000"));
    for begin in (0..customers).step_by(PART) {
        let (from, to) = (begin + 1, begin + PART);
        let numbers = match kind {
            Kind::Sqlite | Kind::Postgres => {
                format!("WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})")
            }
            Kind::Mariadb => format!("WITH n (i) AS (SELECT seq FROM seq_{from}_to_{to})"),
        };
        let insert = "INSERT INTO customers (erpnext_id, name, company_name, email, phone, tax_number, city, origin, \
            deleted_at, created_at, updated_at)";
        let select = format!(
            "SELECT 'CUST-' || CAST(i AS {text}), {first} || ' ' || {second} || CASE WHEN i % 10 < 3 THEN ' GmbH' WHEN i % 10 < 5 THEN ' AG' ELSE '' END, \
                'A company', 'info@x' || CAST(i AS {text}) || '.example', '+49 30 ' || CAST(i AS {text}), \
                'DE' || CAST(100000000 + i AS {text}), 'Berlin', CASE WHEN i % 5000 = 0 THEN 'local' ELSE 'erpnext' END, \
                CASE WHEN i % 1000 = 1 THEN {updated} ELSE NULL END, {created}, {updated} FROM n"
        );
        let statement = match kind {
            Kind::Mariadb => format!("{insert} {numbers} {select}"),
            Kind::Sqlite | Kind::Postgres => format!("{numbers} {insert} {select}"),
        };
        sql.execute(&statement, &[]).await?;
    }
    let analyze = if kind == Kind::Mariadb { "ANALYZE TABLE customers" } else { "ANALYZE customers" };
    sql.execute(analyze, &[]).await?;
    Ok(())
}
