//! `POST /api/customers/sync` and `/api/runs` as their callers use them.

use customer_sync::domain::role::Role;
use customer_sync::simulator::{Fault, Permission, SYNC_USER};
use customer_sync::sync::tokens;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::Connected;
use super::full_run::ended;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

async fn sync(connected: &Connected) -> Response {
    connected.app.request(Method::POST, "/api/customers/sync").send().await.unwrap()
}

async fn sync_later(connected: &Connected) -> Response {
    let request = connected.app.request(Method::POST, "/api/customers/sync");
    request.header("Prefer", "respond-async, wait=1").send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

/// The id of the run that an answer tells of.
fn run_of(response: &Response) -> i64 {
    header(response, "location").strip_prefix("/api/runs/").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_waiting_form_answers_as_its_callers_know_it() {
    for kind in Kind::ALL {
        let connected = Connected::unread(kind, 15, &[]).await;
        connected.full_run().await;
        for name in connected.erpnext.names("Customer") {
            connected.erpnext.sql_edit("Customer", &name, json!({"tax_id": "new"})).unwrap();
        }
        for number in 0..10 {
            connected.erpnext.import("Customer", json!({"customer_name": format!("New {number}")})).unwrap();
        }
        let response = sync(&connected).await;
        assert_eq!(response.status(), 200, "{kind:?}");
        let run = run_of(&response);
        let mut body: Value = response.json().await.unwrap();
        let duration = body["data"].as_object_mut().unwrap().remove("duration_ms").unwrap();
        assert!(duration.as_u64().unwrap() > 0);
        let expected = json!({
            "success": true,
            "message": "ERPNext Customer Sync complete. 25 customers processed.",
            "data": {
                "processed": 25, "created": 10, "updated": 15, "total": 25, "unchanged": 0, "linked": 0,
                "tombstoned": 0, "not_permitted": 0, "skipped": 0, "failed": 0, "run": run,
            },
        });
        assert_eq!(body, expected, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_wait_gets_the_place_of_the_run_and_a_second_call_joins() {
    let connected = Connected::unread(Kind::Sqlite, 400, &[]).await;
    connected.erpnext.faults().requests(Fault::Slow(std::time::Duration::from_millis(500)), 2);
    let first = sync_later(&connected).await;
    assert_eq!((first.status().as_u16(), header(&first, "preference-applied")), (202, "respond-async"));
    let run = run_of(&first);
    let first: Value = first.json().await.unwrap();
    assert_eq!((&first["joined"], &first["data"]["state"]), (&json!(false), &json!("running")));
    let second = sync_later(&connected).await;
    assert_eq!(run_of(&second), run);
    assert_eq!(second.json::<Value>().await.unwrap()["joined"], true);
    let third = sync(&connected).await;
    assert_eq!((third.status().as_u16(), run_of(&third)), (200, run));
    let shown = &connected.app.get(&format!("/api/runs/{run}")).await["data"];
    assert_eq!((&shown["state"], &shown["processed"], &shown["left"]), (&json!("succeeded"), &json!(400), &json!(0)));
    assert!(shown["rate"].as_f64().unwrap() > 0.0 && shown["seconds_left"].is_null(), "{shown}");
    for private in ["position", "listed_all", "running_for"] {
        assert!(shown.get(private).is_none(), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_all_done_is_never_called_a_success() {
    let connected = Connected::unread(Kind::Sqlite, 30, &[]).await;
    let poisoned = connected.erpnext.names("Customer")[3].clone();
    connected.erpnext.faults().poison(&poisoned, 417);
    let response = sync(&connected).await;
    assert_eq!(response.status(), 500);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["success"], &body["data"]["failed"], &body["data"]["created"]),
        (&json!(false), &json!(1), &json!(29))
    );
    assert!(body["message"].as_str().unwrap().contains("1 of 30 customers could not be synced"), "{body}");

    connected.erpnext.faults().clear();
    let refused = Fault::Answer(417, "application/json", r#"{"exc_type": "ValidationError"}"#.to_owned());
    connected.erpnext.faults().requests_to("Customer", refused, usize::MAX);
    let response = sync(&connected).await;
    assert_eq!(response.status(), 502);
    let body: Value = response.json().await.unwrap();
    assert!(body["success"] == false && body["message"].as_str().unwrap().contains("417"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sync_user_may_not_read_is_not_called_done() {
    let connected = Connected::unread(Kind::Sqlite, 30, &[]).await;
    assert_eq!(sync(&connected).await.status(), 200);
    connected.erpnext.set_permission(SYNC_USER, "Address", Some(Permission::NONE));
    let response = sync(&connected).await;
    assert_eq!(response.status(), 500);
    let body: Value = response.json().await.unwrap();
    assert!(body["success"] == false && body["data"]["unchanged"] == 30, "{body}");
    assert!(body["message"].as_str().unwrap().contains("read permission on Address"), "{body}");
    connected.erpnext.set_permission(SYNC_USER, "Address", None);
    assert_eq!(sync(&connected).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_is_told_at_once_and_goes_on_by_itself() {
    let connected = Connected::unread(Kind::Sqlite, 30, &[]).await;
    let (_key, secret) = connected.erpnext.key();
    connected.erpnext.change_secret(Some("another"));
    let response = sync(&connected).await;
    assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true));
    let run = run_of(&response);
    let body: Value = response.json().await.unwrap();
    assert!(body["success"] == false && body["message"].as_str().unwrap().contains("ERPNEXT_API_SECRET"), "{body}");
    connected.erpnext.change_secret(Some(&secret));
    let row = ended(&connected.app, run).await;
    assert_eq!((row.state.as_str(), row.counts.created), ("succeeded", 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waited_long_enough_is_told_where_to_look() {
    let connected = Connected::unread(Kind::Sqlite, 600, &[("sync.wait_max", "100ms"), ("worker.batch", "20")]).await;
    let response = sync(&connected).await;
    assert_eq!(response.status(), 503);
    let run = run_of(&response);
    let body: Value = response.json().await.unwrap();
    assert!(body["message"].as_str().unwrap().contains(&format!("/api/runs/{run}")), "{body}");
    assert_eq!(ended(&connected.app, run).await.counts.created, 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_leave_and_another_may_cancel() {
    let connected = Connected::unread(Kind::Sqlite, 2_000, &[("worker.batch", "20")]).await;
    let running = async || connected.app.get("/api/runs?kind=full&state=running").await["data"][0]["id"].as_i64();
    tokio::select! {
        answer = connected.app.request(Method::POST, "/api/customers/sync").send() => panic!("nobody left: {answer:?}"),
        () = wait_until("the run has begun", async || running().await.is_some()) => {}
    }
    let run = running().await.expect("it goes on without the caller");
    let waiting = async {
        let response = sync(&connected).await;
        (response.status().as_u16(), run_of(&response), response.json::<Value>().await.unwrap())
    };
    let cancelling = async {
        let path = format!("/api/runs/{run}");
        wait_until("some of it is done", async || connected.app.get(&path).await["data"]["processed"] != 0).await;
        let cancel = || connected.app.request(Method::POST, &format!("{path}/cancel")).send();
        let first = cancel().await.unwrap();
        assert_eq!(first.status(), 200);
        assert_eq!(first.json::<Value>().await.unwrap()["data"]["state"], "cancelled");
        let again = cancel().await.unwrap();
        assert_eq!(again.status(), 409);
        assert_eq!(again.json::<Value>().await.unwrap()["code"], "run_not_running");
    };
    let ((status, joined, body), ()) = tokio::join!(waiting, cancelling);
    assert_eq!((status, joined, &body["success"]), (409, run, &json!(false)), "{body}");
}

#[tokio::test]
async fn runs_are_paged_filtered_and_guarded() {
    let connected = Connected::start(Kind::Sqlite).await;
    for _ in 0..5 {
        connected.full_run().await;
    }
    let mut path = Some("/api/runs?kind=full&state=succeeded&limit=2".to_owned());
    let mut ids = Vec::new();
    while let Some(page) = path {
        let response = connected.app.request(Method::GET, &page).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        path = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        let body: Value = response.json().await.unwrap();
        ids.extend(body["data"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()));
    }
    assert!(ids.len() == 5 && ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");

    let viewer = tokens::create(connected.app.store(), "reader", Role::Viewer).await.unwrap();
    for (method, path, body, expected) in [
        (Method::GET, "/api/runs?kind=half", "", 400),
        (Method::GET, "/api/runs?state=well", "", 400),
        (Method::GET, "/api/runs?limit=0", "", 400),
        (Method::GET, "/api/runs?before=x", "", 400),
        (Method::GET, "/api/runs/999", "", 404),
        (Method::GET, "/api/runs/abc", "", 404),
        (Method::POST, "/api/runs/999/cancel", "", 404),
        (Method::POST, "/api/runs", "", 400),
        (Method::POST, "/api/runs", "{}", 400),
        (Method::POST, "/api/runs", r#"{"kind": "catch_up"}"#, 400),
        (Method::POST, "/api/runs", r#"{"kind": "full", "force": true}"#, 400),
        (Method::DELETE, "/api/runs", "", 405),
        (Method::GET, "/api/customers/sync", "", 405),
        (Method::POST, "/api/runs", r#"{"kind": "full"}"#, 202),
    ] {
        let response = connected.app.request(method.clone(), path).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{method} {path} {body}");
        if method == Method::POST && expected == 202 {
            ended(&connected.app, run_of(&response)).await;
        }
        let guarded = connected.app.http.request(method.clone(), format!("{}{path}", connected.app.url));
        let status = guarded.bearer_auth(&viewer).body(body).send().await.unwrap().status().as_u16();
        let acts = method == Method::POST && status != 400;
        assert_eq!(status, if acts { 403 } else { expected }, "{method} {path} {body}");
    }
}
