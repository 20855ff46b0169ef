//! JSON values to the types of columns.
//!
//! Invariant: a value either fits exactly (after trimming, and rounding of decimals to nine places) or is refused with
//! the rest of a sentence that begins "the value of …"; nothing is cut. Sentences never repeat the value, because it may
//! be somebody's data.

use rust_decimal::Decimal;
use serde_json::Value;

/// What a text column takes.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Shape {
    /// In characters.
    limit: usize,
    line_breaks: LineBreaks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineBreaks {
    Refused,
    JoinedByComma,
    Kept,
}

impl Shape {
    /// The longest text, in characters.
    pub(in crate::domain) const fn limit(self) -> usize {
        self.limit
    }

    /// Whether line breaks are refused.
    pub(in crate::domain) fn is_one_line(self) -> bool {
        self.line_breaks == LineBreaks::Refused
    }

    /// One short line.
    pub(in crate::domain) const LINE: Self = Self { limit: 255, line_breaks: LineBreaks::Refused };
    /// A few lines that become one.
    pub(in crate::domain) const LINES: Self = Self { limit: 1_000, line_breaks: LineBreaks::JoinedByComma };
    /// A longer text.
    pub(in crate::domain) const FREE: Self = Self { limit: 65_535, line_breaks: LineBreaks::Kept };
}

/// `NUMERIC(21, 9)`, ERPNext's own precision: twelve digits before the point.
const DECIMAL_LIMIT: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);
const DECIMAL_PLACES: u32 = 9;
/// Longest text in `extra`.
const SCALAR_LIMIT: usize = 65_535;

/// A trimmed text; none for null and blank. Numbers become their JSON text.
pub(in crate::domain) fn text(value: &Value, shape: Shape) -> Result<Option<String>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => return Err(format!("is {}, not a text", kind(other))),
    };
    let text = match shape.line_breaks {
        LineBreaks::JoinedByComma => join_lines(&text),
        LineBreaks::Refused | LineBreaks::Kept => text,
    };
    let allowed = |letter: char| shape.line_breaks == LineBreaks::Kept && matches!(letter, '\n' | '\r' | '\t');
    if text.chars().any(|letter| letter.is_control() && !allowed(letter)) {
        return Err("contains control characters".to_owned());
    }
    let length = text.chars().count();
    if length > shape.limit {
        return Err(format!("has {length} characters, of which {} can be stored", shape.limit));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Non-blank lines, trimmed, joined by `, `.
pub(super) fn join_lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A number, from its JSON text or a text that holds one; rounded to nine places, without trailing zeros.
pub(in crate::domain) fn decimal(value: &Value) -> Result<Option<Decimal>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(format!("is {}, not a number", kind(other))),
    };
    let wrong = || "is no number that can be stored; write it like 1234.50".to_owned();
    if text.contains('_') {
        // Only Rust writes numbers so.
        return Err(wrong());
    }
    let exact = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
    let number = exact.map_err(|_| wrong())?;
    let number = number.round_dp(DECIMAL_PLACES).normalize();
    if number.abs() >= DECIMAL_LIMIT {
        return Err("has more than 12 digits before the decimal point".to_owned());
    }
    Ok(Some(number))
}

/// ERPNext's Check: 0 or 1, as a number, a text or a boolean; no for null and blank.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(true),
        Value::String(text) if matches!(text.trim(), "" | "0") => Ok(false),
        Value::String(text) if text.trim() == "1" => Ok(true),
        _ => Err("is neither 0 nor 1".to_owned()),
    }
}

/// Any scalar as it is, for `extra`.
pub(in crate::domain) fn scalar(value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(format!("is {}, which extra cannot take", kind(value))),
        // PostgreSQL's JSONB cannot hold this one character.
        Value::String(text) if text.contains('\0') => Err("contains control characters".to_owned()),
        Value::String(text) if text.chars().count() > SCALAR_LIMIT => {
            Err(format!("has more than {SCALAR_LIMIT} characters"))
        }
        other => Ok(other.clone()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a document",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_trimmed_never_cut() {
        assert_eq!(text(&json!("  a  "), Shape::LINE), Ok(Some("a".to_owned())));
        assert_eq!(text(&json!(" \n "), Shape::LINE), Ok(None));
        assert_eq!(text(&json!(62701), Shape::LINE), Ok(Some("62701".to_owned())));
        assert!(text(&json!("ü".repeat(255)), Shape::LINE).is_ok());
        assert_eq!(
            text(&json!("ü".repeat(256)), Shape::LINE).unwrap_err(),
            "has 256 characters, of which 255 can be stored"
        );
        assert!(text(&json!("a\u{0}b"), Shape::FREE).is_err() && text(&json!("a\nb"), Shape::LINE).is_err());
        assert!(text(&json!(true), Shape::LINE).is_err() && text(&json!([]), Shape::LINE).is_err());
        assert_eq!(text(&json!("a\n\n b\r\n"), Shape::LINES), Ok(Some("a, b".to_owned())));
        assert_eq!(text(&json!("a\n\tb"), Shape::FREE), Ok(Some("a\n\tb".to_owned())));
    }

    #[test]
    fn decimals_are_exact_and_rounded_once() {
        let read = |value| decimal(&value).map(|number| number.map(|number| number.to_string()));
        let is = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read(json!(99999.99)), is("99999.99"));
        assert_eq!(read(json!(5000.0)), is("5000"));
        assert_eq!(read(json!("0.1234567895")), is("0.12345679"));
        assert_eq!(read(json!(1e-7)), is("0.0000001"));
        assert_eq!(read(json!("-0.0")), is("0"));
        assert_eq!(read(json!("999999999999.999999999")), is("999999999999.999999999"));
        assert_eq!(read(json!("")), Ok(None));
        for wrong in [
            json!("1,000"),
            json!("1_000"),
            json!("much"),
            json!(1e12),
            json!(-1e30),
            json!("999999999999.9999999999"),
            json!(true),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_have_many_spellings() {
        for yes in [json!(1), json!(1.0), json!("1"), json!(true)] {
            assert_eq!(flag(&yes), Ok(true), "{yes}");
        }
        for no in [json!(0), json!("0"), json!(false), json!(null), json!("")] {
            assert_eq!(flag(&no), Ok(false), "{no}");
        }
        assert!(flag(&json!(2)).is_err() && flag(&json!("yes")).is_err());
    }
}
