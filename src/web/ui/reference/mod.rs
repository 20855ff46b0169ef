//! `/reference`: every call of the API with its role, parameters, bodies, answers and an example, to be read by people.
//!
//! Invariant: it shows the OpenAPI document and nothing beside it, so it cannot say anything else. What a schema means is
//! put into words by `words`, what is sent by an example made in `example`.

mod example;
mod words;

use std::sync::LazyLock;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value;

use super::super::State;
use super::super::error::Problem;
use super::super::openapi::document;
use super::frame::Frame;
use super::page::render_compressed;
use words::{Prose, Row, members, resolved, text};

#[derive(Template)]
#[template(path = "reference.html", config = "src/web/ui/askama.toml")]
struct Page {
    frame: Frame,
    version: String,
    groups: &'static [Group],
    shapes: &'static [Shape],
}

/// What belongs together.
struct Group {
    name: String,
    about: Prose,
    calls: Vec<Call>,
}

/// A call.
struct Call {
    /// Its stable name, which is its address on the page too.
    id: String,
    method: String,
    path: String,
    summary: Prose,
    about: Prose,
    /// The least role.
    role: String,
    parameters: Vec<Row>,
    body: Option<Body>,
    answers: Vec<Answer>,
    curl: String,
}

/// What a call takes.
struct Body {
    about: Prose,
    kind: Prose,
    rows: Vec<Row>,
}

/// What a call may answer.
struct Answer {
    status: String,
    about: Prose,
    shape: Option<Prose>,
    headers: Vec<Row>,
}

/// An object with a name.
struct Shape {
    name: String,
    about: Prose,
    kind: Prose,
    rows: Vec<Row>,
}

static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(groups);
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(shapes);

pub(super) async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request, &state, None, "API reference").await?;
    let version = text(&document()["info"], "version").to_owned();
    Ok(render_compressed(&request, &Page { frame, version, groups: &GROUPS, shapes: &SHAPES }))
}

fn groups() -> Vec<Group> {
    let group = |tag: &Value| {
        let name = text(tag, "name");
        let mut calls = Vec::new();
        for (path, item) in members(&document()["paths"]) {
            for (method, operation) in members(item) {
                if operation["tags"][0] == name {
                    calls.push(call(method, path, operation));
                }
            }
        }
        Group { name: name.to_owned(), about: Prose::new(text(tag, "description")), calls }
    };
    document()["tags"].as_array().into_iter().flatten().map(group).collect()
}

fn call(method: &str, path: &str, operation: &'static Value) -> Call {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(words::parameter);
    let body = operation.pointer("/requestBody/content/application~1json/schema").map(|schema| Body {
        about: Prose::new(text(&operation["requestBody"], "description")),
        kind: Prose::new(&words::kind(schema)),
        rows: words::rows(schema),
    });
    Call {
        id: text(operation, "operationId").to_owned(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: Prose::new(text(operation, "summary")),
        about: Prose::new(text(operation, "description")),
        role: operation["x-role"].as_str().unwrap_or("everybody").to_owned(),
        parameters: parameters.collect(),
        body,
        answers: members(&operation["responses"]).map(|(status, response)| answer(status, response)).collect(),
        curl: example::curl(method, path, operation),
    }
}

fn answer(status: &str, response: &'static Value) -> Answer {
    let response = resolved(response);
    let content = members(&response["content"]).next();
    let shape = content.map(|(kind, content)| match kind {
        "application/json" => words::kind(&content["schema"]),
        kind => kind.to_owned(),
    });
    let headers = members(&response["headers"]);
    Answer {
        status: status.to_owned(),
        about: Prose::new(text(response, "description")),
        shape: shape.map(|shape| Prose::new(&shape)),
        headers: headers.map(|(name, header)| Row::new(name, header, &header["schema"])).collect(),
    }
}

fn shapes() -> Vec<Shape> {
    let all = members(&document()["components"]["schemas"]).filter(|(name, _)| !name.starts_with("Answer_"));
    let shape = |(name, schema): (&str, &'static Value)| Shape {
        name: name.to_owned(),
        about: Prose::new(text(schema, "description")),
        kind: Prose::new(&words::kind(schema)),
        rows: words::rows(schema),
    };
    all.map(shape).collect()
}
