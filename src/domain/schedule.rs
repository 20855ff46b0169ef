//! When something runs by itself: an interval, a cron pattern in a time zone, or never.
//!
//! Invariant: pure arithmetic on milliseconds UTC that the caller gives; a [`Schedule`] or [`Zone`] that exists was
//! understood. Which schedules there are, and who acts on them, is in `sync::schedule`.

use std::fmt;
use std::time::Duration;

use cronexpr::{MakeTimestamp, parse_crontab};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

/// The shortest interval: below it a slip of the pen ("30ms") would keep ERPNext busy all day.
const SHORTEST: Duration = Duration::from_millis(100);
/// Fields of a cron pattern: minute, hour, day of the month, month, day of the week.
const CRON_FIELDS: usize = 5;
const OFF: &str = "off";

/// When something runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// So long after it ended the last time.
    Every(Duration),
    /// At the times of a cron pattern.
    Cron(Pattern),
    /// Never by itself.
    Off,
}

/// A cron pattern of five fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// The name of a time zone (IANA), e.g. `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(String);

impl Schedule {
    /// Reads `30s`, `1h 30min`, `0 3 * * *` or `off`.
    ///
    /// # Errors
    /// What is wrong, to follow the text itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(OFF) {
            return Ok(Self::Off);
        }
        if let Ok(interval) = text.parse::<SignedDuration>() {
            let interval = Duration::try_from(interval).unwrap_or_default();
            return if interval < SHORTEST { Err("is too short".to_owned()) } else { Ok(Self::Every(interval)) };
        }
        Pattern::parse(text).map(Self::Cron)
    }

    /// The first time after `after` (both milliseconds since 1970 UTC); `None` for never.
    #[must_use]
    pub fn next(&self, after: i64, zone: &Zone) -> Option<i64> {
        match self {
            Self::Every(interval) => Some(after.saturating_add(i64::try_from(interval.as_millis()).ok()?)),
            Self::Cron(pattern) => pattern.next(after, zone),
            Self::Off => None,
        }
    }

    /// All that its times depend on, as people read it; equal texts mean equal times.
    #[must_use]
    pub fn describe(&self, zone: &Zone) -> String {
        match self {
            Self::Cron(pattern) => format!("{} ({zone})", pattern.0),
            Self::Every(_) | Self::Off => self.to_string(),
        }
    }
}

/// As it is written in a configuration; reads back as the same.
impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => {
                let millis = interval.as_millis();
                let units = [(3_600_000, "h"), (60_000, "min"), (1_000, "s")];
                match units.into_iter().find(|(length, _)| millis.is_multiple_of(*length)) {
                    Some((length, unit)) => write!(formatter, "{}{unit}", millis / length),
                    None => write!(formatter, "{millis}ms"),
                }
            }
            Self::Cron(pattern) => formatter.write_str(&pattern.0),
            Self::Off => formatter.write_str(OFF),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != CRON_FIELDS {
            return Err(String::new());
        }
        let pattern = Self(fields.join(" "));
        // The zone does not matter for whether it can be read and ever comes.
        match pattern.next(0, &Zone::default()) {
            Some(_) => Ok(pattern),
            None => Err(parse_crontab(&pattern.with(&Zone::default()))
                .map_or_else(|_malformed| "is no cron pattern".to_owned(), |_never| "never comes".to_owned())),
        }
    }

    fn next(&self, after: i64, zone: &Zone) -> Option<i64> {
        let after = MakeTimestamp::from_millisecond(after).ok()?;
        let next = parse_crontab(&self.with(zone)).ok()?.find_next(after).ok()?;
        Some(next.timestamp().as_millisecond())
    }

    fn with(&self, zone: &Zone) -> String {
        format!("{} {zone}", self.0)
    }
}

impl Zone {
    /// Reads the name of a time zone; the spelling becomes that of the time zone database.
    ///
    /// # Errors
    /// What is wrong, to follow the text itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        let zone = TimeZone::get(text.trim()).map_err(|_unknown| "is no time zone".to_owned())?;
        zone.iana_name().map(|name| Self(name.to_owned())).ok_or_else(|| "is no time zone".to_owned())
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(instant: &str) -> i64 {
        instant.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    fn next(schedule: &str, zone: &str, after: &str) -> Option<i64> {
        Schedule::parse(schedule).unwrap().next(millis(after), &Zone::parse(zone).unwrap())
    }

    #[test]
    fn intervals_patterns_and_off_read_back_as_they_are_written() {
        for text in ["30s", "90min", "1h", "250ms", "0 3 * * *", "*/10 8-18 * * 1-5", "off"] {
            assert_eq!(Schedule::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Schedule::parse(" 1h 30min "), Schedule::parse("90min"));
        assert_eq!(Schedule::parse("0  3 *\t* *"), Schedule::parse("0 3 * * *"));
        assert_eq!(Schedule::parse("OFF"), Ok(Schedule::Off));
    }

    #[test]
    fn what_cannot_be_understood_or_never_comes_is_refused() {
        for wrong in ["", "30", "-5s", "0s", "30ms", "daily", "* * * *", "61 * * * *", "0 3 * * * UTC", "0 0 30 2 *"] {
            assert!(Schedule::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "Mars/Olympus", "+02:00", "garbage"] {
            assert!(Zone::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Zone::parse("europe/berlin").unwrap().to_string(), "Europe/Berlin");
    }

    #[test]
    fn an_interval_counts_from_the_end_and_off_never_comes() {
        assert_eq!(next("30s", "UTC", "2026-01-01T00:00:00Z"), Some(millis("2026-01-01T00:00:30Z")));
        assert_eq!(next("off", "UTC", "2026-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_pattern_follows_the_clocks_of_its_zone() {
        let berlin = |after| next("0 3 * * *", "Europe/Berlin", after);
        assert_eq!(berlin("2026-01-15T12:00:00Z"), Some(millis("2026-01-16T02:00:00Z")));
        assert_eq!(berlin("2026-07-15T12:00:00Z"), Some(millis("2026-07-16T01:00:00Z")));
        assert_eq!(berlin("2026-01-16T02:00:00Z"), Some(millis("2026-01-17T02:00:00Z")), "never twice");
    }

    #[test]
    fn what_is_described_differs_where_the_times_do() {
        let nightly = Schedule::parse("0 3 * * *").unwrap();
        let zones = ["UTC", "Asia/Tokyo"].map(|zone| nightly.describe(&Zone::parse(zone).unwrap()));
        assert_eq!(zones, ["0 3 * * * (UTC)", "0 3 * * * (Asia/Tokyo)"]);
        assert_eq!(Schedule::parse("60s").unwrap().describe(&Zone::default()), "1min");
    }
}
