//! The audit log: every change is in it, and nothing that should not be.

use std::collections::BTreeSet;

use customer_sync::domain::audit::Action;
use customer_sync::domain::role::Role;
use customer_sync::sync::{tokens, users};
use customer_sync::web::listed_routes;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Browser, PASSWORD, answer, sign_in};
use crate::service::Connected;
use crate::support::app::TestApp;
use crate::support::binary::run;
use crate::support::databases::Kind;

async fn entries(app: &TestApp) -> Vec<Value> {
    let (status, body) = answer(app.admin(Method::GET, "/api/audit?limit=500").await).await;
    assert_eq!(status, 200, "{body}");
    body["data"].as_array().unwrap().clone()
}

#[test]
fn each_change_has_a_word_in_the_log() {
    let mut words = BTreeSet::new();
    for route in listed_routes() {
        // Whoever takes all customers away stands in the log, too.
        let noted = route.guarded && (route.method != "GET" || route.path == "/api/customers.csv");
        assert_eq!(route.action.is_some(), noted, "{route:?}");
        words.extend(route.action);
    }
    // Those are noted where it is found out who it is.
    let found_out = [Action::SignIn, Action::SignInFailed, Action::FirstAdmin, Action::FirstAdminFailed];
    words.extend(found_out.map(Action::as_str));
    assert_eq!(words, Action::ALL.iter().map(|action| action.as_str()).collect());
}

#[tokio::test]
async fn who_did_what_from_where_and_how_it_ended() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let anna = Browser::new(app, "anna", Role::Operator).await;
        assert_eq!(answer(anna.request(app, Method::POST, "/api/schedules/sweep/pause")).await.0, 200);
        assert_eq!(answer(anna.request(app, Method::POST, "/api/customers/4711/sync")).await.0, 404);
        let told: Vec<_> = entries(app).await.into_iter().filter(|entry| entry["actor"] == "user").collect();
        let shown = |entry: &Value| {
            let number = entry["status"].as_i64().unwrap();
            (entry["action"].as_str().unwrap().to_owned(), entry["target"].clone(), number)
        };
        assert_eq!(
            told.iter().map(shown).collect::<Vec<_>>(),
            [
                ("customer_sync".to_owned(), "4711".into(), 404),
                ("schedule_pause".to_owned(), "sweep".into(), 200),
                ("sign_in".to_owned(), Value::Null, 200),
            ],
            "{kind:?}"
        );
        for entry in &told {
            assert_eq!((&entry["actor_id"], &entry["actor_name"]), (&anna.id.into(), &"anna".into()), "{entry}");
            assert_eq!(entry["address"], "127.0.0.1");
        }
        let token = tokens::issue(app.store(), "script", Role::Operator, None).await.unwrap();
        let url = format!("{}/api/schedules/sweep/resume", app.url);
        assert_eq!(answer(app.http.post(url).bearer_auth(&token.plain)).await.0, 200);
        let newest = &entries(app).await[0];
        assert_eq!((&newest["actor"], &newest["actor_id"]), (&"token".into(), &token.id.into()), "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_made_is_noted_by_its_id() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let anna = Browser::new(app, "anna", Role::Admin).await;
        let mut expected = Vec::new();
        for (path, action, body) in [
            ("/api/customers", "customer_create", json!({"name": "ACME Ltd"})),
            ("/api/users", "user_add", json!({"name": "berta", "role": "viewer", "password": "another good password"})),
            ("/api/tokens", "token_create", json!({"name": "shop", "role": "viewer"})),
            ("/api/runs", "run_start", json!({"kind": "sweep"})),
        ] {
            let (_status, made) = answer(anna.request(app, Method::POST, path).json(&body)).await;
            expected.push((Value::from(action), Value::from(made["data"]["id"].to_string())));
        }
        let log = entries(app).await.into_iter().rev().filter(|entry| entry["action"] != "sign_in");
        let noted: Vec<_> = log.map(|entry| (entry["action"].clone(), entry["target"].clone())).collect();
        assert_eq!(noted, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn nothing_of_customers_and_no_secret_is_noted() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    // People type their password into the field for the name.
    for name in ["anna", "hunter2-hunter2", "nobody"] {
        assert_eq!(answer(sign_in(app, name, "a wrong password")).await.0, 401);
    }
    answer(anna.request(app, Method::POST, "/api/customers/Erika%20Mustermann/sync")).await;
    answer(anna.request(app, Method::POST, "/api/customers/1/link").json(&json!({"erpnext_id": "Erika Mustermann"})))
        .await;
    let new = json!({"name": "berta", "role": "viewer", "password": "another good password"});
    assert_eq!(answer(anna.request(app, Method::POST, "/api/users").json(&new)).await.0, 201);
    let made =
        answer(anna.request(app, Method::POST, "/api/tokens").json(&json!({"name": "shop", "role": "viewer"}))).await.1;
    let log = json!(entries(app).await).to_string();
    let token = made["data"]["token"].as_str().unwrap();
    for secret in
        ["hunter2", "nobody", "a wrong password", PASSWORD, "Erika", "another good password", token, &anna.csrf]
    {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let failed: Vec<Value> =
        entries(app).await.into_iter().filter(|entry| entry["action"] == "sign_in_failed").collect();
    let names: Vec<&Value> = failed.iter().map(|entry| &entry["actor_name"]).collect();
    assert_eq!(names, [&Value::Null, &Value::Null, &"anna".into()]);
}

#[tokio::test]
async fn the_history_tells_a_token_from_the_user_of_its_name() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let user = Browser::new(app, "anna", Role::Operator).await;
        let token = tokens::issue(app.store(), "anna", Role::Operator, None).await.unwrap();
        let new = json!({"name": "Edited By Two"});
        let made = answer(user.request(app, Method::POST, "/api/customers").json(&new)).await.1;
        let path = format!("/api/customers/{}", made["data"]["id"]);
        let change = app.http.patch(format!("{}{path}", app.url)).bearer_auth(&token.plain);
        assert_eq!(answer(change.json(&json!({"city": "Ulm"}))).await.0, 200, "{kind:?}");
        let told = app.get(&format!("{path}/changes")).await;
        let actors: Vec<_> = told["data"].as_array().unwrap().iter().map(|change| &change["actor"]).collect();
        assert_eq!(actors, ["token:anna", "user:anna"], "{kind:?}");
    }
}

#[tokio::test]
async fn tries_of_the_one_time_link_are_noted_as_far_as_they_are_let_through() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("access.sign_ins_per_minute", "3")]).await;
        let app = &connected.app;
        let link = users::first_admin_link(app.store()).await.unwrap().unwrap();
        let become_admin = |secret: &str, password: &str| {
            let body = json!({"token": secret, "name": "mallory", "password": password});
            answer(app.http.post(format!("{}/api/first-admin", app.url)).json(&body))
        };
        assert_eq!(become_admin("a guess", PASSWORD).await.0, 403, "{kind:?}");
        assert_eq!(become_admin(&link, "short").await.0, 400, "{kind:?}: the link is right");
        assert_eq!(become_admin("another guess", PASSWORD).await.0, 403, "{kind:?}");
        assert_eq!(become_admin(&link, PASSWORD).await.0, 429, "{kind:?}");
        let noted = entries(app).await;
        let told: Vec<_> = noted.iter().map(|entry| (&entry["action"], &entry["actor"], &entry["status"])).collect();
        let failed = (&"first_admin_failed".into(), &"unknown".into(), &403.into());
        assert_eq!(told, [failed, failed], "{kind:?}");
        assert!(noted.iter().all(|entry| entry["address"] == "127.0.0.1"), "{kind:?}: {noted:?}");
        let log = json!(noted).to_string();
        assert!(!log.contains("guess") && !log.contains("mallory"), "{kind:?}: {log}");
    }
}

#[tokio::test]
async fn refused_calls_do_not_fill_the_log_and_pages_follow_each_other() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let viewer = tokens::create(app.store(), "reader", Role::Viewer).await.unwrap();
    for _ in 0..5 {
        let url = format!("{}/api/schedules/sweep/pause", app.url);
        assert_eq!(answer(app.http.post(&url)).await.0, 401);
        assert_eq!(answer(app.http.post(&url).bearer_auth(&viewer)).await.0, 403);
    }
    assert_eq!(entries(app).await.len(), 0);
    for _ in 0..5 {
        assert_eq!(answer(app.request(Method::POST, "/api/schedules/sweep/pause")).await.0, 200);
    }
    let mut seen = Vec::new();
    let mut path = Some("/api/audit?limit=2&action=schedule_pause".to_owned());
    while let Some(page) = path {
        let response = app.admin(Method::GET, &page).await.send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        path = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        let body: Value = response.json().await.unwrap();
        seen.extend(body["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()));
    }
    assert!(seen.len() == 5 && seen.windows(2).all(|pair| pair[0] > pair[1]), "{seen:?}");
    for wrong in ["/api/audit?action=nothing", "/api/audit?limit=0", "/api/audit?actor=anna"] {
        assert_eq!(answer(app.admin(Method::GET, wrong).await).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_command_line_is_noted_too() {
    let connected = Connected::start(Kind::Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let environment = [("DATABASE_URL", connected.database.url.as_str())];
    for arguments in
        [&["token", "create", "--role", "viewer"][..], &["schedules", "pause", "sweep"], &["jobs", "retry", "--all"]]
    {
        assert!(run(folder.path(), arguments, &environment).status.success(), "{arguments:?}");
    }
    let noted = connected.app.store().audit(None, None, 10).await.unwrap();
    let shown: Vec<_> = noted.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    let by = "command_line";
    assert_eq!(shown, [(by, "jobs_retry"), (by, "schedule_pause"), (by, "token_create")]);
}
