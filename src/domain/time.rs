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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_become_rfc_3339() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_769_860_800_007), "2026-01-31T12:00:00.007Z");
        assert!(iso(i64::MAX).starts_with("9999"));
    }
}
