//! `GET /api/changes` and `GET /api/customers/{id}/changes`.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::Connected;
use super::events::Events;
use super::seqs;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;

async fn refused(app: &TestApp, path: &str) -> (u16, Value) {
    let response = app.request(Method::GET, path).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn whoever_waits_is_told_at_once_and_goes_on_where_it_was() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let (app, erpnext) = (&connected.app, &connected.erpnext);
        assert_eq!(app.get("/api/changes").await, json!({"data": [], "last": 0}), "{kind:?}");
        let waiting = app.request(Method::GET, "/api/changes?after=0&wait=60").send();
        let writing = async {
            let name = erpnext.create_customer(json!({"customer_name": "Waited For"})).unwrap();
            connected.settled().await;
            name
        };
        let (answer, name) = tokio::join!(waiting, writing);
        let page: Value = answer.unwrap().json().await.unwrap();
        let id = connected.row(&name).await["id"].clone();
        let change = &page["data"][0];
        assert_eq!((&change["kind"], &change["customer_id"], &change["seq"]), (&"created".into(), &id, &page["last"]));
        assert_eq!(change["cause"], "webhook");
        assert!(change["delivery_id"].is_string() && change["changed_at"].is_string() && change["changes"].is_array());

        erpnext.update("Customer", &name, json!({"tax_id": "1"})).unwrap();
        connected.settled().await;
        let next = app.get(&format!("/api/changes?after={}&wait=60", page["last"])).await;
        assert_eq!((next["data"].as_array().unwrap().len(), &next["data"][0]["kind"]), (1, &"updated".into()));
        assert_eq!(next["data"][0]["changes"][0], json!({"field": "tax_number", "old": null, "new": "1"}));
        let nothing = app.get("/api/changes?after=last").await;
        assert_eq!((&nothing["data"], &nothing["last"]), (&json!([]), &next["last"]), "{kind:?}");
        let all = app.get("/api/changes").await;
        assert_eq!(seqs(&all), [page["last"].as_i64().unwrap(), next["last"].as_i64().unwrap()]);
    }
}

#[tokio::test]
async fn many_readers_miss_nothing_while_two_replicas_write() {
    const CUSTOMERS: usize = 150;
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let second = TestApp::configured(&connected.database, &connected.erpnext, &[]).await;
        let follow = async |app: &TestApp| {
            let (mut seen, mut last) = (Vec::new(), 0);
            while seen.len() < CUSTOMERS {
                let page = app.get(&format!("/api/changes?after={last}&wait=60&limit=40")).await;
                last = page["last"].as_i64().unwrap();
                seen.extend(seqs(&page));
            }
            seen
        };
        let stream = async |app: &TestApp| {
            let mut events = Events::open(app.request(Method::GET, "/api/events?after=0")).await;
            let mut seen = Vec::new();
            while seen.len() < CUSTOMERS {
                seen.push(events.next("change").await.id.unwrap());
            }
            seen
        };
        let read = async |n: usize| {
            let app = [&connected.app, &second][n % 2];
            if n % 4 < 2 { stream(app).await } else { follow(app).await }
        };
        let readers = futures_util::future::join_all((0..12).map(read));
        let writing = async {
            connected.erpnext.seed_customers(CUSTOMERS);
            for (n, name) in connected.erpnext.names("Customer").into_iter().enumerate() {
                [&connected.app, &second][n % 2].hint("on_update", "Customer", &name).await;
            }
        };
        let (read, ()) = tokio::join!(readers, writing);
        for seen in read {
            assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{kind:?}: {seen:?}");
            assert_eq!((seen[0], seen.len()), (1, CUSTOMERS), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn what_was_pruned_is_told_and_never_skipped() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        connected.erpnext.seed_customers(5);
        for name in connected.erpnext.names("Customer") {
            app.hint("on_update", "Customer", &name).await;
        }
        connected.settled().await;
        assert_eq!(app.store().prune_changes(Duration::from_secs(3_600), 2).await.unwrap(), 3, "{kind:?}");
        for path in ["/api/changes", "/api/changes?after=2", "/api/events?after=1"] {
            let (status, problem) = refused(app, path).await;
            assert_eq!((status, &problem["code"]), (410, &"feed_pruned".into()), "{kind:?} {path}");
            assert!(problem["detail"].as_str().unwrap().contains("go on behind 5"), "{problem}");
        }
        assert_eq!(seqs(&app.get("/api/changes?after=3").await), [4, 5]);
        assert_eq!(app.store().prune_changes(Duration::from_secs(3_600), 0).await.unwrap(), 2);
        assert_eq!(refused(app, "/api/changes?after=4").await.0, 410, "{kind:?}: all of it was pruned");
        assert_eq!(app.get("/api/changes?after=5").await["data"], json!([]));
        let (status, problem) = refused(app, "/api/changes?after=6").await;
        assert_eq!((status, &problem["code"]), (409, &"feed_ahead".into()), "{kind:?}");
    }
}

#[tokio::test]
async fn a_feed_that_nobody_can_follow_is_refused() {
    let connected = Connected::start(Kind::Sqlite).await;
    for query in ["after=x", "after=-1", "after=1.5", "wait=61", "wait=-1", "limit=0", "limit=501", "since=1"] {
        let (status, problem) = refused(&connected.app, &format!("/api/changes?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &"bad_request".into()), "{query}");
    }
    let http = &connected.app.http;
    let answer = http.get(format!("{}/api/changes?wait=60", connected.app.url)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "without a token nobody waits");
}

#[tokio::test]
async fn a_history_is_paged_newest_first_and_outlives_its_row() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let name = connected.erpnext.create_customer(json!({"customer_name": "Long Known"})).unwrap();
        for number in 0..4 {
            connected.erpnext.update("Customer", &name, json!({"tax_id": number.to_string()})).unwrap();
            connected.settled().await;
        }
        let id = connected.row(&name).await["id"].clone();
        let mut path = Some(format!("/api/customers/{id}/changes?limit=2"));
        let mut all = Vec::new();
        while let Some(page) = path {
            let response = connected.app.request(Method::GET, &page).send().await.unwrap();
            let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            path = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
            all.extend(seqs(&response.json().await.unwrap()));
        }
        assert!(all.len() >= 4 && all.windows(2).all(|pair| pair[0] > pair[1]), "{kind:?}: {all:?}");
        assert_eq!(refused(&connected.app, "/api/customers/999/changes").await.0, 404);
        crate::support::sql::execute(&connected.database, "DELETE FROM customers").await;
        let kept = connected.app.get(&format!("/api/customers/{id}/changes")).await;
        assert_eq!(seqs(&kept), all, "{kind:?}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_waiting() {
    let connected = Connected::start(Kind::Sqlite).await;
    let waiting = connected.app.request(Method::GET, "/api/changes?after=0&wait=60").send();
    let stopping = async {
        wait_until("somebody waits", async || connected.app.store().last_change().await.is_ok()).await;
        connected.app.stop();
    };
    let (answer, ()) = tokio::join!(waiting, stopping);
    // Whoever came before the stop is answered, and one who came after it is not let in.
    if let Ok(answer) = answer {
        assert_eq!(answer.json::<Value>().await.unwrap()["data"], json!([]));
    }
}

#[tokio::test]
async fn what_was_erased_is_told_without_its_values() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let name = connected.erpnext.create_customer(json!({"customer_name": "Forget Me"})).unwrap();
    connected.settled().await;
    connected.erpnext.update("Customer", &name, json!({"tax_id": "Q99"})).unwrap();
    connected.settled().await;
    let follower = app.request(Method::GET, "/api/changes?after=2&wait=60").send();
    let erasing = async {
        let second = app.get("/api/changes?after=1&wait=60").await;
        assert!(second.to_string().contains("Q99"), "{second}");
        let id = connected.row(&name).await["id"].clone();
        let erase = app.admin(Method::POST, &format!("/api/customers/{id}/erase")).await;
        assert!(erase.send().await.unwrap().status().is_success());
    };
    // It waits for the erasure itself, so what came before is remembered.
    let (erased, ()) = tokio::join!(follower, erasing);
    assert_eq!(erased.unwrap().json::<Value>().await.unwrap()["data"][0]["kind"], "erased");
    let again = app.get("/api/changes?after=0&wait=60").await;
    assert_eq!(seqs(&again), [1, 2, 3]);
    assert!(!again.to_string().contains("Q99"), "{again}");
}
