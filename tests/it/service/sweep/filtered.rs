//! A filter that changes: the sweep lets in, leaves out, and asks before it empties the table.

use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::simulator::Naming;
use reqwest::Method;
use serde_json::json;

use super::Connected;
use crate::support::databases::Kind;

const COMMERCIAL: &str = r#"[["customer_group", "=", "Commercial"]]"#;
const TYPO: &str = r#"[["customer_group", "=", "Comercial"]]"#;

/// Six commercial customers and two others, all of them stored.
async fn with_eight(kind: Kind) -> Connected {
    let connected = Connected::unannounced(kind, Naming::CustomerName, &[]).await;
    for number in 0..8 {
        let group = if number < 6 { "Commercial" } else { "Government" };
        connected
            .erpnext
            .create_customer(json!({"customer_name": format!("C{number}"), "customer_group": group}))
            .unwrap();
    }
    connected.converged().await;
    connected
}

impl Connected {
    async fn is_living(&self, name: &str) -> bool {
        self.row(name).await["deleted_at"].is_null()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_leaves_out_takes_back_and_goes_again() {
    for kind in Kind::ALL {
        let connected = with_eight(kind).await;
        let id = connected.id("C7").await;
        let filter = ("sync.filter", COMMERCIAL);
        let connected = connected.restarted(&[filter]).await;
        let run = connected.sweep().await;
        assert_eq!((run.state, run.candidates), (RunState::Succeeded, 2), "{kind:?}");
        assert!(!connected.is_living("C7").await && connected.is_living("C5").await, "{kind:?}");
        // Accepted now, and nothing is left to do.
        let run = connected.sweep().await;
        assert_eq!((run.put, run.candidates), (0, 0), "{kind:?}");

        // Silently: one comes in, one goes, one is renamed while it is out, one is new and does not match.
        connected.erpnext.set_value("Customer", "C6", json!({"customer_group": "Commercial"})).unwrap();
        connected.erpnext.set_value("Customer", "C5", json!({"customer_group": "Government"})).unwrap();
        connected.erpnext.rename("Customer", "C7", "C7 Renamed").unwrap();
        connected.erpnext.import("Customer", json!({"customer_name": "C8", "customer_group": "Government"})).unwrap();
        connected.sweep().await;
        assert!(connected.is_living("C6").await && !connected.is_living("C5").await, "{kind:?}");
        assert_eq!(connected.id("C7 Renamed").await, id, "{kind:?}");
        assert!(!connected.is_living("C7 Renamed").await, "{kind:?}");
        assert!(connected.app.customer("C8").await.is_none(), "{kind:?}");

        // Without a filter everybody is back.
        let connected = connected.restarted(&[]).await;
        connected.converged().await;
        assert_eq!(connected.id("C7 Renamed").await, id, "{kind:?}");
        assert!(connected.app.customer("C8").await.is_some(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_filter_makes_a_sweep_start_by_itself() {
    let connected = with_eight(Kind::Sqlite).await;
    let settings = [("sync.filter", COMMERCIAL), ("schedule.sweep", "1h")];
    let connected = connected.restarted(&settings).await;
    let run = connected.app.store().runs(&customer_sync::store::RunFilter::default()).await.unwrap().remove(0);
    assert_eq!((run.kind, run.cause), (RunKind::Sweep, RunCause::Filter));
    assert_eq!(connected.run_over(run.id).await.state, RunState::Succeeded);
    assert!(!connected.is_living("C7").await);
    let connected = connected.restarted(&settings).await;
    let newest = connected.app.store().runs(&customer_sync::store::RunFilter::default()).await.unwrap().remove(0);
    assert_eq!(newest.id, run.id, "the same filter starts nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typo_empties_nothing_also_when_a_full_run_comes_first() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 40).await;
        let connected = connected.restarted(&[("sync.filter", TYPO)]).await;
        let full = connected.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
        assert_eq!(connected.run_over(full).await.state, RunState::Succeeded, "{kind:?}");
        assert_eq!(crate::support::truth::differences(connected.app.store(), &connected.erpnext).await, [""; 0]);
        let run = connected.sweep().await;
        assert_eq!((run.state, run.candidates), (RunState::Held, 40), "{kind:?}");
        assert!(run.message.unwrap().contains("40 do not match sync.filter"), "{kind:?}");
        assert_eq!(crate::support::truth::differences(connected.app.store(), &connected.erpnext).await, [""; 0]);

        // Mended: the held list is of another filter, and nobody needs to decide about it.
        let connected = connected.restarted(&[]).await;
        connected.converged().await;
        assert_eq!(connected.app.store().run(run.id).await.unwrap().unwrap().state, RunState::Superseded, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_filter_is_accepted_for_webhooks_too() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 30).await;
        let connected = connected.restarted(&[("sync.filter", TYPO)]).await;
        let run = connected.sweep().await;
        assert_eq!(run.state, RunState::Held, "{kind:?}");
        let path = format!("/api/runs/{}/approve", run.id);
        connected.app.admin(Method::POST, &path).await.send().await.unwrap().error_for_status().unwrap();
        assert_eq!(connected.run_over(run.id).await.state, RunState::Succeeded, "{kind:?}");
        let living = connected.app.customers().await.iter().filter(|row| row["deleted_at"].is_null()).count();
        assert_eq!(living, 0, "{kind:?}: a person wanted it");
        assert_eq!(connected.sweep().await.put, 0, "{kind:?}: accepted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_merged_into_somebody_left_out_does_not_wait_for_a_row() {
    for kind in Kind::ALL {
        let connected = Connected::unannounced(kind, Naming::CustomerName, &[("sync.filter", COMMERCIAL)]).await;
        let create = |name: &str, group: &str| {
            let customer = json!({"customer_name": name, "customer_group": group, "email_id": format!("{name}@x.example"),
                "address_line1": "1", "city": "X", "country": "United States"});
            connected.erpnext.create_customer(customer).unwrap();
        };
        create("Kept", "Commercial");
        create("Never", "Government");
        connected.sweep().await;
        assert!(connected.is_living("Kept").await && connected.app.customer("Never").await.is_none(), "{kind:?}");
        connected.erpnext.merge("Kept", "Never").unwrap();
        connected.sweep().await;
        let row = connected.row("Kept").await;
        assert!(!row["deleted_at"].is_null() && row["merged_into"].is_null(), "{kind:?}: {row}");
    }
}

/// The example of the README.
const BRANCH: &str = r#"[["customer_group", "descendants of (inclusive)", "Retail"], ["disabled", "=", 0]]"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_group_with_all_below_it_is_kept_and_follows_the_tree() {
    assert!(include_str!("../../../../README.md").contains(BRANCH));
    for kind in Kind::ALL {
        let filter = ("sync.filter", BRANCH);
        let connected = Connected::unannounced(kind, Naming::CustomerName, &[filter]).await;
        let group = |name: &str, parent: &str| {
            let group = json!({"name": name, "parent_customer_group": parent});
            connected.erpnext.create("Customer Group", group).unwrap();
        };
        group("Retail", "All Customer Groups");
        group("Shops", "Retail");
        group("Kiosks", "Shops");
        for (name, of) in [("In Retail", "Retail"), ("In Kiosks", "Kiosks"), ("Outside", "Commercial")] {
            connected.erpnext.create_customer(json!({"customer_name": name, "customer_group": of})).unwrap();
        }
        let run = connected.sweep().await;
        assert_eq!((run.state, run.put), (RunState::Succeeded, 2), "{kind:?}: {run:?}");
        assert!(connected.is_living("In Retail").await && connected.is_living("In Kiosks").await, "{kind:?}");
        assert!(connected.app.customer("Outside").await.is_none(), "{kind:?}");
        let id = connected.id("In Kiosks").await;

        // The branch moves away and back: no customer's `modified` tells.
        let hang = |parent: &str| {
            let parent = json!({"parent_customer_group": parent});
            connected.erpnext.set_value("Customer Group", "Shops", parent).unwrap();
        };
        hang("Commercial");
        connected.sweep().await;
        assert!(!connected.is_living("In Kiosks").await && connected.is_living("In Retail").await, "{kind:?}");
        hang("Retail");
        connected.sweep().await;
        assert!(connected.is_living("In Kiosks").await, "{kind:?}");
        assert_eq!(connected.id("In Kiosks").await, id, "{kind:?}");

        connected.erpnext.set_value("Customer", "In Retail", json!({"disabled": 1})).unwrap();
        connected.sweep().await;
        assert!(!connected.is_living("In Retail").await, "{kind:?}: the other condition counts too");
    }
}
