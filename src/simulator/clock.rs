//! The site's clock: `creation` and `modified` come from here, in the site's zone and without one in the text.
//!
//! Invariant: two calls of [`Clock::now`] never give the same instant, so every write gets a `modified` of its own.
//! A [`Moment`] is what ERPNext stores: wall time of the site in microseconds, so an autumn hour repeats.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// Wall time of the site, in microseconds since 1970-01-01 00:00:00 of that same wall clock.
pub(super) type Moment = i64;

/// Where instants come from, and the zone they are shown in.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    zone: TimeZone,
    /// `None` while real time runs.
    frozen: Option<Timestamp>,
    offset: SignedDuration,
    last_microsecond: i64,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, frozen: None, offset: SignedDuration::ZERO, last_microsecond: i64::MIN }
    }

    /// The next instant, later than any before it.
    pub(super) fn now(&mut self) -> Moment {
        let microsecond = self.instant().as_microsecond().max(self.last_microsecond.saturating_add(1));
        self.last_microsecond = microsecond;
        self.wall(microsecond)
    }

    /// The present instant, without using it up.
    pub(super) fn instant(&self) -> Timestamp {
        let base = self.frozen.unwrap_or_else(Timestamp::now);
        base.checked_add(self.offset).unwrap_or(base)
    }

    /// Stops the clock at an instant, which may be earlier than what was handed out before.
    pub(super) fn freeze(&mut self, at: Timestamp) {
        self.frozen = Some(at);
        self.offset = SignedDuration::ZERO;
        self.last_microsecond = i64::MIN;
    }

    /// Moves the clock, running or stopped.
    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.offset = self.offset.saturating_add(by);
    }

    fn wall(&self, microsecond: i64) -> Moment {
        let instant = Timestamp::from_microsecond(microsecond).unwrap_or(Timestamp::UNIX_EPOCH);
        microsecond.saturating_add(i64::from(self.zone.to_offset(instant).seconds()).saturating_mul(1_000_000))
    }
}

/// ERPNext's text of a moment: `YYYY-MM-DD HH:MM:SS.ffffff`, without a fraction when it is 0.
pub(super) fn text(moment: Moment) -> String {
    let Ok(instant) = Timestamp::from_microsecond(moment) else { return String::new() };
    let wall = TimeZone::UTC.to_datetime(instant);
    let (date, time) = (wall.date(), wall.time());
    let whole = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    match moment.rem_euclid(1_000_000) {
        0 => whole,
        fraction => format!("{whole}.{fraction:06}"),
    }
}

/// Reads a date or a date and time; a zone after it is ignored, as ERPNext's filters do.
pub(super) fn parse(text: &str) -> Option<Moment> {
    let text = text.trim();
    let end = text.get(10..).and_then(|rest| rest.find(['+', 'Z', '-'])).map_or(text.len(), |at| at + 10);
    let local = text.get(..end)?.trim_end();
    let wall: DateTime = match local.len() {
        10 => local.parse::<jiff::civil::Date>().ok()?.into(),
        _ => local.parse().ok()?,
    };
    TimeZone::UTC.to_timestamp(wall).ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_moment_agree_with_and_without_fraction() {
        for stamp in ["2026-11-22 01:35:07.149879", "2026-11-22 01:35:07", "1999-01-01 00:00:00.000001"] {
            assert_eq!(text(parse(stamp).unwrap()), stamp);
        }
        assert_eq!(parse("2026-11-22"), parse("2026-11-22 00:00:00.000000"));
        assert_eq!(parse("2026-11-22T01:00:00Z"), parse("2026-11-22 01:00:00+05:30"));
        assert_eq!(parse("soon"), None);
    }

    #[test]
    fn a_stopped_clock_still_gives_new_moments_in_the_zone() {
        let mut clock = Clock::new(TimeZone::get("America/New_York").unwrap());
        clock.freeze("2026-11-22T06:35:01Z".parse().unwrap());
        assert_eq!(text(clock.now()), "2026-11-22 01:35:01");
        assert_eq!(text(clock.now()), "2026-11-22 01:35:01.000001");
        clock.advance(SignedDuration::from_secs(60));
        assert_eq!(text(clock.now()), "2026-11-22 01:36:01");
    }
}
