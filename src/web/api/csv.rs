//! Customers as CSV (RFC 4180), for spreadsheets: the columns, and what a cell may hold.
//!
//! Invariant: no cell is a formula. A spreadsheet takes what begins with `=`, `+`, `-`, `@`, a tab or a line break for one
//! (OWASP, "CSV Injection"); such a text gets an apostrophe in front. So it does behind a `;`, a tab or a line break within
//! a text, where a spreadsheet of another language or setting sees another cell begin. A number stays as it is with its
//! sign, and a phone of digits and blanks.

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};
use serde_json::Value;

use crate::store::CustomerRow;

/// The columns, as the table has them.
const COLUMNS: [&str; 33] = [
    "id",
    "erpnext_id",
    "name",
    "company_name",
    "contact_person",
    "email",
    "phone",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "tax_number",
    "credit_limit",
    "payment_terms",
    "notes",
    "is_active",
    "customer_type",
    "customer_group",
    "territory",
    "currency",
    "price_list",
    "language",
    "tax_category",
    "is_frozen",
    "website",
    "extra",
    "origin",
    "merged_into",
    "deleted_at",
    "erased_at",
    "created_at",
    "updated_at",
];

/// U+FEFF. Without it Excel takes a file for one in the code page of its machine.
const UTF_8_MARK: &[u8] = "\u{feff}".as_bytes();
/// What a formula begins with, or what is passed over before one.
const BEGINS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Behind which another cell may begin.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];
/// What a spreadsheet may leave out where a cell begins.
const PASSED_OVER: [char; 2] = [' ', '"'];

/// Why rows could not be written as CSV; cannot happen for rows of the table.
#[derive(Debug, thiserror::Error)]
pub(super) enum CsvError {
    /// A row is no JSON object.
    #[error("a customer cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A record was refused.
    #[error("a customer cannot be written as CSV")]
    Csv(#[from] csv::Error),
    /// Flushing to memory failed.
    #[error("CSV cannot be kept in memory")]
    Memory,
}

/// What a file begins with: the mark by which spreadsheets know UTF-8, and the first line.
pub(super) fn header() -> Result<Vec<u8>, CsvError> {
    let line = records(std::iter::once(COLUMNS.map(str::to_owned).to_vec()))?;
    Ok([UTF_8_MARK, &line].concat())
}

/// A line for each customer.
pub(super) fn lines(rows: &[CustomerRow]) -> Result<Vec<u8>, CsvError> {
    let cells = rows.iter().map(|row| {
        let row = serde_json::to_value(row)?;
        Ok(COLUMNS.map(|column| cell(&row[column])).to_vec())
    });
    records(cells.collect::<Result<Vec<_>, serde_json::Error>>()?.into_iter())
}

fn records(records: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, CsvError> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for record in records {
        writer.write_record(record)?;
    }
    writer.into_inner().map_err(|_full| CsvError::Memory)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text).into_owned(),
        other => harmless(&other.to_string()).into_owned(),
    }
}

/// The text as a spreadsheet shows it and never computes it.
fn harmless(text: &str) -> Cow<'_, str> {
    if is_number(text) || !text.contains(BEGINS) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 1);
    let mut is_begin = true;
    for char in text.chars() {
        if is_begin && BEGINS.contains(&char) {
            harmless.push('\'');
        }
        harmless.push(char);
        is_begin = SEPARATORS.contains(&char) || (is_begin && PASSED_OVER.contains(&char));
    }
    Cow::Owned(harmless)
}

/// A sign, digits, at most one dot, and blanks: of these no spreadsheet computes anything.
fn is_number(text: &str) -> bool {
    text.strip_prefix(['+', '-']).is_some_and(|rest| {
        rest.starts_with(|char: char| char.is_ascii_digit())
            && rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'.'))
            && rest.bytes().filter(|byte| *byte == b'.').count() < 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::Customer;

    fn row(name: &str) -> CustomerRow {
        CustomerRow {
            id: 7,
            customer: Customer {
                name: name.to_owned(),
                phone: Some("+49 30 123456".to_owned()),
                ..Customer::default()
            },
            origin: "local".to_owned(),
            merged_into: None,
            deleted_at: None,
            erased_at: None,
            created_at: None,
            updated_at: Some("2026-01-31T12:00:00.000Z".to_owned()),
        }
    }

    #[test]
    fn the_columns_are_the_fields_of_a_customer() {
        let json = serde_json::to_value(row("x")).unwrap();
        let mut columns = COLUMNS.to_vec();
        columns.sort_unstable();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), columns);
    }

    #[test]
    fn lines_are_quoted_where_they_must_be() {
        let text = String::from_utf8(lines(&[row("A \"B\", C\nD ü")]).unwrap()).unwrap();
        assert!(text.starts_with("7,,\"A \"\"B\"\", C\nD ü\",,,,+49 30 123456,"), "{text}");
        assert!(text.ends_with(",{},local,,,,,2026-01-31T12:00:00.000Z\r\n"), "{text}");
        let header = String::from_utf8(header().unwrap()).unwrap();
        assert!(header.starts_with("\u{feff}id,erpnext_id,name,") && header.ends_with("updated_at\r\n"), "{header}");
    }

    #[test]
    fn nothing_is_a_formula_and_numbers_stay_readable() {
        for formula in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3+A1",
            "@SUM(1)",
            "=",
            "+",
            "-",
            "＝1",
            "+49 30 A1",
            "-1+1",
            "+1-800-555-0199",
            "+49/30/123",
            "-1-1",
            "-1.2.3",
        ] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for (text, harmless_text) in [
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
            ("Evil;=1+1", "Evil;'=1+1"),
            ("x\n=2+2;@SUM(1)\t-3", "x\n'=2+2;'@SUM(1)\t'-3"),
            ("x; \"=1", "x; \"'=1"),
            (" =1", " '=1"),
        ] {
            assert_eq!(harmless(text), harmless_text);
        }
        for plain in ["", "a=1", "a; b - c", "+49 30 1234567", "-12.50", "0049", " x", "'quoted", "a, =b"] {
            assert_eq!(harmless(plain), plain);
        }
        assert_eq!(cell(&serde_json::json!({"a": "x;=1"})), "{\"a\":\"x;'=1\"}", "custom fields are text, too");
    }
}
