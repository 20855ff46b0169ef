//! Whether a name can be seen: of a customer, of a token.
//!
//! Invariant: pure, and asked of what people type alone: a name that comes from ERPNext is taken as it is. How long a name
//! may be is the business of whoever asks.

use unicode_normalization::char::is_combining_mark;

/// Whether a text has at least one character that leaves ink by itself.
#[must_use]
pub fn is_visible(text: &str) -> bool {
    text.chars().any(|char| !(char.is_whitespace() || char.is_control() || is_combining_mark(char) || is_blank(char)))
}

/// What Unicode calls format characters (general category Cf), and letters and symbols that are drawn as nothing
/// (<https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt>, `Default_Ignorable_Code_Point`; the blank of Braille).
const fn is_blank(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_a_character_that_can_be_seen() {
        for name in [
            "\u{200b}",
            "\u{feff} \u{2060}",
            "\u{301}",
            "\u{ad}\u{202e}\u{fe0f}",
            "\u{3164}",
            "\u{2800}",
            "\u{e0041}",
            "",
        ] {
            assert!(!is_visible(name), "{name:?}");
        }
        for name in ["A", "7", "-", "\u{1f600}", "e\u{301}", "\u{5d0}\u{200f}", "\u{092e}\u{093f}", "\u{200b}x"] {
            assert!(is_visible(name), "{name:?}");
        }
    }
}
