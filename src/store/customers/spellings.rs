//! How else a word may stand in a database that searches its own way.
//!
//! A search's words are composed (NFC) and in lower case as Rust makes it. What programs wrote is as they wrote it: an `ü` may be
//! two characters (macOS writes names of files so, and Vietnamese is often half composed), and a database knows other small letters for a few great ones.
//! Invariant: however a text is written, if the word begins one of its words, at least one of these does in that database.
//! A word without such letters, as most are, has no other spelling.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical, is_combining_mark};

/// MariaDB leaves longer words out of its index, the two letters counted that are put in front.
const LONGEST: usize = 84 - "zz".len();

/// What may stand in a word of MariaDB's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begin {
    /// The word begins so.
    With(String),
    /// The word is this: a mark, which ends a word there, comes next.
    Whole(String),
}

/// What a word of PostgreSQL's index may begin with. Marks belong to words there. `None` where no index has the word.
pub(super) fn in_postgres(word: &str) -> Option<Vec<String>> {
    // What else is a number (`²`, `½`, `①`) ends a word there, or not, as the locale has it.
    let word = word.split(|char: char| char.is_numeric() && !char.is_ascii_digit() && !char.is_alphabetic()).next()?;
    if word.is_empty() {
        return None;
    }
    let mut found = vec![word.to_owned()];
    for (at, char) in word.char_indices() {
        let before = word.get(..at).unwrap_or_default();
        found.extend(uncomposed(char).iter().map(|form| format!("{before}{form}")));
        match char {
            // Elsewhere a sigma is small in one way only.
            'ς' => found.push(format!("{before}σ")),
            // The small letter of `İ` is an `i` for most; in a database of the locale C it has none.
            'i' if word.get(at + 1..).is_some_and(|rest| rest.starts_with('\u{307}')) => {
                found.extend([format!("{before}i"), format!("{before}İ"), format!("{before}ı")]);
            }
            // The small letter of `I` in a database of a Turkish locale.
            'i' => found.push(format!("{before}ı")),
            _ if canonical_combining_class(char) != 0 => found.extend(without_marks(before)),
            _ => {}
        }
    }
    Some(found)
}

/// A text without the marks of its last letter, if it has any: with one more they may stand in any order.
fn without_marks(text: &str) -> Option<String> {
    let (at, base) = text.char_indices().rev().find(|(_at, char)| !is_combining_mark(*char))?;
    let bare = format!("{}{}", text.get(..at)?, parts(base).first()?);
    (bare != text).then_some(bare)
}

/// What a word of MariaDB's index may begin with; it folds letters by itself, but takes a mark for the end of a word. `None`
/// where no index has the word.
pub(super) fn in_mariadb(word: &str) -> Option<Vec<Begin>> {
    let begin = word.split(is_combining_mark).next().filter(|begin| !begin.is_empty())?;
    if begin.chars().count() > LONGEST {
        return None;
    }
    let mut found = vec![Begin::With(begin.to_owned())];
    for (at, char) in begin.char_indices() {
        let before = begin.get(..at).unwrap_or_default();
        match parts(char).as_slice() {
            [base, next, ..] if is_combining_mark(*next) => found.push(Begin::Whole(format!("{before}{base}"))),
            // Great letters that Unicode has for longer than MariaDB's order of letters does.
            ['ß'] => found.push(Begin::With(format!("{before}ẞ"))),
            ['\u{10d0}'..='\u{10ff}'] => found.push(Begin::With(format!("{before}{}", char.to_uppercase()))),
            // Syllables of Korean are made of letters.
            parts @ [_, _, ..] => found.push(Begin::With(format!("{before}{}", parts.iter().collect::<String>()))),
            _ => {}
        }
    }
    Some(found)
}

/// What else is the same as a composed character: all that it is made of, or some of that composed, its marks in any order.
fn uncomposed(char: char) -> BTreeSet<String> {
    let parts = parts(char);
    let Some((base, rest)) = parts.split_first() else { return BTreeSet::new() };
    let orders = if rest.iter().all(|part| is_combining_mark(*part)) { orders(rest) } else { vec![rest.to_vec()] };
    let mut forms = BTreeSet::new();
    for order in orders {
        for composed in 0..order.len() {
            let (begin, rest) = order.split_at(composed);
            let begin: String = std::iter::once(*base).chain(begin.iter().copied()).nfc().collect();
            forms.insert(begin + &rest.iter().collect::<String>());
        }
    }
    forms
}

/// All orders of some marks, of which a character has three at most.
fn orders(marks: &[char]) -> Vec<Vec<char>> {
    if marks.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in marks.iter().enumerate() {
        let others: Vec<char> =
            marks.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, mark)| *mark).collect();
        all.extend(orders(&others).into_iter().map(|rest| [vec![*first], rest].concat()));
    }
    all
}

/// The characters that a composed one is made of; itself alone if it is not composed.
fn parts(char: char) -> Vec<char> {
    let mut parts = Vec::new();
    decompose_canonical(char, |part| parts.push(part));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(word: &str) -> Vec<String> {
        in_postgres(word).expect("an index has it")
    }

    #[test]
    fn a_plain_word_is_spelled_in_one_way() {
        assert_eq!(asked("gmbh12"), ["gmbh12"]);
        assert_eq!(in_mariadb("gmbh12"), Some(vec![Begin::With("gmbh12".to_owned())]));
    }

    #[test]
    fn an_umlaut_may_be_two_characters_and_a_letter_of_vietnamese_two_or_three() {
        assert_eq!(asked("mün"), ["mün", "mu\u{308}"]);
        assert_eq!(
            asked("xệ"),
            ["xệ", "xe\u{302}\u{323}", "xe\u{323}\u{302}", "xê\u{323}", "xẹ\u{302}"],
            "with a hat, and a dot that is typed before or after it"
        );
        assert_eq!(asked("한"), ["한", "\u{1112}\u{1161}\u{11ab}", "하\u{11ab}"]);
        let (with, whole) = (|word: &str| Begin::With(word.to_owned()), |word: &str| Begin::Whole(word.to_owned()));
        assert_eq!(in_mariadb("müné"), Some(vec![with("müné"), whole("mu"), whole("müne")]));
        assert_eq!(in_mariadb("x\u{308}é"), Some(vec![with("x")]), "a mark that nothing is composed with");
        assert_eq!(in_mariadb("a한"), Some(vec![with("a한"), with("a\u{1112}\u{1161}\u{11ab}")]));
    }

    #[test]
    fn marks_in_any_order_and_numbers_that_are_no_digits() {
        assert_eq!(asked("ạ\u{301}z"), ["ạ\u{301}z", "a\u{323}", "a"]);
        assert_eq!(asked("हिन्"), ["हिन्"]);
        assert_eq!(asked("m²"), ["m"]);
        assert_eq!(in_postgres("½"), None);
    }

    #[test]
    fn small_letters_that_not_everybody_knows() {
        assert_eq!(asked("σοφος"), ["σοφος", "σοφοσ"]);
        assert_eq!(asked("i\u{307}z"), ["i\u{307}z", "i", "İ", "ı"]);
        assert_eq!(asked("kirk"), ["kirk", "kı"]);
        assert_eq!(in_mariadb("maß"), Some(vec![Begin::With("maß".to_owned()), Begin::With("maẞ".to_owned())]));
        assert_eq!(in_mariadb("აბ").map(|forms| forms.len()), Some(3));
    }

    #[test]
    fn a_word_that_no_index_has_is_not_asked_for() {
        assert_eq!(in_mariadb("\u{93f}x"), None);
        assert_eq!(in_mariadb(&"x".repeat(83)), None);
        assert!(in_mariadb(&"x".repeat(82)).is_some());
    }
}
