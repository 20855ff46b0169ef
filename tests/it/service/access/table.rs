//! The table of routes is what the server does, and what the README says.

use std::collections::BTreeSet;

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use customer_sync::web::{ListedRoute, listed_routes};
use reqwest::Method;

use super::{answer, raw, somewhere};
use crate::service::Connected;
use crate::support::databases::Kind;

#[tokio::test]
async fn each_route_refuses_nobody_and_every_lesser_role_and_lets_its_own_in() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let mut held = Vec::new();
    for role in Role::ALL {
        held.push((role, tokens::create(app.store(), "test", role).await.unwrap()));
    }
    for route in listed_routes() {
        let method: Method = route.method.parse().unwrap();
        let call = || {
            let request = app.http.request(method.clone(), format!("{}{}", app.url, somewhere(&route)));
            request.header("Prefer", "respond-async").body("{}")
        };
        if !route.guarded {
            let (status, problem) = answer(call()).await;
            assert_eq!((status, &problem["code"]), (400, &"bad_request".into()), "{route:?}: it is read");
            continue;
        }
        let (status, problem) = answer(call()).await;
        assert_eq!((status, &problem["code"]), (401, &"unauthorized".into()), "{route:?}");
        for (role, token) in &held {
            let (status, problem) = answer(call().bearer_auth(token)).await;
            if !route.by_token || route.role.is_some_and(|least| *role < least) {
                assert_eq!((status, &problem["code"]), (403, &"forbidden".into()), "{route:?} as {role:?}");
                let least = route.role.map_or("signed in", Role::as_str);
                assert!(problem["detail"].as_str().unwrap().contains(least), "{problem}");
            } else {
                assert!(![401, 403, 405, 500].contains(&status), "{route:?} as {role:?}: {status} {problem}");
                assert!(!problem["detail"].to_string().contains("there is nothing at"), "{route:?}: {problem}");
            }
        }
    }
}

#[tokio::test]
async fn no_path_takes_a_method_that_is_not_in_the_table() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let admin = tokens::create(app.store(), "test", Role::Admin).await.unwrap();
    let routes = listed_routes();
    for route in &routes {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if routes.iter().any(|other| other.path == route.path && other.method == method) {
                continue;
            }
            let url = format!("{}{}", app.url, somewhere(route));
            let request = || app.http.request(method.parse().unwrap(), &url);
            let open = routes.iter().any(|other| other.path == route.path && !other.guarded);
            assert_eq!(answer(request()).await.0, if open { 405 } else { 401 }, "{method} {}", route.path);
            assert_eq!(answer(request().bearer_auth(&admin)).await.0, 405, "{method} {}", route.path);
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_a_body_and_to_nobody_else() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let admin = tokens::create(app.store(), "admin", Role::Admin).await.unwrap();
    let viewer = tokens::create(app.store(), "viewer", Role::Viewer).await.unwrap();
    for route in listed_routes().into_iter().filter(|route| route.method == "GET") {
        let url = format!("{}{}", app.url, somewhere(&route));
        let head = || app.http.head(&url);
        assert_eq!(head().send().await.unwrap().status(), 401, "{route:?}");
        if route.path == "/api/events" || route.action.is_some() {
            // A stream never ends, and nothing is noted as done that nobody got.
            assert_eq!(head().bearer_auth(&admin).send().await.unwrap().status(), 405);
            continue;
        }
        let lets_in = route.role.is_none_or(|least| Role::Viewer >= least);
        assert_eq!(head().bearer_auth(&viewer).send().await.unwrap().status() == 403, !lets_in, "{route:?}");
        let (get, head) = (app.http.get(&url).bearer_auth(&admin), head().bearer_auth(&admin));
        let (get, head) = (get.send().await.unwrap(), head.send().await.unwrap());
        assert_eq!(
            (get.status(), get.headers().get("content-type")),
            (head.status(), head.headers().get("content-type"))
        );
        assert_eq!(head.bytes().await.unwrap().len(), 0, "{route:?}");
    }
    // The connection is fit for the next request, so nothing but the head was sent.
    let asked = format!("HEAD /api/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n");
    let said = raw(app, &format!("{asked}\r\n{asked}Connection: close\r\n\r\n")).await;
    let heads: Vec<&str> = said.split("\r\n\r\n").collect();
    assert!(heads.len() == 3 && heads[2].is_empty() && heads[1].starts_with("HTTP/1.1 200"), "{said}");
    assert!(heads[0].to_lowercase().contains("content-length: 11"), "{said}");
    let post = app.http.post(format!("{}/api/customers/1", app.url)).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(post.headers()["allow"], "GET, HEAD, PATCH, DELETE");
}

#[test]
fn the_readme_names_each_route_with_its_role() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let written: BTreeSet<String> = readme.lines().flat_map(rows).collect();
    let listed = |route: ListedRoute| {
        let who = route.role.map_or(if route.guarded { "signed in" } else { "–" }, Role::as_str);
        format!("{} {} {who}", route.method, route.path)
    };
    let expected: BTreeSet<String> = listed_routes().into_iter().map(listed).collect();
    assert_eq!(written, expected);
}

/// The routes of one line of the README's table; `…/x` shares all but the end with the one before.
fn rows(line: &str) -> Vec<String> {
    let cells: Vec<&str> = line.split(" | ").collect();
    let [calls, role, ..] = cells[..] else { return Vec::new() };
    let mut found: Vec<String> = Vec::new();
    let (mut method, mut path) = (String::new(), String::new());
    if !calls.contains("/api/") {
        return Vec::new();
    }
    for call in calls.split('`').skip(1).step_by(2) {
        let call = call.split('?').next().unwrap();
        match call.split_once(" /api/") {
            Some((verb, rest)) => (method, path) = (verb.to_owned(), format!("/api/{rest}")),
            None => {
                let (Some((base, _)), Some(end)) = (path.rsplit_once('/'), call.strip_prefix("…/")) else { continue };
                path = format!("{base}/{end}");
            }
        }
        found.push(format!("{method} {path} {role}"));
    }
    found
}

#[test]
fn only_the_table_adds_routes_to_the_api() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/api");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().is_some_and(|name| name != "table.rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in ["web::resource", "web::scope", "ServiceConfig", ".route("] {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}
