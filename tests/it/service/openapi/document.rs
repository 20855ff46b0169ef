//! The document against the table of routes, against itself, and against the file that is kept for code generators.

use std::collections::{BTreeMap, BTreeSet};

use customer_sync::domain::role::Role;
use customer_sync::web::{self, ListedRoute, listed_routes};
use reqwest::Method;
use serde_json::Value;

use super::operations;
use crate::config::assert_rendered;
use crate::service::Connected;
use crate::support::databases::Kind;

/// What is served outside the API, for everybody: ERPNext, load balancers and Prometheus have no role.
const OUTSIDE: [&str; 5] = [
    "GET /livez none",
    "GET /metrics none",
    "GET /readyz none",
    "POST /webhooks/erpnext none",
    "PUT /webhooks/erpnext none",
];

#[test]
fn each_route_is_in_the_document_with_its_role_and_nothing_else_is() {
    let documented: BTreeSet<String> = operations()
        .into_iter()
        .map(|(method, path, operation)| format!("{method} {path} {}", operation["x-role"].as_str().unwrap_or("none")))
        .collect();
    let listed = |route: ListedRoute| {
        let who = route.role.map_or(if route.guarded { "signed in" } else { "none" }, Role::as_str);
        format!("{} {} {who}", route.method, route.path)
    };
    let expected: BTreeSet<String> =
        listed_routes().into_iter().map(listed).chain(OUTSIDE.map(str::to_owned)).collect();
    assert_eq!(documented, expected);
}

#[test]
fn each_operation_has_a_name_of_its_own_a_summary_and_a_place() {
    let mut names = BTreeMap::new();
    let tags: Vec<&Value> = web::openapi()["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(names.insert(name, path.clone()), None, "{method} {path} is called {name} too");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        let tag = operation["tags"].as_array().unwrap();
        assert!(tag.len() == 1 && tags.contains(&&tag[0]), "{method} {path}: {tag:?}");
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        assert!(parameters.all(|parameter| parameter["description"].is_string()), "{method} {path}: {operation}");
    }
}

#[test]
fn each_reference_leads_somewhere() {
    fn follow(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value {
                        Value::String(target) if key == "$ref" => found.push(target.clone()),
                        value => follow(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| follow(item, found)),
            _ => {}
        }
    }
    let mut references = Vec::new();
    follow(web::openapi(), &mut references);
    assert!(references.len() > 100, "{}", references.len());
    for reference in references {
        assert!(web::openapi().pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// The response itself, where the operation refers to a shared one.
fn resolved(response: &'static Value) -> &'static Value {
    match response["$ref"].as_str() {
        Some(reference) => web::openapi().pointer(reference.trim_start_matches('#')).unwrap(),
        None => response,
    }
}

#[test]
fn each_failure_names_its_codes_and_each_code_is_named() {
    let mut named = BTreeSet::new();
    for (method, path, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(response);
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path} {status}");
            let codes =
                response["content"]["application/problem+json"]["schema"].pointer("/allOf/1/properties/code/enum");
            match codes {
                Some(codes) => named.extend(codes.as_array().unwrap().iter().map(Value::to_string)),
                // The waiting form of a full run and `/readyz` have bodies of their own.
                None => assert!(
                    status.as_str() < "400" || response["content"]["application/json"].is_object(),
                    "{method} {path} {status} names no code: {response}"
                ),
            }
        }
    }
    let codes = web::openapi()["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap();
    let codes: BTreeSet<String> = codes.iter().map(Value::to_string).collect();
    let missing: Vec<&String> = codes.difference(&named).collect();
    // A method that a path does not have is no operation.
    assert_eq!(missing, ["\"method_not_allowed\""]);
}

#[test]
fn the_kept_document_is_rendered_from_the_code() {
    let mut document = web::openapi().clone();
    // A release changes no interface.
    document["info"]["version"] = "0".into();
    // Whether objects keep their order depends on what else is compiled in.
    document.sort_all_objects();
    let rendered = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    assert_rendered("deploy/openapi.json", |_| rendered.clone());
}

#[tokio::test]
async fn the_document_is_served() {
    let connected = Connected::start(Kind::Sqlite).await;
    let served = connected.app.get("/api/openapi.json").await;
    assert_eq!(&served, web::openapi());
    assert!(served["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", served["openapi"]);
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    let nobody = connected.app.http.request(Method::GET, format!("{}/api/openapi.json", connected.app.url));
    assert_eq!(nobody.send().await.unwrap().status(), 401);
}
