//! ERPNext's stamps (`creation`, `modified`): wall time of the site, `YYYY-MM-DD HH:MM:SS[.ffffff]`, without a zone.
//!
//! Invariant: stamps stay the texts that ERPNext gave. Their bytewise order is their order in time (a fraction is six
//! digits, or left out when it is 0), except that an hour repeats in autumn; nobody here knows the site's zone.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, Unit};

/// How far below its watermark catch-up looks: longer than the hour that repeats in autumn, and than transactions take,
/// whose stamp is that of their beginning.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(65);

/// A stamp further ahead of UTC than this is a mistake: no zone is, and clocks are not that wrong.
const FUTURE: SignedDuration = SignedDuration::from_hours(26);

/// Earlier than every document.
pub const BEFORE_ALL: &str = "1970-01-01 00:00:00";

/// Whether it is a stamp.
#[must_use]
pub fn is_stamp(text: &str) -> bool {
    parse(text).is_some()
}

/// The stamp [`OVERLAP`] earlier; the same for a text that is none.
#[must_use]
pub fn before_overlap(stamp: &str) -> String {
    let earlier = parse(stamp).and_then(|moment| moment.checked_sub(OVERLAP).ok());
    earlier.map_or_else(|| stamp.to_owned(), write)
}

/// The greatest stamp that is believed at that time (milliseconds since 1970 UTC).
#[must_use]
pub fn latest_believed(now: i64) -> String {
    let latest = Timestamp::from_millisecond(now).ok().and_then(|now| now.checked_add(FUTURE).ok());
    write(latest.unwrap_or(Timestamp::MAX).to_zoned(jiff::tz::TimeZone::UTC).datetime())
}

fn parse(stamp: &str) -> Option<DateTime> {
    // jiff also reads other forms, whose order is not that of their bytes.
    let (bytes, digits) = (stamp.as_bytes(), [4, 7, 10, 13, 16, 19]);
    let marks =
        digits.into_iter().zip("-- ::.".bytes()).all(|(at, mark)| bytes.get(at).is_none_or(|byte| *byte == mark));
    (marks && matches!(stamp.len(), 19 | 26)).then(|| stamp.parse().ok()).flatten()
}

fn write(moment: DateTime) -> String {
    let moment = moment.round(Unit::Microsecond).unwrap_or(moment);
    let whole = moment.strftime("%Y-%m-%d %H:%M:%S").to_string();
    match moment.subsec_nanosecond() / 1_000 {
        0 => whole,
        fraction => format!("{whole}.{fraction:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overlap_is_65_minutes_with_and_without_a_fraction() {
        for (stamp, earlier) in [
            ("2026-11-01 01:59:59.999999", "2026-11-01 00:54:59.999999"),
            ("2026-11-01 00:30:00", "2026-10-31 23:25:00"),
            ("2026-03-01 01:00:00.000001", "2026-02-28 23:55:00.000001"),
        ] {
            assert_eq!(before_overlap(stamp), earlier);
        }
    }

    #[test]
    fn stamps_are_told_from_other_texts() {
        for stamp in ["2026-11-22 01:35:07.149879", "2026-11-22 01:35:07", BEFORE_ALL] {
            assert!(is_stamp(stamp), "{stamp}");
        }
        for other in ["", "2026-11-22", "2026-11-22T01:35:07", "2026-11-22 01:35:07.1", "2026-13-22 01:35:07", "soon"] {
            assert!(!is_stamp(other), "{other}");
            assert_eq!(before_overlap(other), other);
        }
    }

    #[test]
    fn bytewise_order_is_the_order_in_time() {
        let order = ["2026-11-22 01:35:06.999999", "2026-11-22 01:35:07", "2026-11-22 01:35:07.000001"];
        assert!(order.is_sorted());
    }

    #[test]
    fn a_day_and_two_hours_ahead_is_believed_and_no_more() {
        let now = "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(latest_believed(now), "2026-11-23 14:00:00");
    }
}
