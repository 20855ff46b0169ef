//! Values on their way in ([`Arg`], [`batches`]) and out ([`Row`]).
//!
//! Invariant: only three kinds of value cross this border, 64-bit integers, booleans and text; everything else
//! (decimals, JSON, times) travels as text, because that is what all three drivers agree on without loss.

use std::io::Write;

use serde::Serialize;
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

/// The rows as JSON arrays for `{rows:…}`, cut at 512 rows or 4 MiB. A single larger row travels alone.
///
/// # Errors
/// Where a row cannot be JSON, which the types of `domain` rule out.
pub(in crate::store) fn batches<T: Serialize>(rows: &[T]) -> Result<Vec<String>, serde_json::Error> {
    let mut batches = Vec::new();
    let mut batch = String::new();
    let mut count = 0;
    for row in rows {
        let json = encode(row)?;
        if count > 0 && (count == BATCH_ROWS || batch.len() + json.len() > BATCH_BYTES) {
            batch.push(']');
            batches.push(std::mem::take(&mut batch));
            count = 0;
        }
        batch.push(if count == 0 { '[' } else { ',' });
        batch.push_str(&json);
        count += 1;
    }
    if count > 0 {
        batch.push(']');
        batches.push(batch);
    }
    Ok(batches)
}

/// JSON in which U+0000, which PostgreSQL cannot store, has become U+FFFD. No name in ERPNext has one, and everywhere
/// else it is noise that must not stop a batch.
fn encode<T: Serialize>(row: &T) -> Result<String, serde_json::Error> {
    let mut json = Vec::with_capacity(256);
    row.serialize(&mut serde_json::Serializer::with_formatter(&mut json, WithoutNul))?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
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
