//! Orders: nulls, equal keys, and rows that change while somebody pages.

use customer_sync::domain::customer::CustomerId;
use customer_sync::domain::listing::{Cursor, Place};

use super::{Case, on_each_database, question};
use crate::support::databases::Kind;

on_each_database! {
    names_sort_without_regard_to_case_and_equal_ones_by_id
    times_sort_and_customers_without_one_come_first
    nobody_is_skipped_or_doubled_while_rows_change
    a_place_that_does_not_exist_any_more_is_still_a_place
}

async fn names_sort_without_regard_to_case_and_equal_ones_by_id(case: Case) {
    case.insert("name", &["'delta'", "'Alpha'", "'charlie'", "'Bravo'", "'Bravo'", "'Bravo'", "''"]).await;
    let ids = case.listed(&question("", "all", "id"), 3).await;
    let order: Vec<CustomerId> = [6, 1, 3, 4, 5, 2, 0].map(|index| ids[index]).to_vec();
    for limit in [1, 2, 100] {
        let found = case.listed(&question("", "all", "name"), limit).await;
        if case.database.kind == Kind::Postgres {
            // Its own collation decides, and that of the tests is by code.
            assert_eq!(found.len(), 7);
        } else {
            assert_eq!(found, order);
        }
        let mut backwards = case.listed(&question("", "all", "-name"), limit).await;
        backwards.reverse();
        assert_eq!(backwards, found);
    }
}

async fn times_sort_and_customers_without_one_come_first(case: Case) {
    // As in an adopted table.
    match case.database.kind {
        Kind::Postgres => case.execute("ALTER TABLE customers ALTER COLUMN updated_at DROP NOT NULL").await,
        Kind::Mariadb => case.execute("ALTER TABLE customers MODIFY COLUMN updated_at DATETIME(6) NULL").await,
        Kind::Sqlite => {
            case.execute("PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'updated_at DATETIME NOT NULL', 'updated_at DATETIME') WHERE name = 'customers'; PRAGMA writable_schema = OFF").await;
        }
    }
    let case = Case { store: case.another_store().await, database: case.database };
    let time = |seconds: u32| match case.database.kind {
        Kind::Sqlite => format!("'2026-01-31T12:00:{seconds:02}.000Z'"),
        Kind::Postgres | Kind::Mariadb => format!("'2026-01-31 12:00:{seconds:02}.000'"),
    };
    let rows = [time(5), "NULL".to_owned(), time(1), time(5), "NULL".to_owned(), time(3), time(5)];
    for (number, time) in rows.iter().enumerate() {
        case.insert("name, updated_at", &[&format!("'n{number}', {time}")]).await;
    }
    let ids = case.listed(&question("", "all", "id"), 3).await;
    let order: Vec<CustomerId> = [1, 4, 2, 5, 0, 3, 6].map(|index| ids[index]).to_vec();
    for limit in [1, 2, 3, 100] {
        assert_eq!(case.listed(&question("", "all", "updated"), limit).await, order, "by {limit}");
        let mut backwards = case.listed(&question("", "all", "-updated"), limit).await;
        backwards.reverse();
        assert_eq!(backwards, order, "by {limit}");
        assert_eq!(case.listed(&question("n", "local", "updated"), limit).await, order, "filtered, by {limit}");
    }
}

async fn nobody_is_skipped_or_doubled_while_rows_change(case: Case) {
    for number in 0..40 {
        case.insert("name", &[&format!("'row {number:02}'")]).await;
    }
    let query = question("row", "living", "name");
    let (mut seen, mut place) = (Vec::new(), Place::First);
    for turn in 0.. {
        let page = case.store.list_customers(&query, &place, 6).await.unwrap();
        seen.extend(page.rows.iter().map(|row| row.customer.name.clone()));
        let Some(next) = page.next else { break };
        place = Place::After(next);
        // Behind and before the reader rows come and go, and the last one it saw is renamed.
        case.insert("name", &[&format!("'row {turn:02} new'"), &format!("'row 39 {turn}'")]).await;
        let last = seen.last().unwrap();
        case.execute(&format!("UPDATE customers SET name = '0 {last}' WHERE name = '{last}'")).await;
        case.execute(&format!("DELETE FROM customers WHERE name = 'row {:02}'", turn * 2)).await;
    }
    let mut distinct = seen.clone();
    distinct.dedup();
    assert_eq!(distinct, seen, "none twice");
    for number in (21..40).step_by(2) {
        assert!(seen.contains(&format!("row {number:02}")), "{number} was there all the time");
    }
}

async fn a_place_that_does_not_exist_any_more_is_still_a_place(case: Case) {
    case.insert("name", &["'b'", "'d'"]).await;
    let query = question("", "all", "name");
    let at = |key: &str| Cursor { key: Some(key.to_owned()), id: 0 };
    for (place, expected) in [
        (Place::After(at("c")), vec!["d"]),
        (Place::Before(at("c")), vec!["b"]),
        (Place::After(at("")), vec!["b", "d"]),
        (Place::Before(at("")), vec![]),
        (Place::After(at("zz")), vec![]),
    ] {
        let rows = case.store.list_customers(&query, &place, 10).await.unwrap().rows;
        let names: Vec<&str> = rows.iter().map(|row| row.customer.name.as_str()).collect();
        assert_eq!(names, expected, "{place:?}");
    }
    // Places of another database's making do no harm.
    for key in [
        "1769860800000",
        "2026-01-31T12:00:00.000Z",
        "2026-01-31 12:00:00+00",
        "2026-01-31 12:00:00+00+00",
        "2026-01-31 12:00:00+20:00",
        "2026-01-31 12:00:00,5",
        "2026-01-31 12:00:00[Europe/Berlin]",
        "2026-01-31T12",
        "0000-01-01 00:00:00",
        "-002026-01-01 00:00:00",
    ] {
        for sort in ["updated", "-created"] {
            let page = case.store.list_customers(&question("", "all", sort), &Place::After(at(key)), 10).await;
            assert!(page.is_ok(), "{key}: {page:?}");
        }
    }
}
