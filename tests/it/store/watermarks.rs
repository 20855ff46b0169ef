//! Watermarks, what catch-up has put, and rows with unreadable parts.

use customer_sync::domain::document::Unknown;
use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::domain::plan::{Gone, Write};
use customer_sync::store::{Stamped, Watermark};

use super::{Case, on_each_database};
use crate::support::databases::Kind;

on_each_database! {
    the_first_watermark_stays
    a_page_is_put_remembered_and_moves_the_watermark_together
    what_is_held_is_known_by_name_and_stamp
    quiet_ends_with_the_next_news
    what_was_put_long_ago_is_forgotten_in_portions
    another_site_begins_without_watermarks
    rows_with_an_unreadable_part_are_listed_by_id
}

const FIRST: &str = "2026-11-22 01:35:07";
const SECOND: &str = "2026-11-22 01:35:07.000001";

fn stamped(name: &str, modified: &str) -> Stamped {
    Stamped { name: name.to_owned(), modified: modified.to_owned() }
}

fn polled(name: &str) -> Put {
    Put::new(DocKey::customer(name), Lane::Bulk, Cause::CatchUp)
}

impl Case {
    async fn watermark(&self) -> Watermark {
        self.store.watermarks().await.unwrap().remove("Customer").unwrap()
    }

    async fn first_watermark(&self, stamp: &str) {
        self.store.set_first_watermarks(&[("Customer", stamp.to_owned())]).await.unwrap();
    }
}

async fn the_first_watermark_stays(case: Case) {
    assert!(case.store.watermarks().await.unwrap().is_empty());
    case.first_watermark(FIRST).await;
    let both = [("Customer", SECOND.to_owned()), ("Address", SECOND.to_owned())];
    case.store.set_first_watermarks(&both).await.unwrap();
    let marks = case.store.watermarks().await.unwrap();
    assert_eq!((marks["Customer"].modified.as_str(), marks["Address"].modified.as_str()), (FIRST, SECOND));
    assert!(!marks["Customer"].quiet && marks["Customer"].still_for().as_secs() < 60);
}

async fn a_page_is_put_remembered_and_moves_the_watermark_together(case: Case) {
    case.first_watermark(FIRST).await;
    let documents = [stamped("B", SECOND), stamped("A", SECOND), stamped("A", FIRST)];
    let puts = [polled("B"), polled("A")];
    case.store.put_seen("Customer", &documents, &puts, SECOND).await.unwrap();
    assert_eq!(case.watermark().await.modified, SECOND);
    let asked = [stamped("A", FIRST), stamped("B", FIRST), stamped("B", SECOND), stamped("b", SECOND)];
    let seen = case.store.seen("Customer", &asked).await.unwrap();
    assert_eq!(seen, [stamped("A", FIRST), stamped("B", SECOND)].into_iter().collect());
    assert!(case.store.seen("Address", &asked).await.unwrap().is_empty(), "each doctype by itself");
    assert_eq!(case.claimed_names().await, ["A", "B"]);

    // Again, and with a lower stamp: nothing goes back, nothing is there twice.
    case.store.put_seen("Customer", &documents, &[], FIRST).await.unwrap();
    assert_eq!((case.watermark().await.modified.as_str(), case.count("FROM sync_seen").await), (SECOND, 3));

    // All or nothing; SQLite alone takes a name of any length.
    let later = "2026-12-01 00:00:00";
    let put = case.store.put_seen("Customer", &[], &[polled(&"x".repeat(300))], later).await;
    assert_eq!(put.is_err(), case.database.kind != Kind::Sqlite, "{put:?}");
    assert_eq!(case.watermark().await.modified, if put.is_ok() { later } else { SECOND });
}

async fn what_is_held_is_known_by_name_and_stamp(case: Case) {
    for name in ["Held", "Gone", "Left out"] {
        case.create(name).await;
    }
    for (name, gone) in [("Gone", Gone::Deleted), ("Left out", Gone::Filtered)] {
        let seen = case.seen(name).await;
        case.write(name, Write::Tombstone { seen, gone, release_name: false }).await;
    }
    let asked = ["Held", "held", "Gone", "Left out", "Unknown"].map(|name| stamped(name, FIRST));
    let mut names: Vec<String> =
        case.store.held_stamps(&asked).await.unwrap().into_iter().map(|document| document.name).collect();
    names.sort();
    assert_eq!(names, ["Held", "Left out"], "a tombstone that ERPNext has wants a look");
}

async fn quiet_ends_with_the_next_news(case: Case) {
    case.first_watermark(FIRST).await;
    let before = case.watermark().await;
    case.execute("UPDATE sync_watermarks SET moved_at = moved_at - 4000000").await;
    case.store.note_quiet("Customer", &before).await.unwrap();
    assert!(!case.watermark().await.quiet, "something moved meanwhile");
    let still = case.watermark().await;
    assert!(still.still_for().as_secs() >= 4_000);
    case.store.note_quiet("Customer", &still).await.unwrap();
    assert!(case.watermark().await.quiet);
    case.store.put_seen("Customer", &[stamped("A", FIRST)], &[polled("A")], FIRST).await.unwrap();
    let after = case.watermark().await;
    assert!(!after.quiet && after.still_for().as_secs() < 60);
}

async fn what_was_put_long_ago_is_forgotten_in_portions(case: Case) {
    case.first_watermark(FIRST).await;
    let old: Vec<Stamped> = (0..2_500).map(|number| stamped(&format!("{number:04}"), "2026-11-21 10:00:00")).collect();
    case.store.put_seen("Customer", &old, &[], FIRST).await.unwrap();
    case.store.put_seen("Customer", &[stamped("kept", FIRST)], &[], FIRST).await.unwrap();
    case.store.put_seen("Address", &[stamped("other", "2026-11-21 10:00:00")], &[], FIRST).await.unwrap();
    case.store.prune_seen("Customer", FIRST).await.unwrap();
    let left = case.select(["name"], "FROM sync_seen ORDER BY name").await;
    assert_eq!(left, [[Some("kept".to_owned())], [Some("other".to_owned())]]);
}

async fn another_site_begins_without_watermarks(case: Case) {
    case.first_watermark(FIRST).await;
    case.store.put_seen("Customer", &[stamped("A", FIRST)], &[], FIRST).await.unwrap();
    case.store.forget_watermarks().await.unwrap();
    assert!(case.store.watermarks().await.unwrap().is_empty());
    assert_eq!(case.count("FROM sync_seen").await, 0);
}

async fn rows_with_an_unreadable_part_are_listed_by_id(case: Case) {
    let mut ids = Vec::new();
    for name in ["First", "Second", "Gone", "Well"] {
        ids.push(case.create(name).await);
        if name != "Well" {
            let unknown = Unknown::parse(Some("contact,field:tax_id"));
            case.write(name, Write::MarkUnknown { seen: case.seen(name).await, unknown }).await;
        }
    }
    case.write("Gone", Write::Tombstone { seen: case.seen("Gone").await, gone: Gone::Deleted, release_name: false })
        .await;
    let marked = case.store.marked("contact,field:tax_id", 0, 9).await.unwrap();
    assert_eq!(marked, [(ids[0], "First".to_owned()), (ids[1], "Second".to_owned())]);
    assert_eq!(case.store.marked("contact,field:tax_id", ids[0], 1).await.unwrap(), marked[1..]);
    assert!(case.store.marked("contact", 0, 9).await.unwrap().is_empty());
    assert!(case.store.marks_of(ids[0]).await.unwrap().unwrap().unknown.has("contact"));
    assert_eq!(case.store.marks_of(ids[3]).await.unwrap().unwrap().unknown, Unknown::default());
    assert_eq!(case.store.marks_of(ids[2]).await.unwrap(), None, "a tombstone is tested no more");
}
