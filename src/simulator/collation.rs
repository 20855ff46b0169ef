//! How ERPNext's database compares texts: `utf8mb4_unicode_ci`, as far as a client can notice it.
//!
//! Invariant: two texts are the same key exactly where their folds are equal, and keys sort like their folds.
//! Only case, accents, `ß` and trailing spaces are folded; the rarer tailorings are not.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Sorts behind every letter.
const AFTER_ALL: char = '\u{f8ff}';

/// The form of a text under which it is looked up and sorted.
pub(super) fn fold(text: &str) -> String {
    let text = text.trim_end_matches(' ');
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for base in text.nfd() {
        match base {
            'ß' | 'ẞ' => folded.push_str("ss"),
            _ if base.is_ascii() => folded.push(base.to_ascii_lowercase()),
            _ if is_combining_mark(base) => {}
            _ => match stroked(base) {
                Some(plain) => folded.extend([plain, AFTER_ALL]),
                None => folded.extend(base.to_lowercase()),
            },
        }
    }
    folded
}

/// Of a letter that no accent can be taken from: its plain one, behind which it sorts and to which it is not equal.
const fn stroked(letter: char) -> Option<char> {
    match letter {
        'ł' | 'Ł' => Some('l'),
        'đ' | 'Đ' => Some('d'),
        'ø' | 'Ø' => Some('o'),
        'ħ' | 'Ħ' => Some('h'),
        'ŧ' | 'Ŧ' => Some('t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_accents_do_not_matter_letters_do() {
        assert_eq!(fold("Café MÜLLER"), fold("cafe muller"));
        assert_eq!(fold("Straße"), fold("STRASSE "));
        assert_ne!(fold("Łukasz"), fold("Lukasz"));
        assert!(fold("Lz") < fold("Łukasz") && fold("Łukasz") < fold("Olga"));
        assert_ne!(fold("東京"), fold("京都"));
    }
}
