//! `[sync] filter`: who is kept, who is left out, and who comes back; ids stay.

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::sync::{filtering, rules::Rules};
use serde_json::{Value, json};

use super::Connected;
use crate::support::app::TestApp;
use crate::support::databases::Kind;

const COMMERCIAL: &str = r#"[["customer_group", "=", "Commercial"]]"#;

impl Connected {
    /// The same service, started again with other settings.
    pub(super) async fn restarted(self, settings: &[(&'static str, &str)]) -> Self {
        let Self { app, erpnext, database } = self;
        drop(app);
        let app = TestApp::configured(&database, &erpnext, settings).await;
        for name in erpnext.names("Webhook") {
            erpnext.update("Webhook", &name, json!({"request_url": app.webhook_url()})).unwrap();
        }
        Self { app, erpnext, database }
    }

    fn customer_of(&self, name: &str, group: &str) {
        self.erpnext.create_customer(json!({"customer_name": name, "customer_group": group})).unwrap();
    }

    fn move_to(&self, name: &str, group: &str) {
        self.erpnext.update("Customer", name, json!({"customer_group": group})).unwrap();
    }

    async fn put(&self, put: Put) {
        self.app.store().put(&[put]).await.unwrap();
        self.settled().await;
    }

    /// The kinds of a row's changes, the oldest first.
    async fn history(&self, row: &Value) -> Vec<String> {
        let mut changes = self.app.store().changes_of(row["id"].as_i64().unwrap(), None, 100).await.unwrap();
        changes.reverse();
        changes.into_iter().map(|change| change.kind).collect()
    }
}

#[tokio::test]
async fn only_matching_customers_are_stored_and_those_that_leave_come_back_with_their_id() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("sync.filter", COMMERCIAL)]).await;
        connected.customer_of("Kept", "Commercial");
        connected.customer_of("Other", "Government");
        connected.settled().await;
        assert!(connected.app.customer("Other").await.is_none(), "{kind:?}: nothing of it is stored");
        let id = connected.row("Kept").await["id"].clone();

        connected.move_to("Kept", "Government");
        connected.settled().await;
        let out = connected.row("Kept").await;
        assert_eq!(out["id"], id, "{kind:?}");
        assert!(!out["deleted_at"].is_null(), "{kind:?}: {out}");
        assert_eq!(out["customer_group"], "Commercial", "nothing more of it is stored");

        // Renamed while it is out: the row follows, and nothing else of it is written.
        connected.erpnext.rename("Customer", "Kept", "Renamed").unwrap();
        connected.settled().await;
        assert_eq!(connected.row("Renamed").await["id"], id, "{kind:?}");
        let before = connected.row("Renamed").await;
        connected.erpnext.update("Customer", "Renamed", json!({"tax_id": "7"})).unwrap();
        connected.settled().await;
        assert_eq!(connected.row("Renamed").await, before, "{kind:?}");

        connected.move_to("Renamed", "Commercial");
        connected.settled().await;
        let back = connected.row("Renamed").await;
        assert_eq!(back["id"], id, "{kind:?}");
        assert!(back["deleted_at"].is_null());
        assert_eq!(back["tax_number"], "7");
        let history = connected.history(&back).await;
        assert_eq!(history, ["created", "filtered", "renamed", "restored"], "{kind:?}");
    }
}

#[tokio::test]
async fn a_customer_that_is_deleted_while_it_is_left_out_is_deleted_from_then_on() {
    let connected = Connected::configured(Kind::Sqlite, &[("sync.filter", COMMERCIAL)]).await;
    connected.customer_of("A", "Commercial");
    connected.settled().await;
    connected.move_to("A", "Government");
    connected.settled().await;
    connected.erpnext.delete("Customer", "A").unwrap();
    connected.settled().await;
    let row = connected.row("A").await;
    assert_eq!(connected.history(&row).await, ["created", "filtered", "deleted"]);
}

#[tokio::test]
async fn a_filter_that_nobody_accepted_keeps_new_customers_out_and_leaves_the_others_in_sync() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        connected.customer_of("A", "Government");
        connected.settled().await;
        let connected = connected.restarted(&[("sync.filter", COMMERCIAL)]).await;
        connected.erpnext.update("Customer", "A", json!({"tax_id": "1"})).unwrap();
        connected.customer_of("B", "Government");
        connected.settled().await;
        assert!(connected.row("A").await["deleted_at"].is_null(), "{kind:?}");
        assert_eq!(connected.row("A").await["tax_number"], "1", "{kind:?}");
        assert!(connected.app.customer("B").await.is_none(), "{kind:?}");

        // Accepted: bulk work still removes nothing by itself, a webhook about this very customer does.
        let rules = Rules { filter: Some(COMMERCIAL.parse().unwrap()), ..Rules::default() };
        filtering::accept(connected.app.store(), &rules).await.unwrap();
        connected.put(Put::new(DocKey::customer("A"), Lane::Bulk, Cause::Full)).await;
        assert!(connected.row("A").await["deleted_at"].is_null(), "{kind:?}");
        connected.erpnext.update("Customer", "A", json!({"tax_id": "2"})).unwrap();
        connected.settled().await;
        assert!(!connected.row("A").await["deleted_at"].is_null(), "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_sweep_names_is_left_out_whatever_was_accepted() {
    let connected = Connected::start(Kind::Sqlite).await;
    connected.customer_of("A", "Government");
    connected.settled().await;
    let connected = connected.restarted(&[("sync.filter", COMMERCIAL)]).await;
    let candidate = Put { absent: true, ..Put::new(DocKey::customer("A"), Lane::Bulk, Cause::Sweep) };
    connected.put(candidate).await;
    assert!(!connected.row("A").await["deleted_at"].is_null());
    // Without the filter it matches again.
    let connected = connected.restarted(&[]).await;
    connected.put(Put::new(DocKey::customer("A"), Lane::Bulk, Cause::Full)).await;
    assert!(connected.row("A").await["deleted_at"].is_null());
}

#[tokio::test]
async fn names_swapped_across_the_filter_keep_their_ids() {
    let connected = Connected::configured(Kind::Sqlite, &[("sync.filter", COMMERCIAL)]).await;
    for name in ["A", "B"] {
        connected.customer_of(name, "Commercial");
    }
    connected.settled().await;
    let (a, b) = (connected.row("A").await["id"].clone(), connected.row("B").await["id"].clone());
    connected.move_to("A", "Government");
    connected.settled().await;
    for (from, to) in [("A", "T"), ("B", "A"), ("T", "B")] {
        connected.erpnext.rename("Customer", from, to).unwrap();
    }
    connected.settled().await;
    let (left_out, kept) = (connected.row("B").await, connected.row("A").await);
    assert_eq!((&left_out["id"], &kept["id"]), (&a, &b));
    assert!(!left_out["deleted_at"].is_null() && kept["deleted_at"].is_null());
}

#[tokio::test]
async fn a_filter_that_erpnext_refuses_pauses_everything_and_says_so() {
    let connected = Connected::configured(Kind::Sqlite, &[("sync.filter", r#"[["no_such_field", "=", 1]]"#)]).await;
    for name in ["A", "B"] {
        connected.customer_of(name, "Commercial");
    }
    connected.erpnext.webhooks_settled().await;
    crate::support::app::wait_until("the pause is told", async || {
        let ready = connected.app.get("/readyz").await;
        ready["reasons"].to_string().contains("sync.filter may name a field")
    })
    .await;
}
