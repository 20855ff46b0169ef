//! What the routes have in common: who may call them, and the failures that come before or beneath any handler.
//!
//! Invariant: a failure that the document names is one of `error::Code`, and the schema of the answer allows exactly the codes
//! that are named. What a handler says of itself is kept.

use serde_json::{Map, Value, json};

use super::super::error::{Code, PROBLEM};
use super::super::routes::ListedRoute;
use crate::domain::role::Role;

/// A failure of many routes.
struct Failure {
    code: Code,
    when: fn(&ListedRoute) -> bool,
    description: &'static str,
}

/// What the guard (`auth`), the reading of the request and the database may answer.
static FAILURES: [Failure; 9] = [
    Failure {
        code: Code::BadRequest,
        when: always,
        description: "the request cannot be read, or a value is not allowed",
    },
    Failure { code: Code::Unauthorized, when: guarded, description: "there is no token or session, or a wrong one" },
    Failure { code: Code::Forbidden, when: restricted, description: "the role is not enough" },
    Failure {
        code: Code::NotFromOurPage,
        when: changes,
        description: "a browser sends it for the page of somebody else",
    },
    Failure { code: Code::BodyTooSlow, when: always, description: "the body does not arrive in time" },
    Failure { code: Code::BodyTooLarge, when: always, description: "the body is longer than 1 MiB" },
    Failure {
        code: Code::TooManyRequests,
        when: always,
        description: "the caller comes too often, or waits for too much at once",
    },
    Failure { code: Code::Busy, when: always, description: "too much arrives, or waits, at once" },
    Failure { code: Code::Unavailable, when: always, description: "the database cannot be reached" },
];

fn always(_route: &ListedRoute) -> bool {
    true
}

fn guarded(route: &ListedRoute) -> bool {
    route.guarded
}

fn restricted(route: &ListedRoute) -> bool {
    route.role > Some(Role::Viewer) || !route.by_token
}

fn changes(route: &ListedRoute) -> bool {
    route.method != "GET"
}

/// Adds it to every operation; `routes` are those with a guard, the others say all that they answer themselves.
pub(super) fn complete(document: &mut Value, routes: &[ListedRoute]) {
    let mut components = Map::new();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let route = routes.iter().find(|route| route.path == *path && route.method.eq_ignore_ascii_case(method));
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(operation, route, &mut components);
            }
        }
    }
    if let Some(all) = document.get_mut("components").and_then(Value::as_object_mut) {
        all.insert("responses".to_owned(), components.into());
        all.insert("securitySchemes".to_owned(), security_schemes());
    }
}

fn complete_operation(
    operation: &mut Map<String, Value>,
    route: Option<&ListedRoute>,
    components: &mut Map<String, Value>,
) {
    if let Some(route) = route {
        operation.insert("security".to_owned(), security(route));
        if let Some(role) = who(route) {
            operation.insert("x-role".to_owned(), role.into());
        }
    }
    let paged = bound_parameters(operation);
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if let Some(page) = responses.get_mut("200").and_then(Value::as_object_mut).filter(|_| paged) {
        let description = "Where the next page is (`rel=\"next\"`), if there may be one";
        let link = json!({"description": description, "schema": {"type": "string"}});
        page.insert("headers".to_owned(), json!({ "Link": link }));
    }
    let mut failures: Vec<(String, Vec<&Failure>)> = Vec::new();
    for failure in FAILURES.iter().filter(|failure| route.is_some_and(failure.when)) {
        let status = failure.code.status().as_u16().to_string();
        match failures.iter_mut().find(|(known, _)| *known == status) {
            Some((_, same)) => same.push(failure),
            None => failures.push((status, vec![failure])),
        }
    }
    for (status, response) in &mut *responses {
        let Some(said) = response.get("description").and_then(Value::as_str).map(str::to_owned) else { continue };
        let mut codes = codes(&said);
        let mut description = said;
        for (_, same) in failures.extract_if(.., |(known, _)| known == status) {
            for failure in same {
                codes.push(failure.code);
                description.push_str(&format!("; {}", sentence(failure)));
            }
        }
        if let Some(response) = response.as_object_mut().filter(|_| !codes.is_empty()) {
            response.insert("description".to_owned(), description.into());
            add_problem(response, &codes);
        }
    }
    for (status, same) in failures {
        let name = same.iter().map(|failure| word(failure.code)).collect::<Vec<_>>().join("-or-");
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.insert(status, reference);
        components.entry(name).or_insert_with(|| {
            let description = same.iter().map(|failure| sentence(failure)).collect::<Vec<_>>().join("; ");
            let mut response = Map::new();
            response.insert("description".to_owned(), description.into());
            add_problem(&mut response, &same.iter().map(|failure| failure.code).collect::<Vec<_>>());
            response.into()
        });
    }
}

/// The codes at the beginning of a description.
pub(super) fn codes(description: &str) -> Vec<Code> {
    let Some((words, _)) = description.split_once(':') else { return Vec::new() };
    let words = words.split(", ").map(|word| word.strip_prefix('`')?.strip_suffix('`'));
    words.map_while(|word| serde_json::from_value(word?.into()).ok()).collect()
}

fn word(code: Code) -> String {
    serde_json::to_value(code).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn sentence(failure: &Failure) -> String {
    format!("`{}`: {}", word(failure.code), failure.description)
}

fn add_problem(response: &mut Map<String, Value>, codes: &[Code]) {
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {"type": "object", "properties": {"code": {"enum": codes}}},
    ]});
    let integer = |description: &str| json!({"description": description, "schema": {"type": "integer", "minimum": 1}});
    let mut headers = Map::new();
    for code in codes {
        match code.status().as_u16() {
            429 => headers.insert("Retry-After".to_owned(), integer("Seconds to wait")),
            503 => {
                headers.insert("Retry-After".to_owned(), integer("Seconds after which it is worth while to try again"))
            }
            _ => None,
        };
    }
    if !headers.is_empty() {
        response.insert("headers".to_owned(), headers.into());
    }
    let content = response.entry("content").or_insert_with(|| Map::new().into());
    if let Some(content) = content.as_object_mut() {
        content.insert(PROBLEM.to_owned(), json!({ "schema": schema }));
    }
}

/// A parameter that is left out is no null. Tells whether the answer is a page of a list.
fn bound_parameters(operation: &mut Map<String, Value>) -> bool {
    let mut paged = false;
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        paged |= parameter.get("name").is_some_and(|name| name == "limit");
        if let Some(kind) = parameter.pointer_mut("/schema/type")
            && let Some(kinds) = kind.as_array()
            && let Some(only) = kinds.iter().find(|kind| *kind != "null").cloned()
        {
            *kind = only;
        }
    }
    paged
}

/// The least role, as the README calls it.
fn who(route: &ListedRoute) -> Option<&'static str> {
    route.role.map(Role::as_str).or_else(|| route.guarded.then_some("signed in"))
}

fn security(route: &ListedRoute) -> Value {
    let roles: Vec<&str> = route.role.map(Role::as_str).into_iter().collect();
    let mut session = Map::new();
    session.insert("session".to_owned(), json!(roles));
    if changes(route) {
        session.insert("csrf".to_owned(), json!(roles));
    }
    match (route.guarded, route.by_token) {
        (false, _) => json!([]),
        (true, true) => json!([{ "token": roles }, session]),
        (true, false) => json!([session]),
    }
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `customer-sync token create` or `POST /api/tokens`.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "customer_sync",
            "description": "The cookie of `POST /api/session`; behind TLS it is called `__Host-customer_sync`.",
        },
        "metrics": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of the setting `metrics.token`, where it is set.",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRF-Token",
            "description": "The `csrf_token` of `GET /api/session`, for each change by cookie.",
        },
    })
}
