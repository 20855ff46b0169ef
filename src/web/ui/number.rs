//! Numbers as people read them.
//!
//! Invariant: no digit is lost or rounded unless the unit says so.

use std::time::Duration;

/// With a comma between each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things; less than none cannot be.
pub(super) fn count(number: i64) -> String {
    grouped(u64::try_from(number).unwrap_or(0))
}

/// As [`span`].
pub(super) fn span_of_seconds(seconds: u64) -> String {
    span(Duration::from_secs(seconds))
}

/// A span of time in its largest unit: `45 ms`, `1.4 s`, `12 s`, `3 min`, `5 h`, `2 days`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=9 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        10..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_span_has_one_unit() {
        let cases = [
            (45, "45 ms"),
            (1_450, "1.4 s"),
            (59_000, "59 s"),
            (180_000, "3 min"),
            (7_200_000, "2 h"),
            (200_000_000, "2 days"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(span(Duration::from_millis(milliseconds)), text);
        }
    }
}
