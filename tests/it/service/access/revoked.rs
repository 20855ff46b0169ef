//! Answers that take long, to somebody who may have none any more: they end.

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::simulator::Fault;
use customer_sync::sync::tokens;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Browser, answer};
use crate::service::Connected;
use crate::support::app::{TestApp, wait_until};
use crate::support::databases::Kind;

/// Somebody who is about to lose what lets them in, and how.
struct Reader {
    what: &'static str,
    headers: (&'static str, String),
    revoking: RequestBuilder,
}

impl Reader {
    fn get(&self, app: &TestApp, path: &str) -> RequestBuilder {
        app.http.get(format!("{}{path}", app.url)).header(self.headers.0, &self.headers.1)
    }

    /// Has a stream and waits for changes at one process, while the way in is taken away at the other; both end.
    async fn ends(self, reading: &TestApp) {
        let what = self.what;
        let mut stream = self.get(reading, "/api/events").send().await.unwrap();
        assert_eq!(stream.status(), 200, "{what}");
        let waiting = self.get(reading, "/api/changes?after=last&wait=60");
        let stream = async {
            assert!(stream.chunk().await.unwrap().is_some(), "{what}: it has begun");
            let (status, _) = answer(self.revoking).await;
            assert!([200, 204].contains(&status), "{what}: {status}");
            while stream.chunk().await.unwrap().is_some() {}
        };
        let both = async { tokio::join!(answer(waiting), stream) };
        let ((status, problem), ()) =
            tokio::time::timeout(Duration::from_secs(60), both).await.unwrap_or_else(|_| panic!("{what}: it goes on"));
        assert_eq!((status, &problem["code"]), (401, &"unauthorized".into()), "{what}: {problem}");
    }
}

/// Everybody whose way in is taken away through `by`.
async fn readers(by: &TestApp) -> Vec<Reader> {
    let mut readers = Vec::new();
    let token = tokens::issue(by.store(), "reader", Role::Viewer, None).await.unwrap();
    let revoking = by.admin(Method::DELETE, &format!("/api/tokens/{}", token.id)).await;
    let headers = ("Authorization", format!("Bearer {}", token.plain));
    readers.push(Reader { what: "a revoked token", headers, revoking });
    for what in ["signed out", "signed out by an admin", "removed", "demoted", "given another password"] {
        let browser = Browser::new(by, &what.replace(' ', "."), Role::Operator).await;
        let user = format!("/api/users/{}", browser.id);
        let revoking = match what {
            "signed out" => browser.request(by, Method::DELETE, "/api/session"),
            "signed out by an admin" => by.admin(Method::DELETE, &format!("{user}/sessions")).await,
            "removed" => by.admin(Method::DELETE, &user).await,
            "demoted" => by.admin(Method::PATCH, &user).await.json(&json!({"role": "viewer"})),
            _ => by.admin(Method::PATCH, &user).await.json(&json!({"password": "another good password"})),
        };
        readers.push(Reader { what, headers: ("Cookie", browser.cookie), revoking });
    }
    readers
}

#[tokio::test]
async fn who_may_no_longer_read_is_told_nothing_more_by_any_process() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("access.sign_ins_per_minute", "100")]).await;
        let other = match kind {
            Kind::Sqlite => None,
            Kind::Postgres | Kind::Mariadb => {
                Some(TestApp::configured(&connected.database, &connected.erpnext, &[]).await)
            }
        };
        let readers = readers(&connected.app).await;
        let reading = other.as_ref().unwrap_or(&connected.app);
        futures_util::future::join_all(readers.into_iter().map(|reader| reader.ends(reading))).await;
    }
}

#[tokio::test]
async fn an_open_stream_ends_with_its_token_and_is_no_use_of_a_session() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.session_idle", "6s")]).await;
    let app = &connected.app;
    let token = tokens::issue(app.store(), "short", Role::Viewer, Some(Duration::from_secs(3))).await.unwrap();
    let idle = Browser::new(app, "idle", Role::Viewer).await;
    let streams = [
        app.http.get(format!("{}/api/events", app.url)).bearer_auth(&token.plain),
        idle.alone(app, Method::GET, "/api/events"),
    ];
    let ends = futures_util::future::join_all(streams.map(async |request| {
        let mut stream = request.send().await.unwrap();
        assert_eq!(stream.status(), 200);
        while stream.chunk().await.unwrap().is_some() {}
    }));
    tokio::time::timeout(Duration::from_secs(60), ends).await.expect("both streams end");
}

/// Asks for something that takes longer than a look at who asks is good for, and loses its token meanwhile.
async fn outcome_of_a_deed_by_somebody_revoked(deed: &str) -> (u16, Value) {
    let connected = Connected::start(Kind::Sqlite).await;
    let (app, erpnext) = (&connected.app, &connected.erpnext);
    let synced = erpnext.create_customer(json!({"customer_name": "Synced Ltd"})).unwrap();
    connected.settled().await;
    let synced = connected.row(&synced).await["id"].clone();
    let local = app.request(Method::POST, "/api/customers").json(&json!({"name": "Local Ltd"}));
    let local = answer(local).await.1["data"]["id"].clone();
    let unknown = erpnext.import("Customer", json!({"customer_name": "Unlinked Ltd"})).unwrap();
    erpnext.faults().requests(Fault::Slow(Duration::from_secs(6)), 1);
    let token = tokens::issue(app.store(), "caller", Role::Operator, None).await.unwrap();
    let path = match deed {
        "customer_sync" => format!("/api/customers/{synced}/sync?wait=60"),
        "customer_link" => format!("/api/customers/{local}/link?wait=60"),
        _ => "/api/customers/sync".to_owned(),
    };
    let call = app.http.post(format!("{}{path}", app.url)).bearer_auth(&token.plain);
    let revoking = async {
        let log = format!("/api/audit?action={deed}");
        let noted = async || !answer(app.admin(Method::GET, &log).await).await.1["data"].as_array().unwrap().is_empty();
        wait_until("it has begun", noted).await;
        assert_eq!(answer(app.admin(Method::DELETE, &format!("/api/tokens/{}", token.id)).await).await.0, 204);
    };
    tokio::join!(answer(call.json(&json!({"erpnext_id": unknown}))), revoking).0
}

#[tokio::test]
async fn who_loses_access_while_waiting_is_not_told_what_came_of_it() {
    let deeds = ["customer_sync", "customer_link", "run_start"];
    let told = futures_util::future::join_all(deeds.map(outcome_of_a_deed_by_somebody_revoked)).await;
    for (deed, (status, told)) in deeds.iter().zip(told) {
        assert_eq!((status, &told["code"]), (401, &"unauthorized".into()), "{deed}: {told}");
    }
}
