//! More removals than the configured share: the run is held, and a person approves or discards its list.

use std::time::Duration;

use customer_sync::domain::run::{RunCause, RunState};
use customer_sync::simulator::{Naming, Permission, SYNC_USER};
use customer_sync::store::RunRow;
use reqwest::{Method, StatusCode};

use super::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;
use crate::support::truth::differences;

impl Connected {
    async fn living(&self) -> usize {
        self.app.customers().await.iter().filter(|row| row["deleted_at"].is_null()).count()
    }

    /// Deletes the first customers without a word.
    fn delete_first(&self, count: usize) {
        for name in self.erpnext.names("Customer").iter().take(count) {
            self.erpnext.sql_delete("Customer", name);
        }
    }

    /// A sweep that wants to remove 20 of 100.
    async fn held(kind: Kind) -> (Self, RunRow) {
        let connected = Self::swept(kind, 100).await;
        connected.delete_first(20);
        let run = connected.sweep().await;
        assert_eq!((run.state, run.candidates), (RunState::Held, 20), "{kind:?}: {run:?}");
        (connected, run)
    }

    async fn decide(&self, run: i64, word: &str) -> StatusCode {
        self.app.admin(Method::POST, &format!("/api/runs/{run}/{word}")).await.send().await.unwrap().status()
    }

    async fn state(&self, run: i64) -> RunState {
        self.app.store().run(run).await.unwrap().unwrap().state
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_list_is_seen_then_approved_and_nothing_else_is_removed() {
    for kind in Kind::ALL {
        let (connected, run) = Connected::held(kind).await;
        assert_eq!(connected.living().await, 100, "{kind:?}");
        let message = run.message.unwrap();
        assert!(message.starts_with("this would remove 20 of 100 customers (20 are missing"), "{message}");
        let ready = connected.app.get("/readyz").await;
        assert!(ready["reasons"].to_string().contains("run_held"), "{ready}");

        let page = connected.app.get(&format!("/api/runs/{}/candidates?limit=15", run.id)).await;
        assert_eq!(page["data"].as_array().unwrap().len(), 15, "{kind:?}");
        assert_eq!(page["data"][0]["reason"], "missing");
        let last = page["data"][14]["name"].as_str().unwrap();
        let rest = connected.app.get(&format!("/api/runs/{}/candidates?after={last}", run.id)).await;
        assert_eq!(rest["data"].as_array().unwrap().len(), 5, "{kind:?}");

        // One more vanishes before the person decides: it is not on the list.
        connected.delete_first(1);
        assert_eq!(connected.decide(run.id, "approve").await, StatusCode::ACCEPTED);
        let run = connected.run_over(run.id).await;
        assert_eq!(run.state, RunState::Succeeded, "{kind:?}");
        assert_eq!(connected.living().await, 80, "{kind:?}");
        assert_eq!(connected.decide(run.id, "approve").await, StatusCode::CONFLICT);
        connected.converged().await;
        assert_eq!(connected.living().await, 79, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discarded_list_removes_nothing() {
    for kind in Kind::ALL {
        let (connected, run) = Connected::held(kind).await;
        assert_eq!(connected.decide(run.id, "discard").await, StatusCode::OK);
        assert_eq!(connected.state(run.id).await, RunState::Discarded);
        assert_eq!(connected.living().await, 100, "{kind:?}");
        assert_eq!(connected.decide(run.id, "discard").await, StatusCode::CONFLICT);

        // The answer holds until the list grows, or a person wants to be asked.
        let again = connected.sweep().await;
        assert_eq!((again.state, again.candidates), (RunState::Partial, 0), "{kind:?}: {again:?}");
        assert!(again.message.unwrap().contains("a person discarded this list"), "{kind:?}");
        let asked = connected.sweep_because(RunCause::Person).await;
        assert_eq!((asked.state, asked.candidates), (RunState::Held, 20), "{kind:?}");
        assert_eq!(connected.decide(asked.id, "discard").await, StatusCode::OK);
        connected.delete_first(1);
        let grown = connected.sweep().await;
        assert_eq!((grown.state, grown.candidates), (RunState::Held, 21), "{kind:?}");
        assert_eq!(connected.living().await, 100, "{kind:?}");
        assert_eq!(connected.decide(run.id + 1_000, "discard").await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_admin_decides() {
    let (connected, run) = Connected::held(Kind::Sqlite).await;
    for word in ["approve", "discard"] {
        let path = format!("/api/runs/{}/{word}", run.id);
        let answer = connected.app.request(Method::POST, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "an operator");
    }
    assert_eq!(connected.state(run.id).await, RunState::Held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_sweep_asks_no_second_time_unless_a_person_wants_it_and_takes_the_place_when_all_is_well() {
    for kind in Kind::ALL {
        let (connected, held) = Connected::held(kind).await;
        let again = connected.sweep().await;
        assert_eq!((again.state, again.candidates), (RunState::Partial, 0), "{kind:?}");
        assert!(again.message.unwrap().contains(&format!("run {} holds a list", held.id)), "{kind:?}");
        assert!(connected.app.store().run_candidates(again.id, "", 10).await.unwrap().is_empty(), "{kind:?}");
        assert_eq!(connected.state(held.id).await, RunState::Held, "{kind:?}");

        let asked = connected.sweep_because(RunCause::Person).await;
        assert_eq!((asked.state, asked.candidates), (RunState::Held, 20), "{kind:?}");
        assert_eq!(connected.state(held.id).await, RunState::Superseded, "{kind:?}");

        // All but a few are back: nobody needs to be asked.
        let names: Vec<String> = connected
            .app
            .store()
            .run_candidates(asked.id, "", 16)
            .await
            .unwrap()
            .into_iter()
            .map(|candidate| candidate.name)
            .collect();
        for name in &names {
            connected.bring_back(name).await;
        }
        let run = connected.sweep().await;
        assert_eq!((run.state, run.candidates), (RunState::Succeeded, 4), "{kind:?}");
        assert_eq!(connected.state(asked.id).await, RunState::Superseded, "{kind:?}");
        assert_eq!(connected.living().await, 96, "{kind:?}");
    }
}

impl Connected {
    /// Puts a vanished document in place again, from what we kept of it.
    async fn bring_back(&self, name: &str) {
        let held = self.app.store().held(&[name.to_owned()], &[]).await.unwrap();
        let mut documents = self.app.store().documents(&[held[0].seen.id]).await.unwrap();
        let document = documents.remove(&held[0].seen.id).unwrap();
        self.erpnext.put("Customer", serde_json::Value::Object(document.customer));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_but_the_candidates_goes_on_while_a_list_is_held() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 60).await;
        connected.delete_first(30);
        let name = connected.erpnext.names("Customer")[0].clone();
        connected.erpnext.set_value("Customer", &name, serde_json::json!({"tax_id": "7"})).unwrap();
        let run = connected.sweep().await;
        assert_eq!(run.state, RunState::Held, "{kind:?}");
        assert_eq!(connected.row(&name).await["tax_number"], "7", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_deletions_need_no_person_however_small_the_table() {
    let connected = Connected::swept(Kind::Sqlite, 9).await;
    connected.delete_first(9);
    let run = connected.sweep().await;
    assert_eq!((run.state, run.candidates), (RunState::Succeeded, 9));
    assert_eq!(connected.living().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_list_removes_nothing() {
    for kind in Kind::ALL {
        let connected = Connected::swept(kind, 30).await;
        for name in connected.erpnext.names("Customer") {
            connected.erpnext.hide_document("Customer", &name, true);
        }
        let run = connected.sweep().await;
        assert_eq!(run.state, RunState::Failed, "{kind:?}: {run:?}");
        assert!(run.message.unwrap().contains("lists none of them"), "{kind:?}");
        assert_eq!(connected.living().await, 30, "{kind:?}");
        for name in connected.erpnext.names("Customer") {
            connected.erpnext.hide_document("Customer", &name, false);
        }
        connected.converged().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_was_taken_away_pauses_the_sweep_until_it_is_back() {
    let connected = Connected::swept(Kind::Sqlite, 30).await;
    connected.erpnext.set_permission(SYNC_USER, "Customer", Some(Permission::NONE));
    let store = connected.app.store();
    let kind = customer_sync::domain::run::RunKind::Sweep;
    let run = store.start_run(kind, RunCause::Schedule).await.unwrap().run;
    wait_until("the pause is told", async || store.run(run).await.unwrap().unwrap().paused.is_some()).await;
    assert_eq!(connected.living().await, 30);
    connected.erpnext.set_permission(SYNC_USER, "Customer", None);
    assert_eq!(connected.run_over(run).await.state, RunState::Succeeded);
    assert_eq!(connected.living().await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_that_was_interrupted_goes_on_with_the_rest() {
    for kind in Kind::ALL {
        let (connected, run) = Connected::held(kind).await;
        let Connected { app, erpnext, database } = connected;
        let names: Vec<String> =
            app.store().run_candidates(run.id, "", 100).await.unwrap().into_iter().map(|one| one.name).collect();
        drop(app);
        // A process that approves, puts the first five, and dies.
        let options = customer_sync::store::Options { url: database.url.clone(), schema: None, max_connections: 4 };
        let store = customer_sync::store::Store::connect(&options).await.unwrap();
        let position = |after: &str| {
            let filter = "";
            serde_json::json!({"phase": "removing", "filter": filter, "approved": true, "after": after}).to_string()
        };
        assert!(store.approve_run(run.id, &position("")).await.unwrap());
        let lease = Duration::from_millis(1);
        let (_row, lead) = store.take_run(lease).await.unwrap().unwrap();
        let puts: Vec<_> = names.iter().take(5).map(|name| candidate(name)).collect();
        assert!(store.put_for_run(&lead, lease, &puts, &position(&names[4]), 0, true).await.unwrap());
        store.close().await;

        let app = crate::support::app::TestApp::configured(&database, &erpnext, &[]).await;
        let connected = Connected { app, erpnext, database };
        let run = connected.run_over(run.id).await;
        // The first sweep put 100 of the customers, this one its list, each once.
        assert_eq!((run.state, run.put), (RunState::Succeeded, 20), "{kind:?}");
        assert_eq!(connected.living().await, 80, "{kind:?}");
        assert!(differences(connected.app.store(), &connected.erpnext).await.is_empty(), "{kind:?}");
    }
}

fn candidate(name: &str) -> customer_sync::domain::job::Put {
    use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
    Put { absent: true, ..Put::new(DocKey::customer(name), Lane::Bulk, Cause::Person) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_two_pages_on_a_naming_series_is_compared_whole() {
    let connected = Connected::unannounced(Kind::Postgres, Naming::Series, &[]).await;
    connected.erpnext.seed_customers(5_300);
    connected.converged().await;
    assert_eq!(connected.living().await, 5_300);
    connected.delete_first(40);
    let run = connected.converged().await;
    assert_eq!((run.listed, run.candidates, run.put), (5_260, 40, 40));
}
