//! What people type to find a customer, and whether a customer is it.
//!
//! Invariant: pure, and the one judge on every database: each word of the query begins some word of the customer's fields,
//! without regard to case. A word is letters, digits and their marks; everything else (quotes, `%`, `_`, operators of
//! full-text languages) only separates words. Indexes of a database may propose more than this accepts, never less.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most words of a query.
const MOST_WORDS: usize = 10;
/// Most characters of a query.
const LONGEST: usize = 200;
/// Characters of a field that are searched, from its beginning. Four bytes each are what PostgreSQL takes for a word.
pub const SEARCHED: usize = 500;
/// What stands between the digits of a phone or tax number.
pub const SEPARATORS: &str = "-+ ()/.";

/// The fields of a customer that are searched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Searched {
    /// What people call it.
    pub name: Option<String>,
    /// ERPNext's name of it.
    pub erpnext_id: Option<String>,
    /// Its e-mail.
    pub email: Option<String>,
    /// Its phone.
    pub phone: Option<String>,
    /// Its tax number.
    pub tax_number: Option<String>,
}

impl Searched {
    /// The words that a query's words may begin: those of all fields, and of its numbers without what separates their
    /// digits. An index that holds these proposes exactly what is meant.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let Self { name, erpnext_id, email, phone, tax_number } = self;
        let fields = [name, erpnext_id, email, phone, tax_number].into_iter().flatten().map(|field| beginning(field));
        let numbers = [phone, tax_number].into_iter().flatten().map(|field| joined(beginning(field)));
        let mut held: Vec<String> = fields.flat_map(words).collect();
        held.extend(numbers.flat_map(|number| words(&number).collect::<Vec<_>>()));
        held
    }
}

/// A query that has been taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    words: Vec<String>,
    /// The whole query without what separates digits, if it has digits and is then one word: a number as it is stored may
    /// have its blanks elsewhere.
    number: Option<String>,
}

impl Search {
    /// Takes a query apart; `None` for a blank one, which looks for nothing in particular. One without a word (`%`, an
    /// emoji) finds nobody.
    ///
    /// # Errors
    /// A sentence for the client where it is too long.
    pub fn parse(query: &str) -> Result<Option<Self>, String> {
        if query.chars().count() > LONGEST {
            return Err(format!("q may have {LONGEST} characters at most"));
        }
        let words: Vec<String> = words(query).collect();
        if words.len() > MOST_WORDS {
            return Err(format!("q may have {MOST_WORDS} words at most"));
        }
        let number = Some(joined(query)).filter(|number| {
            words.len() > 1 && number.chars().any(|char| char.is_ascii_digit()) && number.chars().all(is_word)
        });
        Ok((!query.trim().is_empty()).then_some(Self { words, number }))
    }

    /// Its words, in lower case; none in a search that finds nobody.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The query as one number, an alternative to its words.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// Whether that customer is meant.
    #[must_use]
    pub fn matches(&self, customer: &Searched) -> bool {
        self.judge(customer).is_meant
    }

    /// What speaks for that customer.
    #[must_use]
    pub fn judge(&self, customer: &Searched) -> Verdict {
        let held = customer.words();
        let has = |wanted: &String| held.iter().any(|word| word.starts_with(wanted.as_str()));
        let met: Vec<bool> = self.words.iter().map(has).collect();
        let has_all = !met.is_empty() && met.iter().all(|met| *met);
        Verdict { is_meant: has_all || self.number.iter().any(has), met }
    }
}

/// What a search finds in one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is one that is looked for.
    pub is_meant: bool,
    /// Which of the query's words begin a word of it, in their order.
    pub met: Vec<bool>,
}

/// What is searched of a field.
fn beginning(field: &str) -> &str {
    let end = field.char_indices().nth(SEARCHED).map(|(at, _char)| at);
    end.and_then(|end| field.get(..end)).unwrap_or(field)
}

/// The words of a text, in lower case and composed (NFC).
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower: String = text.nfc().collect::<String>().to_lowercase();
    let split: Vec<String> =
        lower.split(|char| !is_word(char)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    split.into_iter()
}

/// A number without what people put between its digits, in lower case.
fn joined(number: &str) -> String {
    number.nfc().filter(|char| !SEPARATORS.contains(*char)).collect::<String>().to_lowercase()
}

/// Whether a character belongs to a word. Letters in circles are symbols to every database.
fn is_word(char: char) -> bool {
    let circled = matches!(char, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}');
    (char.is_alphanumeric() && !circled) || is_combining_mark(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str, field: &str) -> bool {
        let search = Search::parse(query).expect("short enough").expect("has words");
        search.matches(&Searched { name: Some(field.to_owned()), ..Searched::default() })
    }

    #[test]
    fn each_word_begins_some_word_in_any_order_and_case() {
        assert!(finds("SÖHNE mül", "Müller & Söhne GmbH"));
        assert!(finds("mu\u{308}ller", "MÜLLER"), "an umlaut in two characters is the same");
        assert!(finds("(müller) \"ag\" or:*", "Müller AG, Oregon"));
        assert!(finds("שלום", "חברת שלום בע\"מ") && finds("हिन्", "हिन्दी लिमिटेड"));
        assert!(!finds("üller", "Müller") && !finds("müller xyz", "Müller"));
    }

    #[test]
    fn of_a_long_text_the_beginning_is_searched() {
        let text = format!("{} end beyond", "ü".repeat(SEARCHED - 4));
        assert!(finds("üüü", &text) && finds("end", &text) && !finds("beyond", &text));
    }

    #[test]
    fn a_number_is_found_with_or_without_its_blanks() {
        let customer = Searched {
            phone: Some("+49 (30) 123-456".to_owned()),
            tax_number: Some("DE 123/456/789".to_owned()),
            ..Searched::default()
        };
        for (query, found) in [
            ("+49 30 123456", true),
            ("493012", true),
            ("4930 12", true),
            ("123-456", true),
            ("DE123456", true),
            ("de 12 34 56 789", true),
            ("30 123456 9", false),
        ] {
            assert_eq!(Search::parse(query).unwrap().unwrap().matches(&customer), found, "{query}");
        }
    }

    #[test]
    fn what_is_blank_looks_for_nothing_what_has_no_word_finds_nobody_and_what_is_too_long_is_refused() {
        for query in ["", " ", "\t\n"] {
            assert_eq!(Search::parse(query), Ok(None), "{query:?}");
        }
        for query in ["%", "_\"'*():-", "\u{1f600}", "Ⓐ", "\u{200b}"] {
            assert!(!finds(query, "100% Ⓐ_ \u{1f600} of (all) \"things\""), "{query}");
        }
        assert!(Search::parse(&"x".repeat(200)).is_ok() && Search::parse(&"x".repeat(201)).is_err());
        assert!(Search::parse("a b c d e f g h i j k").is_err());
    }
}
