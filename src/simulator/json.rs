//! JSON text the way Python writes it: ASCII only, with surrogate pairs, and with the separators of `json.dumps`.
//!
//! Invariant: what is written parses back to the same value. ERPNext's answers are compact, its webhooks are spaced;
//! the signature of a webhook is over exactly these bytes.

use serde_json::Value;

/// Separators between items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `{"a":1,"b":2}`, as in answers.
    Compact,
    /// `{"a": 1, "b": 2}`, Python's default, as in webhooks.
    Spaced,
}

/// Appends a string with its quotes.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        if matches!(character, ' '..='~') && character != '"' && character != '\\' {
            continue;
        }
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + character.len_utf8();
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    write_unit(out, *unit);
                }
            }
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

fn write_unit(out: &mut String, unit: u16) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit(u32::from((unit >> shift) & 0xf), 16);
        out.extend(digit);
    }
}

/// Appends a whole number or a float as Python prints it.
pub(super) fn write_float(out: &mut String, number: f64) {
    match serde_json::Number::from_f64(number) {
        Some(number) => out.push_str(&number.to_string()),
        None => out.push_str("null"),
    }
}

/// Appends any value.
pub(super) fn write_value(out: &mut String, value: &Value, style: Style) {
    let (comma, colon) = match style {
        Style::Compact => (",", ":"),
        Style::Spaced => (", ", ": "),
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(comma);
                }
                write_value(out, item, style);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (name, item)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push_str(comma);
                }
                write_text(out, name);
                out.push_str(colon);
                write_value(out, item, style);
            }
            out.push('}');
        }
    }
}

/// A value as text.
pub(super) fn to_text(value: &Value, style: Style) -> String {
    let mut out = String::new();
    write_value(&mut out, value, style);
    out
}

/// Python's `json.dumps(json.loads(text))`: the same value, keys in the order given, spaced and in ASCII.
///
/// # Errors
/// Where the text is not JSON.
pub(super) fn respace(text: &str) -> Result<String, serde_json::Error> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)?;
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let width = match character {
            '"' => {
                let end = closing_quote(rest);
                let literal = rest.get(..end).unwrap_or(rest);
                write_text(&mut out, &serde_json::from_str::<String>(literal)?);
                end
            }
            ',' => {
                out.push_str(", ");
                1
            }
            ':' => {
                out.push_str(": ");
                1
            }
            space if space.is_ascii_whitespace() => 1,
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(width..).unwrap_or_default();
    }
    Ok(out)
}

/// Length of the string literal that the text begins with, both quotes included.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_as_python_does() {
        let value = json!({"name": "Zoë \"😀\"\n", "rows": [1, 2.0, null, true]});
        let spaced = to_text(&value, Style::Spaced);
        assert_eq!(spaced, r#"{"name": "Zo\u00eb \"\ud83d\ude00\"\n", "rows": [1, 2.0, null, true]}"#);
        assert_eq!(serde_json::from_str::<Value>(&to_text(&value, Style::Compact)).unwrap(), value);
    }

    #[test]
    fn respacing_keeps_order_and_numbers() {
        let text = "{\"z\":\"a,b: \\\"ü\\\"\",\n \"a\":[1.50,{}]}";
        assert_eq!(respace(text).unwrap(), r#"{"z": "a,b: \"\u00fc\"", "a": [1.50, {}]}"#);
        assert!(respace("{\"a\": \"b\"c\"}").is_err());
    }
}
