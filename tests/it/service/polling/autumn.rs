//! The night in which the site's clocks go back: 2026-11-01 in New York, 02:00 EDT becomes 01:00 EST.
//!
//! The site's clock is stopped and moved; ours cannot be, so as much as the site's moves, the times that catch-up measures
//! with it (`moved_at`) are moved into the past. Nothing waits, and both clocks agree on how much time has passed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Polling;
use crate::support::app::{SECRET, TestApp};
use crate::support::databases::Kind;

/// Half past midnight, an hour and a half before the clocks go back.
const EVENING: &str = "2026-11-01T04:30:00Z";

impl Polling {
    /// Time passes, for ERPNext and for us.
    async fn pass(&self, minutes: i64) {
        self.erpnext.advance_clock(SignedDuration::from_mins(minutes));
        self.execute(&format!("UPDATE sync_watermarks SET moved_at = moved_at - {}", minutes * 60_000)).await;
    }

    /// A night that began with a full run, stamped in the evening.
    async fn night(kind: Kind) -> Self {
        let polling = Self::start(kind).await;
        polling.erpnext.freeze_clock(EVENING.parse::<Timestamp>().unwrap());
        polling.erpnext.seed_customers(12);
        polling.first_full_run().await;
        polling.caught_up().await;
        polling
    }

    fn edit(&self, index: usize, value: &str) {
        let name = self.erpnext.names("Customer")[index].clone();
        self.erpnext.set_value("Customer", &name, json!({"tax_id": value})).unwrap();
        let customer = self.erpnext.document("Customer", &name).unwrap();
        let address = customer["customer_primary_address"].as_str().unwrap();
        self.erpnext.set_value("Address", address, json!({"city": value})).unwrap();
    }
}

#[tokio::test]
async fn edits_before_in_and_after_the_repeated_hour_are_all_met() {
    for kind in Kind::ALL {
        // With so many minutes between two edits: frequent ones, some that straddle the hour, and rare ones.
        let steps: &[usize] = if kind == Kind::Sqlite { &[11, 23, 50, 64, 66] } else { &[23, 66] };
        for &step in steps {
            let polling = Polling::night(kind).await;
            for (round, _minutes) in (0..240).step_by(step).enumerate() {
                polling.edit(round % 12, &format!("{step} {round}"));
                polling.caught_up().await;
                polling.in_step().await;
                polling.pass(i64::try_from(step).unwrap()).await;
                if round % 3 == 2 {
                    // A look at which nothing is new.
                    polling.caught_up().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stop_during_the_repeated_hour_misses_nothing() {
    for kind in Kind::ALL {
        let polling = Polling::night(kind).await;
        polling.pass(85).await;
        // 01:55 EDT, the last look for a long time.
        polling.edit(0, "before");
        polling.caught_up().await;
        let Polling { app, erpnext, database } = polling;
        drop(app);
        let stopped = Polling { app: TestApp::configured(&database, &erpnext, &[]).await, erpnext, database };
        // 01:10 EST: an earlier stamp than the last one; nobody looks until 03:00.
        stopped.pass(15).await;
        stopped.edit(1, "in the repeated hour");
        stopped.pass(110).await;
        stopped.caught_up().await;
        stopped.in_step().await;
    }
}

#[tokio::test]
async fn with_webhooks_for_some_of_the_edits_the_others_are_met() {
    for kind in Kind::ALL {
        let polling = Polling::night(kind).await;
        polling.erpnext.register_webhooks(&polling.app.webhook_url(), SECRET).unwrap();
        for round in 0..12 {
            let name = polling.erpnext.names("Customer")[round].clone();
            polling.erpnext.update("Customer", &name, json!({"website": format!("https://{round}.example")})).unwrap();
            polling.erpnext.webhooks_settled().await;
            polling.edit((round + 5) % 12, &format!("{round}"));
            polling.caught_up().await;
            polling.in_step().await;
            polling.pass(17).await;
        }
    }
}

#[test]
fn the_night_is_the_one_that_is_meant() {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let evening: Timestamp = EVENING.parse().unwrap();
    let shown = |minutes: u64| {
        (evening + Duration::from_secs(minutes * 60)).to_zoned(zone.clone()).strftime("%H:%M %Z").to_string()
    };
    assert_eq!([0, 89, 90, 149, 150].map(shown), ["00:30 EDT", "01:59 EDT", "01:00 EST", "01:59 EST", "02:00 EST"]);
}
