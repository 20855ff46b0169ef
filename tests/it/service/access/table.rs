//! The table of routes is what the server does, and what the README says.

use std::collections::BTreeSet;

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use customer_sync::web::{ListedRoute, listed_routes};
use reqwest::Method;

use super::{answer, somewhere};
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
