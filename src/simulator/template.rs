//! A little Jinja: as much of it as templates of webhooks use (`webhook_json`, dynamic URLs).
//!
//! Invariant: text outside `{{ … }}` is copied as it is, and an expression that is not understood is an error that
//! the Webhook Request Log shows, never an empty value. Statements (`{% … %}`) are not supported.

use serde_json::Value;

use super::documents::Doc;
use super::json::{Style, to_text, write_text};

/// What a template can see.
pub(super) struct Context<'c> {
    pub(super) doc: &'c Doc,
    pub(super) site_url: &'c str,
    pub(super) time_zone: &'c str,
    pub(super) now: &'c str,
    /// `frappe.db.get_value(doctype, name, fields, as_dict=1)`.
    pub(super) get_value: &'c dyn Fn(&str, &str, &[String]) -> Value,
}

/// Renders a template.
///
/// # Errors
/// Where an expression is not closed or not understood, as a sentence.
pub(super) fn render(template: &str, context: &Context<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (expression, tail) = after.split_once("}}").ok_or("an expression is not closed")?;
        match evaluate(expression, context)? {
            Value::String(text) => out.push_str(&text),
            Value::Null => out.push_str("None"),
            other => out.push_str(&to_text(&other, Style::Spaced)),
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn evaluate(expression: &str, context: &Context<'_>) -> Result<Value, String> {
    let mut steps = split_outside(expression, '|').into_iter();
    let mut value = base(steps.next().unwrap_or_default().trim(), context)?;
    for filter in steps {
        value = apply(filter.trim(), value)?;
    }
    Ok(value)
}

fn base(expression: &str, context: &Context<'_>) -> Result<Value, String> {
    if let Some(inner) = expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        return match inner.rsplit_once(" or ") {
            Some((first, default)) => match base(first.trim(), context)? {
                Value::Null => base(default.trim(), context),
                found => Ok(found),
            },
            None => base(inner.trim(), context),
        };
    }
    if let Some((function, arguments)) = call(expression) {
        let arguments = split_outside(arguments, ',');
        return match (function, arguments.as_slice()) {
            ("frappe.utils.get_url", _) => Ok(Value::from(context.site_url)),
            ("utils.now" | "frappe.utils.now", _) => Ok(Value::from(context.now)),
            ("frappe.db.get_single_value", [_, field]) => match literal(field).as_deref() {
                Some("time_zone") => Ok(Value::from(context.time_zone)),
                _ => Ok(Value::Null),
            },
            ("frappe.db.get_value", [doctype, name, rest @ ..]) => {
                let doctype = literal(doctype).ok_or_else(|| unknown(expression))?;
                let name = base(name.trim(), context)?;
                let joined = rest.join(",");
                let fields = joined.split(['[', ']']).nth(1).unwrap_or_default();
                let fields: Vec<String> = fields.split(',').filter_map(literal).collect();
                Ok((context.get_value)(&doctype, name.as_str().unwrap_or_default(), &fields))
            }
            _ => Err(unknown(expression)),
        };
    }
    match expression {
        "doc" => Ok(Value::Object(context.doc.clone())),
        "{}" => Ok(Value::Object(Doc::new())),
        _ => match (literal(expression), expression.strip_prefix("doc.")) {
            (Some(text), _) => Ok(Value::from(text)),
            (None, Some(field)) => Ok(context.doc.get(field).cloned().unwrap_or_default()),
            (None, None) => Err(unknown(expression)),
        },
    }
}

fn apply(filter: &str, value: Value) -> Result<Value, String> {
    let (name, arguments) = call(filter).unwrap_or((filter, ""));
    let arguments = split_outside(arguments, ',');
    match (name, arguments.as_slice()) {
        ("tojson", _) => Ok(Value::from(html_safe(&to_text(&value, Style::Spaced)))),
        ("json", _) => Ok(Value::from(to_text(&value, Style::Spaced))),
        ("list", _) => Ok(value),
        ("selectattr", [attribute, test, wanted]) if literal(test).as_deref() == Some("equalto") => {
            let (attribute, wanted) = (literal(attribute).unwrap_or_default(), literal(wanted).map(Value::from));
            Ok(keep(value, |item| item.get(&attribute) == wanted.as_ref()))
        }
        ("map", [attribute]) => {
            let attribute =
                attribute.trim().strip_prefix("attribute=").and_then(literal).ok_or_else(|| unknown(filter))?;
            let items = value.as_array().into_iter().flatten();
            Ok(Value::Array(items.map(|item| item.get(&attribute).cloned().unwrap_or_default()).collect()))
        }
        _ => Err(unknown(filter)),
    }
}

fn keep(value: Value, wanted: impl Fn(&Value) -> bool) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().filter(wanted).collect()),
        other => other,
    }
}

/// Jinja's `tojson` also escapes what HTML would see.
fn html_safe(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027")
}

fn call(expression: &str) -> Option<(&str, &str)> {
    let (function, arguments) = expression.split_once('(')?;
    Some((function.trim(), arguments.strip_suffix(')')?))
}

/// The text of a quoted literal.
fn literal(text: &str) -> Option<String> {
    let text = text.trim();
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).map(str::to_owned)
}

fn unknown(expression: &str) -> String {
    let mut quoted = String::new();
    write_text(&mut quoted, expression);
    format!("jinja2.exceptions.UndefinedError: {quoted} is undefined")
}

/// Splits where a separator is outside quotes and brackets.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_i32, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, found) if found == separator && depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + character.len_utf8();
            }
            (None, _) => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(template: &str) -> Result<String, String> {
        let doc = json!({
            "name": "He said \"hi\"", "doctype": "Address", "tax_id": null,
            "links": [{"link_doctype": "Customer", "link_name": "A"}, {"link_doctype": "Supplier", "link_name": "B"}],
        });
        let get_value =
            |doctype: &str, name: &str, fields: &[String]| json!({"of": doctype, "name": name, "n": fields.len()});
        let context = Context {
            doc: doc.as_object().unwrap(),
            site_url: "http://erp.test",
            time_zone: "America/New_York",
            now: "2026-11-22 01:00:00",
            get_value: &get_value,
        };
        render(template, &context)
    }

    #[test]
    fn the_templates_that_the_recordings_use() {
        assert_eq!(rendered(r#"{"name": {{ doc.name | tojson }}}"#).unwrap(), r#"{"name": "He said \"hi\""}"#);
        assert_eq!(rendered(r#"{"name": "{{ doc.name }}"}"#).unwrap(), r#"{"name": "He said "hi""}"#);
        assert_eq!(rendered("{{ doc.tax_id | tojson }} {{ doc.nope }}").unwrap(), "null None");
        assert_eq!(
            rendered(r#"{{ doc.links | selectattr("link_doctype", "equalto", "Customer") | map(attribute="link_name") | list | tojson }}"#)
                .unwrap(),
            r#"["A"]"#
        );
        assert_eq!(
            rendered(r#"{{ frappe.db.get_single_value("System Settings", "time_zone") | tojson }}"#).unwrap(),
            r#""America/New_York""#
        );
        assert_eq!(
            rendered(
                r#"{{ (frappe.db.get_value("Address", doc.name, ["city", "state"], as_dict=1) or {}) | tojson }}"#
            )
            .unwrap(),
            r#"{"n": 2, "name": "He said \"hi\"", "of": "Address"}"#
        );
        assert!(rendered("{{ os.system('x') }}").is_err());
        assert!(rendered("{{ doc.name").is_err());
    }
}
