//! Times as people and programs read them.
//!
//! Invariant: pure; nothing here asks a clock. Private tables hold milliseconds UTC, ERPNext's own stamps stay the texts
//! that they are.

use jiff::Timestamp;

/// Milliseconds since 1970 UTC as `2026-01-31T12:00:00.000Z`; the nearest time that can be written, for nonsense.
#[must_use]
pub fn iso(milliseconds: i64) -> String {
    let nearest = if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    format!("{:.3}", Timestamp::from_millisecond(milliseconds).unwrap_or(nearest))
}

/// Milliseconds since 1970 UTC of a time in RFC 3339; `None` for anything else.
#[must_use]
pub fn parse_iso(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_become_rfc_3339() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_769_860_800_007), "2026-01-31T12:00:00.007Z");
        assert!(iso(i64::MAX).starts_with("9999"));
    }

    #[test]
    fn rfc_3339_becomes_milliseconds() {
        for text in ["2026-01-31T12:00:00.007Z", "2026-01-31T14:00:00.0075+02:00"] {
            assert_eq!(parse_iso(text), Some(1_769_860_800_007), "{text}");
        }
        for other in ["", "2026-01-31", "2026-01-31T12:00:00", "yesterday", "1769860800007"] {
            assert_eq!(parse_iso(other), None, "{other}");
        }
    }
}
