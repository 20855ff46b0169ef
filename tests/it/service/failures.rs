//! Failed jobs by API and command line: seen with ERPNext's own words, tried again, dropped.

use std::time::Duration;

use customer_sync::domain::job::{Cause, DocKey, Lane, Put};
use customer_sync::domain::role::Role;
use customer_sync::simulator::Fault;
use customer_sync::sync::tokens;
use reqwest::Method;
use serde_json::{Value, json};

use super::Connected;
use crate::support::binary::{run, stderr};
use crate::support::databases::Kind;

async fn status(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// Three customers, two of which break ERPNext's own code.
async fn two_failed(kind: Kind) -> Connected {
    let connected = Connected::start(kind).await;
    for name in ["Fine Ltd", "Broken/1", "Broken 2"] {
        connected.erpnext.import("Customer", json!({"customer_name": name})).unwrap();
    }
    for name in ["Broken/1", "Broken 2"] {
        connected.erpnext.faults().poison(name, 417);
    }
    for name in ["Fine Ltd", "Broken/1", "Broken 2"] {
        connected.app.hint("on_update", "Customer", name).await;
    }
    connected.app.settled().await;
    connected
}

#[tokio::test]
async fn failures_are_seen_and_retried_when_their_cause_is_gone() {
    for kind in Kind::ALL {
        let connected = two_failed(kind).await;
        let app = &connected.app;
        let failed = app.get("/api/jobs").await;
        assert_eq!((failed["total"].as_i64(), failed["data"].as_array().map(Vec::len)), (Some(2), Some(2)), "{failed}");
        let job = app.get("/api/jobs/one?doctype=Customer&name=Broken%2F1").await["data"].clone();
        assert_eq!((job["state"].as_str(), job["cause"].as_str()), (Some("dead"), Some("webhook")), "{kind:?}: {job}");
        assert!(job["error"].as_str().unwrap().contains("ERPNext"), "{job}");
        assert!(!job["delivery_id"].is_null() && job["next_at"].is_null() && !job["label"].is_null(), "{job}");
        let by_text = app.get("/api/jobs?q=broken%202&state=dead&doctype=Customer&cause=webhook").await;
        assert_eq!((by_text["total"].as_i64(), by_text["data"][0]["name"].as_str()), (Some(1), Some("Broken 2")));

        connected.erpnext.faults().heal("Broken/1");
        connected.erpnext.faults().heal("Broken 2");
        let label = job["label"].clone();
        let body = json!({"all": true, "filter": {"label": label, "q": "broken/"}});
        let (code, answer) = status(app.request(Method::POST, "/api/jobs/retry").json(&body)).await;
        assert_eq!((code, &answer["data"]["retried"]), (200, &json!(1)), "{answer}");
        app.settled().await;
        let id = connected.row("Broken/1").await["id"].as_i64().unwrap();
        let change = &app.store().changes_of(id, None, 1).await.unwrap()[0];
        assert_eq!((change.cause.as_str(), &change.delivery_id), ("person", &None));

        let body = json!({"jobs": [{"doctype": "Customer", "name": "Broken 2"}, {"doctype": "Customer", "name": "?"}]});
        let (code, answer) = status(app.request(Method::POST, "/api/jobs/discard").json(&body)).await;
        assert_eq!((code, &answer["data"]["discarded"]), (200, &json!(1)), "{answer}");
        assert_eq!(app.get("/api/jobs?state=all").await["total"], 0);
        assert!(app.customer("Broken 2").await.is_none());
    }
}

#[tokio::test]
async fn the_command_line_does_the_same_beside_the_service() {
    for kind in Kind::ALL {
        let connected = two_failed(kind).await;
        let folder = tempfile::tempdir().unwrap();
        let url = connected.database.url.as_str();
        let jobs = |arguments: &[&str]| {
            let arguments = [&["jobs"], arguments].concat();
            run(folder.path(), &arguments, &[("DATABASE_URL", url)])
        };
        let said = |arguments: &[&str]| {
            let output = jobs(arguments);
            assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
            String::from_utf8(output.stdout).unwrap()
        };
        let listed = said(&[]);
        assert!(listed.contains("Broken/1") && listed.contains("2 jobs."), "{kind:?}: {listed}");
        assert!(said(&["list", "--search", "Fine"]).contains("No job matches."));
        let json: Value = serde_json::from_str(&said(&["--json", "--limit", "1"])).unwrap();
        assert_eq!((json["total"].as_i64(), json["data"].as_array().map(Vec::len)), (Some(2), Some(1)));
        assert!(said(&["show", "Broken 2"]).contains("error"));

        for (arguments, complaint) in [
            (&["show", "Nobody"][..], "no job"),
            (&["retry"], "--all"),
            (&["retry", "Broken 2", "--label", "x"], "--all"),
            (&["retry", "Nobody"], "have no job"),
            (&["list", "--state", "broken"], "failed"),
        ] {
            let output = jobs(arguments);
            assert!(!output.status.success() && stderr(&output).contains(complaint), "{arguments:?}: {output:?}");
        }

        connected.erpnext.faults().heal("Broken/1");
        assert!(said(&["retry", "Broken/1"]).contains("1 job retried."));
        connected.app.settled().await;
        connected.row("Broken/1").await;
        assert!(said(&["discard", "--all", "--json"]).contains("\"discarded\": 1"));
        assert!(said(&["--state", "all"]).contains("No job matches."));
    }
}

#[tokio::test]
async fn who_only_reads_changes_nothing_and_vague_questions_are_refused() {
    let connected = two_failed(Kind::Sqlite).await;
    let app = &connected.app;
    let viewer = tokens::create(app.store(), "reader", Role::Viewer).await.unwrap();
    let as_viewer = |method: Method, path: &str| app.http.request(method, format!("{}{path}", app.url));
    assert_eq!(status(as_viewer(Method::GET, "/api/jobs").bearer_auth(&viewer)).await.0, 200);
    for path in ["/api/jobs/retry", "/api/jobs/discard"] {
        let all = json!({"all": true});
        assert_eq!(status(as_viewer(Method::POST, path).bearer_auth(&viewer).json(&all)).await.0, 403);
        assert_eq!(status(as_viewer(Method::POST, path).json(&all)).await.0, 401);
        for vague in ["", "{}", "[]", "not json", "{\"all\": true, \"fliter\": {}}", "{\"jobs\": []}"] {
            let (code, problem) = status(app.request(Method::POST, path).body(vague)).await;
            assert_eq!((code, problem["code"].as_str()), (400, Some("bad_request")), "{vague}: {problem}");
        }
    }
    for (path, expected) in [
        ("/api/jobs?state=broken", 400),
        ("/api/jobs?doctype=Supplier", 400),
        ("/api/jobs?cause=chance", 400),
        ("/api/jobs?limit=0", 400),
        ("/api/jobs?after=nonsense", 400),
        ("/api/jobs?colour=red", 400),
        ("/api/jobs/one?doctype=Customer", 400),
        ("/api/jobs/one?doctype=Customer&name=Fine%20Ltd", 404),
    ] {
        assert_eq!(status(app.request(Method::GET, path)).await.0, expected, "{path}");
    }
    let first = app.request(Method::GET, "/api/jobs?limit=1").send().await.unwrap();
    let next = first.headers()["link"].to_str().unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    let second = app.get(&next).await;
    assert_eq!((second["data"][0]["name"].as_str(), second["total"].as_i64()), (Some("Broken/1"), Some(2)));
    assert_eq!(app.get("/api/jobs").await["total"], 2, "nothing of that did anything");
}

#[tokio::test]
async fn a_long_queue_is_not_counted_to_its_end_for_every_page() {
    let connected = Connected::start(Kind::Sqlite).await;
    // They stay where they are while they are looked at.
    connected.erpnext.faults().requests(Fault::Slow(Duration::from_secs(60)), 1_000);
    let job = |number: u32| Put::new(DocKey::customer(format!("Many {number:05}")), Lane::Bulk, Cause::Full);
    connected.app.store().put(&(0..10_001).map(job).collect::<Vec<_>>()).await.unwrap();
    let page = connected.app.get("/api/jobs?state=all&limit=1").await;
    assert_eq!((page["total"].as_i64(), &page["more"]), (Some(10_000), &true.into()));
    let page = connected.app.get("/api/jobs?state=all&limit=1&q=many%2000").await;
    assert_eq!((page["total"].as_i64(), &page["more"]), (Some(1_000), &false.into()));
}
