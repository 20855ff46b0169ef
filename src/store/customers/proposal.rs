//! What the index of words of each database is asked, and how.
//!
//! Invariant: it proposes every customer that a search means, and may propose more; so what a database's own words and folding
//! are does not matter to what is found. A query's words hold letters, digits and marks only, which are no syntax anywhere.
//! MariaDB's index is made by the migration `0008_list`, PostgreSQL's by `0012_search_bounds` with the same expression as here,
//! SQLite's by `words`; how else a word may stand there is in `spellings`.

use super::super::Dialect;
use super::spellings::{Begin, in_mariadb, in_postgres};
use crate::domain::search::SEARCHED;

/// The condition that the index of words answers; its value is the [`proposal`].
pub(super) fn proposed(dialect: Dialect) -> String {
    match dialect {
        // See `words`.
        Dialect::Sqlite => "t.id IN (SELECT rowid FROM sync_words WHERE sync_words MATCH ? \
            UNION SELECT customer_id FROM sync_unindexed)"
            .to_owned(),
        Dialect::Postgres => {
            let text = |column: &str| format!("left(coalesce(CAST(t.{column} AS TEXT), ''), {SEARCHED})");
            let number = |column: &str| format!("translate({}, '-+ ()/.', '')", text(column));
            let texts = ["name", "erpnext_id", "email", "phone", "tax_number"].map(text);
            let words = [texts.join(" || ' ' || "), number("phone"), number("tax_number")].join(" || ' ' || ");
            format!(
                "to_tsvector('pg_catalog.simple'::regconfig, translate({words}, '@./-_+:&;<>%#=~\'\'\"\\', \
                 '                  ')) @@ to_tsquery('pg_catalog.simple', ?)"
            )
        }
        Dialect::Mariadb => "MATCH (t.sync_words) AGAINST (? IN BOOLEAN MODE)".to_owned(),
    }
}

/// What is asked of those words of a query; `None` where the index cannot tell.
pub(super) fn proposal(dialect: Dialect, words: &[&str], number: Option<&str>) -> Option<String> {
    let term = |word: &str| match dialect {
        Dialect::Sqlite => Some(format!("\"{word}\"*")),
        Dialect::Postgres => Some(either(in_postgres(word)?.iter().map(|begin| format!("'{begin}':*")), " | ")),
        Dialect::Mariadb => {
            let asked = in_mariadb(word)?.into_iter().map(|begin| match begin {
                Begin::With(begin) => format!("zz{begin}*"),
                Begin::Whole(word) => format!("zz{word}"),
            });
            Some(format!("+{}", either(asked, " ")))
        }
    };
    let (and, or) = match dialect {
        Dialect::Sqlite => (" AND ", " OR "),
        Dialect::Postgres => (" & ", " | "),
        Dialect::Mariadb => (" ", " "),
    };
    let words: Vec<String> = words.iter().filter_map(|word| term(word)).collect();
    if words.is_empty() {
        return None;
    }
    let words = words.join(and);
    match number {
        Some(number) => term(number).map(|number| format!("({words}){or}({number})")),
        None => Some(words),
    }
}

/// Any of the terms, of which there is at least one.
fn either(terms: impl Iterator<Item = String>, or: &str) -> String {
    let terms: Vec<String> = terms.collect();
    match terms.as_slice() {
        [only] => only.clone(),
        terms => format!("({})", terms.join(or)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_is_asked_for_the_expression_that_it_has_an_index_of() {
        let migration = include_str!("../../../migrations/postgres/0012_search_bounds.sql");
        let without_blanks = |text: &str| text.split_whitespace().collect::<String>();
        let condition = proposed(Dialect::Postgres).replace("t.", "");
        let (expression, _question) = condition.split_once(" @@ ").expect("a question");
        let index = format!("USING gin ({expression});");
        assert!(without_blanks(migration).contains(&without_blanks(&index)), "{index}");
    }

    #[test]
    fn words_are_asked_for_as_beginnings_and_numbers_as_an_alternative() {
        let asked = [Dialect::Sqlite, Dialect::Postgres, Dialect::Mariadb]
            .map(|dialect| proposal(dialect, &["m\u{fc}ller", "ag", "12"], None));
        assert_eq!(
            asked,
            [
                Some("\"m\u{fc}ller\"* AND \"ag\"* AND \"12\"*".to_owned()),
                Some("('m\u{fc}ller':* | 'mu\u{308}':*) & 'ag':* & '12':*".to_owned()),
                Some("+(zzm\u{fc}ller* zzmu) +zzag* +zz12*".to_owned()),
            ]
        );
        let number = proposal(Dialect::Postgres, &["49", "30"], Some("4930"));
        assert_eq!(number.as_deref(), Some("('49':* & '30':*) | ('4930':*)"));
    }
}
