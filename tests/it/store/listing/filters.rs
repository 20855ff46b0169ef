//! What each choice shows, alone and together with a search.

use std::collections::BTreeMap;
use std::time::Duration;

use customer_sync::domain::customer::CustomerId;
use customer_sync::domain::document::Unknown;
use customer_sync::domain::job::Outcome;
use customer_sync::domain::plan::{Gone, Write};

use super::super::make::{CREATION, ending, error, record, upsert};
use super::{Case, on_each_database, question};

on_each_database! {
    each_choice_shows_its_own
    a_choice_is_found_behind_a_crowd_and_with_a_search
}

async fn each_choice_shows_its_own(case: Case) {
    let mut ids: BTreeMap<&str, CustomerId> = BTreeMap::new();
    for name in ["synced", "inactive", "gone", "dead", "waiting", "unknown"] {
        let mut record = record(name);
        record.customer.is_active = name != "inactive";
        let unknown = if name == "unknown" { Unknown::parse(Some("contact")) } else { Unknown::default() };
        let write = match upsert(None, record.clone(), CREATION) {
            Write::Upsert(mut upsert) => {
                upsert.state.unknown = unknown;
                Write::Upsert(upsert)
            }
            other => other,
        };
        ids.insert(name, case.write(name, write).await.0);
    }
    let seen = case.seen("gone").await;
    case.write("gone", Write::Tombstone { seen, gone: Gone::Deleted, release_name: true }).await;
    let claim = case.claim("dead").await;
    case.apply(ending(claim, Outcome::Dead(error("it is broken")))).await;
    let claim = case.claim("waiting").await;
    let after = Duration::from_secs(600);
    case.apply(ending(claim, Outcome::Retry { after, error: error("again"), burn: true })).await;
    case.claim("synced").await; // being worked on: no problem
    case.insert(
        "name, is_active, origin",
        &["'local', TRUE, 'local'", "'sleeping', FALSE, 'local'", "'maybe', TRUE, 'local'"],
    )
    .await;
    let mut all = ids.values().copied().collect::<Vec<_>>();
    for name in ["local", "sleeping", "maybe"] {
        let found = case.listed(&question(name, "all", "id"), 10).await;
        assert_eq!(found.len(), 1, "{name}");
        ids.insert(name, found[0]);
        all.push(found[0]);
    }
    for (customer, suggestion) in [("maybe", "open"), ("local", "rejected")] {
        case.execute(&format!(
            "INSERT INTO sync_suggestions (name, creation, customer_id, kind, matched_by, state, created_at) \
             VALUES ('x', '{CREATION}', {}, 'link', 'email', '{suggestion}', 0)",
            ids[customer]
        ))
        .await;
    }
    all.sort_unstable();
    let of = |names: &[&str]| {
        let mut ids: Vec<CustomerId> = names.iter().map(|name| ids[name]).collect();
        ids.sort_unstable();
        ids
    };
    for (show, expected) in [
        ("all", all.clone()),
        ("living", of(&["synced", "inactive", "dead", "waiting", "unknown", "local", "sleeping", "maybe"])),
        ("synced", of(&["synced", "inactive", "dead", "waiting", "unknown"])),
        ("local", of(&["local", "sleeping", "maybe"])),
        ("inactive", of(&["inactive", "sleeping"])),
        ("deleted", of(&["gone"])),
        ("problems", of(&["dead", "waiting", "unknown"])),
        ("to_link", of(&["maybe"])),
    ] {
        for limit in [1, 3, 100] {
            assert_eq!(case.listed(&question("", show, "id"), limit).await, expected, "{show} by {limit}");
        }
        let mut backwards = case.listed(&question("", show, "-id"), 2).await;
        backwards.reverse();
        assert_eq!(backwards, expected, "{show}");
        for sort in ["name", "-updated", "created"] {
            let mut found = case.listed(&question("", show, sort), 2).await;
            found.sort_unstable();
            assert_eq!(found, expected, "{show} by {sort}");
        }
    }
    assert_eq!(case.listed(&question("wai", "problems", "name"), 2).await, of(&["waiting"]));
    assert!(case.listed(&question("wai", "local", "name"), 2).await.is_empty());
}

async fn a_choice_is_found_behind_a_crowd_and_with_a_search(case: Case) {
    case.crowd(2_600).await;
    case.execute("UPDATE customers SET origin = 'erpnext'").await;
    case.insert("name, origin", &["'Mmm One', 'local'", "'Mmm Two', 'local'"]).await;
    for sort in ["id", "name", "-name", "updated", "-updated", "created", "-created"] {
        assert_eq!(case.listed(&question("", "local", sort), 1).await.len(), 2, "{sort}");
        assert_eq!(case.listed(&question("tw", "local", sort), 1).await.len(), 1, "{sort}");
        assert_eq!(case.listed(&question("one", "synced", sort), 1).await.len(), 0, "{sort}");
    }
    let some = case.listed(&question("crowd", "synced", "name"), 400).await;
    assert_eq!(some.len(), 2_600);
}
