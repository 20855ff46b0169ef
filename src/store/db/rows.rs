//! Values on their way in ([`Arg`], [`BatchRow`], [`batches`]) and out ([`Row`]).
//!
//! Invariant: only three kinds of value cross this border, 64-bit integers, booleans and text; everything else
//! (decimals, JSON, times) travels as text, because that is what all three drivers agree on without loss.

use std::borrow::Cow;
use std::io::Write;

use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Type};

/// Most rows that one statement takes.
const BATCH_ROWS: usize = 512;
/// Most bytes of JSON that one statement takes; MariaDB breaks the connection above `max_allowed_packet` (16 MiB).
const BATCH_BYTES: usize = 4 << 20;

/// A value to bind.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Arg<'a> {
    /// A 64-bit integer.
    Int(i64),
    /// A text.
    Text(&'a str),
}

/// A row of a result; columns by their name in the statement.
pub(in crate::store) enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
    /// From MariaDB.
    Mariadb(MySqlRow),
}

impl Row {
    fn get<T>(&self, column: &str) -> Result<T, sqlx::Error>
    where
        T: for<'r> Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite>,
        T: for<'r> Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>,
        T: for<'r> Decode<'r, sqlx::MySql> + Type<sqlx::MySql>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
            Self::Mariadb(row) => row.try_get(column),
        }
    }

    /// An integer that is never null.
    pub(in crate::store) fn int(&self, column: &str) -> Result<i64, sqlx::Error> {
        self.get(column)
    }

    /// An integer or null.
    pub(in crate::store) fn maybe_int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        self.get(column)
    }

    /// A column selected with `{flag:…}`.
    pub(in crate::store) fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        Ok(self.int(column)? != 0)
    }

    /// A text that is never null.
    pub(in crate::store) fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.get(column)
    }

    /// A text or null.
    pub(in crate::store) fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.get(column)
    }
}

/// A row of a batch.
pub(in crate::store) trait BatchRow {
    /// Appends it as a JSON object.
    ///
    /// # Errors
    /// Where it cannot be JSON, which the types of `domain` rule out.
    fn append(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error>;
}

/// U+0000, which PostgreSQL cannot store, becomes U+FFFD. No name in ERPNext has one, and everywhere else it is noise that
/// must not stop a batch.
impl<T: Serialize> BatchRow for T {
    fn append(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        self.serialize(&mut serde_json::Serializer::with_formatter(json, WithoutNul))
    }
}

/// A row of one column.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Only<T>(pub(in crate::store) &'static str, pub(in crate::store) T);

impl<T: Serialize> Serialize for Only<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// A row that was encoded before the id that belongs to it was known.
#[derive(Debug, Clone)]
pub(in crate::store) struct Numbered<'a> {
    /// The column of the id.
    pub(in crate::store) column: &'static str,
    /// The id.
    pub(in crate::store) id: i64,
    /// The other columns, of which there is at least one: what [`encode`] gave.
    pub(in crate::store) json: Cow<'a, str>,
}

impl BatchRow for Numbered<'_> {
    fn append(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        json.extend_from_slice(self.json.strip_suffix('}').unwrap_or_default().as_bytes());
        write!(json, ",\"{}\":{}}}", self.column, self.id).map_err(serde_json::Error::io)
    }
}

/// One row as JSON, of about so many bytes.
///
/// # Errors
/// As [`BatchRow::append`].
pub(in crate::store) fn encode(row: &impl BatchRow, bytes: usize) -> Result<String, serde_json::Error> {
    let mut json = Vec::with_capacity(bytes);
    row.append(&mut json)?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// The rows as JSON arrays for `{rows:…}`, cut at 512 rows or 4 MiB. A single larger row travels alone.
///
/// # Errors
/// As [`BatchRow::append`].
pub(in crate::store) fn batches<T: BatchRow>(rows: &[T]) -> Result<Vec<String>, serde_json::Error> {
    let mut batches = Vec::new();
    let mut batch: Vec<u8> = Vec::new();
    let mut count = 0;
    for row in rows {
        let before = batch.len();
        batch.push(if count == 0 { b'[' } else { b',' });
        row.append(&mut batch)?;
        if count > 0 && (count == BATCH_ROWS || batch.len() > BATCH_BYTES) {
            let next = [b"[", &batch[before + 1..]].concat();
            batch.truncate(before);
            batches.push(closed(std::mem::replace(&mut batch, next))?);
            count = 0;
        }
        count += 1;
    }
    if count > 0 {
        batches.push(closed(batch)?);
    }
    Ok(batches)
}

fn closed(mut batch: Vec<u8>) -> Result<String, serde_json::Error> {
    batch.push(b']');
    String::from_utf8(batch).map_err(serde::ser::Error::custom)
}

struct WithoutNul;

impl Formatter for WithoutNul {
    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> std::io::Result<()> {
        match escape {
            CharEscape::AsciiControl(0) => writer.write_all("\u{fffd}".as_bytes()),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_no_nul_and_all_else_as_it_is() {
        let cut = batches(&["a\0b", "\\u0000 \u{1} \n \u{1f600}"]).expect("text is JSON");
        let back: Vec<String> = serde_json::from_str(&cut[0]).expect("an array");
        assert_eq!(back, ["a\u{fffd}b", "\\u0000 \u{1} \n \u{1f600}"]);
    }

    #[test]
    fn an_id_is_added_to_a_row_that_was_encoded_before() {
        let json = Cow::Owned(encode(&Only("name", "a \"}"), 16).expect("text is JSON"));
        let cut = batches(&[Numbered { column: "id", id: 7, json }]).expect("text is JSON");
        assert_eq!(cut, [r#"[{"name":"a \"}","id":7}]"#]);
    }

    #[test]
    fn batches_are_cut_by_rows_and_by_bytes_and_lose_nothing() {
        let many: Vec<u32> = (0..1_201).collect();
        let cut = batches(&many).expect("numbers are JSON");
        assert_eq!(cut.len(), 3);
        let back: Vec<u32> =
            cut.iter().flat_map(|batch| serde_json::from_str::<Vec<u32>>(batch).expect("an array")).collect();
        assert_eq!(back, many);

        let large = vec!["x".repeat(3 << 20); 3];
        assert_eq!(batches(&large).expect("text is JSON").len(), 3);
        assert!(batches::<u32>(&[]).expect("nothing").is_empty());
    }
}
