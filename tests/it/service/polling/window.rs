//! The window that catch-up looks at: equal stamps beyond a page, late commits, stamps of the future, restarts.

use customer_sync::domain::run::{RunCause, RunKind, RunState};
use jiff::SignedDuration;
use serde_json::json;

use super::Polling;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;

#[tokio::test]
async fn equal_stamps_beyond_a_page_are_all_met() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(1_050);
        polling.watch_from_the_beginning().await;
        // One statement in the database stamps them all alike.
        for doctype in ["Customer", "Address", "Contact"] {
            for name in erpnext.names(doctype) {
                erpnext.sql_edit(doctype, &name, json!({"modified": "2026-11-02 10:00:00"})).unwrap();
            }
        }
        // A busy machine may interrupt a look at so many; the next one goes on.
        while !polling.caught_up().await.ends_with(" to read") {}
        polling.in_step().await;
        assert_eq!(polling.catch_up().await, "nothing new", "{kind:?}");
    }
}

#[tokio::test]
async fn a_save_with_an_earlier_stamp_that_becomes_visible_later_is_met() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(3);
        polling.first_full_run().await;
        polling.caught_up().await;
        let names = erpnext.names("Customer");
        erpnext.freeze_clock("2026-11-10T15:30:00Z".parse().unwrap());
        erpnext.set_value("Customer", &names[0], json!({"tax_id": "quick"})).unwrap();
        polling.caught_up().await;
        // Its transaction began half an hour before that of the other, and ended after it.
        erpnext.freeze_clock("2026-11-10T15:00:00Z".parse().unwrap());
        erpnext.set_value("Customer", &names[1], json!({"tax_id": "slow"})).unwrap();
        assert_eq!(polling.caught_up().await, "1 document to read", "{kind:?}");
        polling.in_step().await;
    }
}

#[tokio::test]
async fn a_stamp_of_the_future_is_read_once_and_hides_nothing() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(3);
        polling.first_full_run().await;
        polling.caught_up().await;
        let names = erpnext.names("Customer");
        let address = erpnext.names("Address")[0].clone();
        erpnext.advance_clock(SignedDuration::from_hours(24 * 400));
        erpnext.set_value("Customer", &names[0], json!({"tax_id": "from the future"})).unwrap();
        erpnext.set_value("Address", &address, json!({"city": "Tomorrow"})).unwrap();
        assert_eq!(polling.caught_up().await, "2 documents to read", "{kind:?}");
        polling.in_step().await;
        assert_eq!(polling.catch_up().await, "nothing new", "{kind:?}");
        let marks = polling.app.store().watermarks().await.unwrap();
        assert!(marks.values().all(|mark| mark.modified.as_str() < "2027-06"), "{marks:?}");

        erpnext.advance_clock(SignedDuration::from_hours(-24 * 400));
        erpnext.set_value("Customer", &names[1], json!({"tax_id": "from today"})).unwrap();
        assert_eq!(polling.caught_up().await, "1 document to read", "{kind:?}");
        polling.in_step().await;
    }
}

#[tokio::test]
async fn a_stamp_moves_the_watermark_up_to_26_hours_ahead_of_our_clock_and_no_further() {
    let polling = Polling::start(Kind::Sqlite).await;
    let erpnext = &polling.erpnext;
    erpnext.seed_customers(3);
    polling.first_full_run().await;
    polling.caught_up().await;
    let names = erpnext.names("Customer");
    let ahead = |minutes: i64| {
        let stamp = jiff::Timestamp::now() + SignedDuration::from_mins(26 * 60 + minutes);
        stamp.strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let mark = async || polling.app.store().watermarks().await.unwrap()["Customer"].modified.clone();
    let before = mark().await;
    erpnext.sql_edit("Customer", &names[0], json!({"tax_id": "1", "modified": ahead(5)})).unwrap();
    assert_eq!(polling.caught_up().await, "1 document to read");
    assert_eq!(mark().await, before, "no clock is that wrong, and no zone is that far ahead");
    erpnext.set_value("Customer", &names[1], json!({"tax_id": "2"})).unwrap();
    assert_eq!(polling.caught_up().await, "1 document to read", "and nothing is hidden by it");
    polling.in_step().await;

    // Nobody here knows the site's zone, so what some zone may show is taken for the present time.
    let believed = ahead(-5);
    erpnext.sql_edit("Customer", &names[0], json!({"tax_id": "3", "modified": believed})).unwrap();
    assert_eq!(polling.caught_up().await, "1 document to read");
    assert_eq!(mark().await, believed);
    erpnext.set_value("Customer", &names[2], json!({"tax_id": "4"})).unwrap();
    assert_eq!(polling.caught_up().await, "nothing new", "the sweep's until the clocks have come that far");
    let sweep = polling.app.store().start_run(RunKind::Sweep, RunCause::Schedule).await.unwrap().run;
    let over = async || polling.app.store().run(sweep).await.unwrap().unwrap().state == RunState::Succeeded;
    wait_until("the sweep is over", over).await;
    polling.app.settled().await;
    polling.in_step().await;
}

#[tokio::test]
async fn the_first_watermark_ignores_the_future_and_is_set_by_the_first_full_run_alone() {
    let polling = Polling::start(Kind::Sqlite).await;
    let erpnext = &polling.erpnext;
    erpnext.seed_customers(3);
    let names = erpnext.names("Customer");
    erpnext.sql_edit("Customer", &names[0], json!({"modified": "2099-01-01 00:00:00"})).unwrap();
    erpnext.sql_edit("Customer", &names[1], json!({"modified": "2026-11-01 00:00:00.5"})).unwrap();
    erpnext.sql_edit("Customer", &names[2], json!({"modified": "2026-11-01 00:00:00"})).unwrap();
    polling.first_full_run().await;
    let first = polling.app.store().watermarks().await.unwrap();
    assert_eq!(first["Customer"].modified, "2026-11-01 00:00:00.500000");
    assert_eq!(first["Deleted Document"].modified, customer_sync::domain::stamp::BEFORE_ALL);
    erpnext.set_value("Customer", &names[1], json!({"tax_id": "meanwhile"})).unwrap();
    polling.first_full_run().await;
    assert_eq!(polling.app.store().watermarks().await.unwrap()["Customer"].modified, first["Customer"].modified);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_one_stopped() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(10);
        polling.first_full_run().await;
        polling.caught_up().await;
        let Polling { app, erpnext, database } = polling;
        drop(app);
        let names = erpnext.names("Customer");
        // More than the overlap passes while nobody looks.
        erpnext.set_value("Customer", &names[0], json!({"tax_id": "early"})).unwrap();
        erpnext.advance_clock(SignedDuration::from_hours(30));
        erpnext.set_value("Customer", &names[1], json!({"tax_id": "late"})).unwrap();
        let app = TestApp::configured(&database, &erpnext, &[]).await;
        let polling = Polling { app, erpnext, database };
        assert_eq!(polling.caught_up().await, "2 documents to read", "{kind:?}");
        polling.in_step().await;
    }
}

#[tokio::test]
async fn after_a_quiet_hour_only_what_is_new_is_asked_for() {
    for kind in Kind::ALL {
        let polling = Polling::start(kind).await;
        let erpnext = &polling.erpnext;
        erpnext.seed_customers(5);
        polling.first_full_run().await;
        polling.caught_up().await;
        let quiet = async || {
            let marks = polling.app.store().watermarks().await.unwrap();
            marks.values().map(|mark| mark.quiet).collect::<Vec<_>>()
        };
        assert_eq!(quiet().await, [false; 4], "{kind:?}");
        polling.execute("UPDATE sync_watermarks SET moved_at = moved_at - 3960000").await;
        assert_eq!(quiet().await, [false; 4], "{kind:?}: nobody has looked");
        assert_eq!(polling.catch_up().await, "nothing new", "{kind:?}");
        assert_eq!(quiet().await, [true; 4], "{kind:?}");
        let name = erpnext.names("Customer")[0].clone();
        erpnext.set_value("Customer", &name, json!({"tax_id": "after the quiet"})).unwrap();
        assert_eq!(polling.caught_up().await, "1 document to read", "{kind:?}");
        polling.in_step().await;
        assert_eq!(quiet().await.iter().filter(|quiet| **quiet).count(), 3, "{kind:?}");
    }
}
