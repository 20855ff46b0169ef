//! When a row that your application had before is the same customer as a document of ERPNext.
//!
//! Invariant: pure. Values are compared in one normal form on both sides, the first key that matches anything decides, and
//! only exactly one row with exactly one document is a link; everything else is a question for a person. Where rows and
//! documents are looked for is the business of `store::matching` and `sync::matching`.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::customer::{Customer, CustomerId};
use super::document::Document;
use super::suggest::did_you_mean;

/// In front of the field that holds our ids.
const LOCAL_ID: &str = "id:customer.";

/// A value that more rows or documents than this share identifies nobody; nobody is asked thousands of questions about it.
pub const CROWD: usize = 20;

/// What must be equal for a row and a document to be one customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchKey {
    /// The column `email`, without regard to case.
    Email,
    /// The column `tax_number`, letters and digits only, without regard to case.
    TaxNumber,
    /// A custom field of the Customer that holds the id of the row.
    LocalId {
        /// Its name in ERPNext.
        field: String,
    },
}

impl MatchKey {
    /// Reads the word of a setting. The error is a sentence without its beginning.
    ///
    /// # Errors
    /// What is wrong with it and what to write.
    pub fn parse(written: &str) -> Result<Self, String> {
        match written.trim() {
            "email" => Ok(Self::Email),
            "tax_number" => Ok(Self::TaxNumber),
            other => match other.strip_prefix(LOCAL_ID) {
                Some(field) if is_field(field) => Ok(Self::LocalId { field: field.to_owned() }),
                Some(field) => Err(format!("has {field:?}, which is no name of a field")),
                None => {
                    let hint = did_you_mean(other, ["email", "tax_number", LOCAL_ID]);
                    Err(format!("has {other:?}, which is no key{hint}"))
                }
            },
        }
    }

    /// The normal form of a value; `None` for one that says nothing.
    #[must_use]
    pub fn normal(&self, raw: &str) -> Option<String> {
        let normal = match self {
            Self::Email => raw.trim().to_lowercase(),
            Self::TaxNumber => raw.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_uppercase(),
            Self::LocalId { .. } => raw.trim().parse::<CustomerId>().ok()?.to_string(),
        };
        (!normal.is_empty()).then_some(normal)
    }

    /// The value of a document: as it is written there. `customer` is what the mapping makes of it.
    #[must_use]
    pub fn of_document(&self, document: &Document, customer: &Customer) -> Option<String> {
        match self {
            Self::Email | Self::TaxNumber => self.column(customer).map(str::to_owned),
            Self::LocalId { field } => match document.customer.get(field)? {
                Value::String(text) => Some(text.clone()),
                // ERPNext gives a Float field that holds a whole number as 7.0.
                Value::Number(number) => {
                    let text = number.to_string();
                    Some(text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned))
                }
                _ => None,
            },
        }
    }

    /// The normal form of a row's value.
    #[must_use]
    pub fn of_row(&self, id: CustomerId, customer: &Customer) -> Option<String> {
        match self {
            Self::Email | Self::TaxNumber => self.normal(self.column(customer)?),
            Self::LocalId { .. } => Some(id.to_string()),
        }
    }

    fn column<'a>(&self, customer: &'a Customer) -> Option<&'a str> {
        match self {
            Self::Email => customer.email.as_deref(),
            Self::TaxNumber => customer.tax_number.as_deref(),
            Self::LocalId { .. } => None,
        }
    }
}

impl fmt::Display for MatchKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => formatter.write_str("email"),
            Self::TaxNumber => formatter.write_str("tax_number"),
            Self::LocalId { field } => write!(formatter, "{LOCAL_ID}{field}"),
        }
    }
}

/// Why a row and a document were linked; the history says it in these words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchedBy {
    /// They have this value (in its normal form) in common.
    Key {
        /// The key.
        key: MatchKey,
        /// Its value on both sides.
        value: String,
    },
    /// A person said so.
    Person,
}

impl MatchedBy {
    /// Whether the row still speaks for it: the application may have edited it since it was looked up.
    #[must_use]
    pub fn still_holds(&self, id: CustomerId, row: &Customer) -> bool {
        match self {
            Self::Key { key, value } => key.of_row(id, row).as_ref() == Some(value),
            Self::Person => true,
        }
    }
}

impl fmt::Display for MatchedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key, .. } => key.fmt(formatter),
            Self::Person => formatter.write_str("person"),
        }
    }
}

/// The rows that have one value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// The key.
    pub key: MatchKey,
    /// The value in its normal form.
    pub value: String,
    /// Rows that may be linked and that no person has ruled out.
    pub rows: BTreeSet<CustomerId>,
}

/// What a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This row and the document are one.
    Link(CustomerId),
    /// A person has to say.
    Ask,
    /// So many share the value (`info@…`, a placeholder) that it says nothing.
    Nothing,
}

impl Matches {
    /// The matches that decide: those of the first key, in the order of the setting, that found any row (but no crowd).
    #[must_use]
    pub fn deciding(by_key: impl IntoIterator<Item = Self>) -> Option<Self> {
        by_key.into_iter().find(|matches| (1..=CROWD).contains(&matches.rows.len()))
    }

    /// `rivals` is the number of other documents and linked rows that have the value too.
    #[must_use]
    pub fn verdict(&self, rivals: usize) -> Verdict {
        match (self.rows.len(), self.rows.first()) {
            (1, Some(row)) if rivals == 0 => Verdict::Link(*row),
            (rows, _) if rows > CROWD || rivals > CROWD => Verdict::Nothing,
            _ => Verdict::Ask,
        }
    }
}

/// Whether ERPNext could not have both names at once: it compares them without regard to case, accents and spaces at the
/// end (its database's `utf8mb4_unicode_ci`).
#[must_use]
pub fn is_same_name(left: &str, right: &str) -> bool {
    compare_names(left, right).is_eq()
}

/// The order of names in which those that ERPNext takes for the same are equal.
#[must_use]
pub fn compare_names(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        let [left, right] = [left, right].map(|name| name.trim_end().bytes().map(|byte| byte.to_ascii_lowercase()));
        return left.cmp(right);
    }
    folded(left).cmp(folded(right))
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    name.trim_end().nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase)
}

fn is_field(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id_key() -> MatchKey {
        MatchKey::LocalId { field: "custom_shop_id".to_owned() }
    }

    #[test]
    fn keys_read_back_as_written_and_mistakes_are_explained() {
        for key in [MatchKey::Email, MatchKey::TaxNumber, id_key()] {
            assert_eq!(MatchKey::parse(&key.to_string()), Ok(key));
        }
        assert!(MatchKey::parse("emial").unwrap_err().ends_with("did you mean \"email\"?"));
        assert!(MatchKey::parse("id:customer.").unwrap_err().contains("no name of a field"));
        assert!(MatchKey::parse("id:customer.a b").unwrap_err().contains("\"a b\""));
    }

    #[test]
    fn values_are_compared_in_one_form() {
        assert_eq!(MatchKey::Email.normal(" Info@Example.COM\n").as_deref(), Some("info@example.com"));
        assert_eq!(MatchKey::TaxNumber.normal("de 123-456.7").as_deref(), Some("DE1234567"));
        assert_eq!(MatchKey::TaxNumber.normal(" - "), None);
        assert_eq!(id_key().normal(" 007 ").as_deref(), Some("7"));
        assert_eq!(id_key().normal("7a"), None);
    }

    #[test]
    fn an_id_comes_from_any_type_of_field() {
        for (written, read) in [(json!(7), "7"), (json!(7.0), "7"), (json!("7"), "7")] {
            let mut document = Document::default();
            document.customer.insert("custom_shop_id".to_owned(), written);
            assert_eq!(id_key().of_document(&document, &Customer::default()).as_deref(), Some(read));
        }
    }

    #[test]
    fn one_row_and_no_rival_is_a_link_and_all_else_a_question() {
        let matches = |rows: &[i64]| Matches {
            key: MatchKey::Email,
            value: "x".to_owned(),
            rows: rows.iter().copied().collect(),
        };
        assert_eq!(matches(&[3]).verdict(0), Verdict::Link(3));
        assert_eq!(matches(&[3]).verdict(1), Verdict::Ask);
        assert_eq!(matches(&[3, 4]).verdict(0), Verdict::Ask);
        let strongest = Matches { key: MatchKey::TaxNumber, ..matches(&[9]) };
        assert_eq!(Matches::deciding([matches(&[]), strongest.clone(), matches(&[3])]), Some(strongest));
        assert_eq!(Matches::deciding([matches(&[])]), None);
        let crowd: Vec<i64> = (0..21).collect();
        assert_eq!(Matches::deciding([matches(&crowd)]), None);
        assert_eq!(matches(&[3]).verdict(21), Verdict::Nothing);
    }

    #[test]
    fn an_edited_row_no_longer_speaks_for_its_link() {
        let by = MatchedBy::Key { key: MatchKey::Email, value: "a@b.example".to_owned() };
        let mut row = Customer { email: Some("A@b.example ".to_owned()), ..Customer::default() };
        assert!(by.still_holds(1, &row));
        row.email = None;
        assert!(!by.still_holds(1, &row) && MatchedBy::Person.still_holds(1, &row));
    }

    #[test]
    fn names_differ_by_letters_only() {
        assert!(is_same_name("abc gmbh", "ABC GmbH "));
        assert!(is_same_name("MÜLLER", "muller"));
        assert!(!is_same_name("ABC", "ABD"));
    }
}
