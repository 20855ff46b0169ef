//! One text for three databases: [`Statement`] is a `static`, its dialect texts are made once and then borrowed forever.
//!
//! A text uses `?` for values and tokens in braces where the databases differ. Invariant: a token expands to SQL that
//! means the same everywhere, so a reader needs to know the token only:
//!
//! | token | means |
//! | --- | --- |
//! | `{now}` | the database's clock as the statement begins, milliseconds UTC; constant within it, so that an index can be used |
//! | `{timestamp}` | the same as a value of a public time column |
//! | `{iso:column}` | a public time column as `2026-01-31T12:00:00.000Z` |
//! | `{id:column}`, `{text:column}`, `{flag:column}` | a column of any integer, text-like or boolean type, decodable as `i64`, `String`, 0 or 1 |
//! | `{count:expression}` | an aggregate as a 64-bit integer |
//! | `{rows:a int, b key, c text, d flag, e decimal}` | one bound JSON array of objects as a table; missing keys are null |
//! | `{join}` | an inner join that reads its left side first |
//! | `{lock}`, `{skip}` | `FOR UPDATE`, with `SKIP LOCKED` (SQLite: nothing, it has one writer) |
//! | `{conflict:a, b}`, `{ignore:a, b}` | the tail of an upsert on that key; `{new:column}` is the value that was to be inserted |
//! | `{least}`, `{greatest}`, `{json}` | the scalar functions; the cast of a text to a JSON column |

use std::sync::OnceLock;

use super::super::options::Dialect;

/// A statement in the text of each dialect; see the module.
#[derive(Debug)]
pub(in crate::store) struct Statement {
    source: Source,
    texts: [OnceLock<String>; 3],
}

#[derive(Debug)]
enum Source {
    Same(&'static str),
    Built(fn(Dialect) -> String),
    Variant(fn(Dialect, usize) -> String, usize),
}

impl Statement {
    const fn from(source: Source) -> Self {
        Self { source, texts: [const { OnceLock::new() }; 3] }
    }

    /// One text with tokens.
    pub(in crate::store) const fn same(text: &'static str) -> Self {
        Self::from(Source::Same(text))
    }

    /// A text made by a function, for long column lists and for dialects whose grammar differs; may contain tokens.
    pub(in crate::store) const fn built(build: fn(Dialect) -> String) -> Self {
        Self::from(Source::Built(build))
    }

    /// A family of statements whose texts one function makes of their numbers.
    pub(in crate::store) const fn family<const N: usize>(build: fn(Dialect, usize) -> String) -> [Self; N] {
        let mut family = [const { Self::same("") }; N];
        let mut number = 0;
        while number < N {
            family[number].source = Source::Variant(build, number);
            number += 1;
        }
        family
    }

    /// The text that the driver of that dialect prepares.
    pub(in crate::store) fn text(&'static self, dialect: Dialect) -> &'static str {
        self.texts[dialect as usize].get_or_init(|| {
            let text = match self.source {
                Source::Same(text) => expand(dialect, text),
                Source::Built(build) => expand(dialect, &build(dialect)),
                Source::Variant(build, number) => expand(dialect, &build(dialect, number)),
            };
            if dialect == Dialect::Postgres { number_placeholders(&text) } else { text }
        })
    }
}

/// `?` becomes `$1`, `$2` … No text of ours holds a question mark that is not a placeholder.
fn number_placeholders(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len() + 16);
    let mut parts = text.split('?');
    numbered.push_str(parts.next().unwrap_or_default());
    for (index, part) in parts.enumerate() {
        numbered.push_str(&format!("${}", index + 1));
        numbered.push_str(part);
    }
    numbered
}

/// Replaces every token, inner ones first. Text in braces that is no token stays as it is (JSON literals).
pub(in crate::store) fn expand(dialect: Dialect, text: &str) -> String {
    let mut expanded = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        expanded.push_str(before);
        let replacement = closing(from).and_then(|close| {
            let inner = expand(dialect, &from[1..close]);
            Some((token(dialect, &inner)?, close))
        });
        match replacement {
            Some((replacement, close)) => {
                expanded.push_str(&replacement);
                rest = &from[close + 1..];
            }
            None => {
                expanded.push('{');
                rest = &from[1..];
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Where the brace that opens a text is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

fn token(dialect: Dialect, token: &str) -> Option<String> {
    use Dialect::{Mariadb, Postgres, Sqlite};
    let (name, argument) = token.split_once(':').unwrap_or((token, ""));
    let fixed = |sqlite: &str, postgres: &str, mariadb: &str| {
        Some(match dialect {
            Sqlite => sqlite.to_owned(),
            Postgres => postgres.to_owned(),
            Mariadb => mariadb.to_owned(),
        })
    };
    let a = argument;
    match name {
        "now" => fixed(
            "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)",
            "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        ),
        "timestamp" => fixed("strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", "statement_timestamp()", "NOW(3)"),
        // Prisma writes times into SQLite as milliseconds, SQLite's own default has a blank instead of the T.
        "iso" => fixed(
            &format!(
                "CASE typeof({a}) WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', {a} / 1000.0, 'unixepoch') \
                 ELSE strftime('%Y-%m-%dT%H:%M:%fZ', {a}) END"
            ),
            &format!("to_char(CAST({a} AS TIMESTAMPTZ) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"),
            &format!("CONCAT(LEFT(DATE_FORMAT({a}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')"),
        ),
        "id" | "count" => {
            fixed(&format!("CAST({a} AS INTEGER)"), &format!("CAST({a} AS BIGINT)"), &format!("CAST({a} AS SIGNED)"))
        }
        "text" => fixed(&format!("CAST({a} AS TEXT)"), &format!("CAST({a} AS TEXT)"), &format!("CAST({a} AS CHAR)")),
        "flag" => fixed(
            &format!("CASE WHEN {a} THEN 1 ELSE 0 END"),
            &format!("CAST(CASE WHEN {a} THEN 1 ELSE 0 END AS BIGINT)"),
            &format!("CAST(CASE WHEN {a} THEN 1 ELSE 0 END AS SIGNED)"),
        ),
        "rows" => Some(rows(dialect, a)),
        "join" => fixed("CROSS JOIN", "JOIN", "STRAIGHT_JOIN"),
        "lock" => fixed("", "FOR UPDATE", "FOR UPDATE"),
        "skip" => fixed("", "FOR UPDATE SKIP LOCKED", "FOR UPDATE SKIP LOCKED"),
        // SQLite needs a WHERE before ON CONFLICT to tell it from a join's ON.
        "conflict" => fixed(
            &format!("WHERE true ON CONFLICT ({a}) DO UPDATE SET"),
            &format!("ON CONFLICT ({a}) DO UPDATE SET"),
            "ON DUPLICATE KEY UPDATE",
        ),
        "ignore" => {
            let first = a.split(',').next().unwrap_or_default();
            fixed(
                &format!("WHERE true ON CONFLICT ({a}) DO NOTHING"),
                &format!("ON CONFLICT ({a}) DO NOTHING"),
                &format!("ON DUPLICATE KEY UPDATE {first} = VALUES({first})"),
            )
        }
        "new" => fixed(&format!("excluded.{a}"), &format!("excluded.{a}"), &format!("VALUES({a})")),
        "least" => fixed("MIN", "LEAST", "LEAST"),
        "greatest" => fixed("MAX", "GREATEST", "GREATEST"),
        "json" => fixed("", "::jsonb", ""),
        _ => None,
    }
}

/// The bound JSON array as a table without alias.
///
/// SQLite: `jsonb_each` hands each object on as it was parsed; `json_each` would write it as text again, for each column to
/// parse anew.
///
/// MariaDB's `JSON_TABLE` cuts and saturates silently what does not fit its own column types, and takes the database's
/// default character set. So a key may be one longer than the column that it goes into, a decimal travels as text (both
/// are then refused by the column), and the character set is always spelled out; the collation of a key is that of the
/// key columns, because a join on another one would not use the index.
fn rows(dialect: Dialect, columns: &str) -> String {
    let columns = columns.split(',').filter_map(|column| column.trim().split_once(' '));
    match dialect {
        Dialect::Sqlite => {
            let list: Vec<String> = columns.map(|(name, _)| format!("value ->> '{name}' AS {name}")).collect();
            format!("(SELECT {} FROM jsonb_each(?))", list.join(", "))
        }
        Dialect::Postgres => {
            let list: Vec<String> = columns
                .map(|(name, kind)| {
                    let native = match kind {
                        "int" => "BIGINT",
                        "flag" => "BOOLEAN",
                        "decimal" => "NUMERIC",
                        _ => "TEXT",
                    };
                    format!("{name} {native}")
                })
                .collect();
            format!("(SELECT * FROM jsonb_to_recordset(?::jsonb) AS batch({}))", list.join(", "))
        }
        Dialect::Mariadb => {
            let list: Vec<String> = columns
                .map(|(name, kind)| {
                    let native = match kind {
                        "int" => "BIGINT",
                        "flag" => "BOOLEAN",
                        "key" => "VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
                        _ => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
                    };
                    format!("{name} {native} PATH '$.{name}'")
                })
                .collect();
            format!("JSON_TABLE(?, '$[*]' COLUMNS ({}))", list.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_for_postgres_only() {
        static PAIR: Statement = Statement::same("SELECT a FROM t WHERE b = ? AND c = ?");
        assert_eq!(PAIR.text(Dialect::Postgres), "SELECT a FROM t WHERE b = $1 AND c = $2");
        assert_eq!(PAIR.text(Dialect::Sqlite), "SELECT a FROM t WHERE b = ? AND c = ?");
    }

    #[test]
    fn each_of_a_family_has_its_own_text() {
        static FAMILY: [Statement; 3] = Statement::family(|_, number| format!("SELECT {number} WHERE a = ?"));
        assert_eq!(FAMILY.each_ref().map(|one| one.text(Dialect::Postgres)).map(|text| text.as_bytes()[7]), *b"012");
    }

    #[test]
    fn tokens_expand_and_other_braces_stay() {
        assert_eq!(expand(Dialect::Sqlite, "a {lock} '{}' {nothing}"), "a  '{}' {nothing}");
        assert_eq!(expand(Dialect::Mariadb, "{new:lane} {lock}"), "VALUES(lane) FOR UPDATE");
        assert_eq!(expand(Dialect::Sqlite, "{count:SUM({least}(a, b))}"), "CAST(SUM(MIN(a, b)) AS INTEGER)");
    }

    #[test]
    fn a_batch_is_one_bound_value_everywhere() {
        for dialect in Dialect::ALL {
            let text = expand(dialect, "SELECT r.a FROM {rows:a int, b key} AS r");
            assert_eq!(text.matches('?').count(), 1, "{text}");
        }
    }
}
