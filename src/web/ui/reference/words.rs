//! What a schema says, in words.
//!
//! Invariant: every kind of schema that the document has can be said; a name of a shape leads to that shape.

use std::fmt::Write as _;

use askama::Template;
use askama::filters::HtmlSafe;
use serde_json::Value;

use super::super::super::openapi::document;

/// Text with what stands in backticks as code; `[Name]` in it leads to the shape of that name.
#[derive(Template)]
#[template(
    ext = "html",
    source = "{% for piece in pieces %}{% match piece %}{% when Piece::Plain with (text) %}{{ text }}\
              {% when Piece::Code with (text) %}<code>{{ text }}</code>\
              {% when Piece::Shape with (name) %}<a href=\"#shape-{{ name }}\">{{ name }}</a>{% endmatch %}{% endfor %}"
)]
pub(super) struct Prose {
    pieces: Vec<Piece>,
}

enum Piece {
    Plain(String),
    Code(String),
    Shape(String),
}

impl HtmlSafe for Prose {}

impl Prose {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        for (turn, part) in text.split('`').enumerate() {
            if turn % 2 == 1 {
                pieces.push(Piece::Code(part.to_owned()));
                continue;
            }
            let mut rest = part;
            while let Some((before, name, after)) = shape_in(rest) {
                pieces.push(Piece::Plain(before.to_owned()));
                pieces.push(Piece::Shape(name.to_owned()));
                rest = after;
            }
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        Self { pieces }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Plain(text) if text.is_empty()))
    }
}

/// What stands before the first `[Name]` of a shape, the name, and what follows.
fn shape_in(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (name, after) = rest.split_once(']')?;
    document()["components"]["schemas"].get(name).is_some().then_some((before, name, after))
}

/// A field, a parameter or a header.
pub(super) struct Row {
    pub(super) name: String,
    /// Where it is sent: `path`, `query`, `header`; empty for a field.
    pub(super) place: String,
    pub(super) kind: Prose,
    pub(super) required: bool,
    pub(super) about: Prose,
}

impl Row {
    pub(super) fn new(name: &str, said: &Value, schema: &Value) -> Self {
        let about = Prose::new(description(said));
        let kind = Prose::new(&kind(schema));
        Self { name: name.to_owned(), place: String::new(), kind, required: false, about }
    }
}

/// What is said of it, or of the one thing that may stand there beside null.
fn description(said: &Value) -> &str {
    let parts = ["oneOf", "allOf"].into_iter().filter_map(|key| said[key].as_array()).flatten();
    let mut all = [said].into_iter().chain(parts).map(|said| text(said, "description"));
    all.find(|description| !description.is_empty()).unwrap_or_default()
}

pub(super) fn parameter(parameter: &Value) -> Row {
    let row = Row::new(text(parameter, "name"), parameter, &parameter["schema"]);
    Row { place: text(parameter, "in").to_owned(), required: parameter["required"] == true, ..row }
}

/// The fields of an object, those that it is made of included. Of several kinds of object no field is required.
pub(super) fn rows(schema: &Value) -> Vec<Row> {
    let schema = resolved(schema);
    let parts = |key: &str| schema[key].as_array().into_iter().flatten().flat_map(self::rows);
    let mut rows: Vec<Row> = parts("allOf").collect();
    rows.extend(parts("oneOf").map(|row| Row { required: false, ..row }));
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in members(&schema["properties"]) {
        rows.push(Row { required: required.contains(&name), ..Row::new(name, field, field) });
    }
    rows
}

/// What may be there.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return if name.starts_with("Answer_") { envelope(resolved(schema)) } else { format!("[{name}]") };
    }
    if let Some(one) = ["oneOf", "allOf"].into_iter().find_map(|key| schema[key].as_array()) {
        let kinds: Vec<String> = one.iter().map(kind).collect();
        return kinds.join(if schema["oneOf"].is_array() { " or " } else { " with " });
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", plain(word))).collect();
        return words.join(", ");
    }
    let mut kind = match &schema["type"] {
        Value::Array(kinds) => {
            let kinds: Vec<String> =
                kinds.iter().map(|kind| simple(kind.as_str().unwrap_or_default(), schema)).collect();
            kinds.join(" or ")
        }
        Value::String(kind) => simple(kind, schema),
        _ => "anything".to_owned(),
    };
    bounds(schema, &mut kind);
    kind
}

/// `{"data": …}`
fn envelope(schema: &Value) -> String {
    format!("`data`: {}", kind(&schema["properties"]["data"]))
}

fn simple(kind: &str, schema: &Value) -> String {
    match kind {
        "array" => match items(&schema["items"]) {
            Some(name) => format!("list of [{name}]"),
            None => format!("list of {}", self::kind(&schema["items"])),
        },
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "string" => "text".to_owned(),
        other => other.to_owned(),
    }
}

/// The name of a shape that stands there in full.
fn items(schema: &Value) -> Option<&'static str> {
    let shapes = || members(&document()["components"]["schemas"]);
    shapes().find(|(_, shape)| !schema["$ref"].is_string() && *shape == schema).map(|(name, _)| name)
}

fn bounds(schema: &Value, kind: &mut String) {
    for (key, words) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
        ("minItems", "entries, at least"),
        ("maxItems", "entries, at most"),
        ("default", "by default"),
        ("pattern", "like"),
    ] {
        if let Some(bound) = schema.get(key).filter(|bound| !bound.is_null()) {
            let _written = write!(kind, ", {words} `{}`", plain(bound));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a reference refers to.
pub(super) fn resolved(value: &Value) -> &Value {
    let target = value["$ref"].as_str().and_then(|reference| document().pointer(reference.trim_start_matches('#')));
    target.unwrap_or(value)
}

pub(super) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
