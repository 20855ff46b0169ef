//! Waiting times as ERPNext and what stands before it name them in headers.
//!
//! Invariant: whatever a header says, the result is between zero and [`LONGEST`], so it can be added to any clock.
//! A date is compared with the answer's own `Date`, so our clock does not matter. What is done about it: `gate`, `worker`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::pacing::Told;

/// Windows of the rate limit last a day at most; more than this is a mistake of somebody's.
pub(super) const LONGEST: Duration = Duration::from_secs(26 * 3600);

/// `Retry-After`, in seconds or as an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let then = rfc2822::parse(value).ok()?;
    let seconds = then.timestamp().as_second().saturating_sub(date(headers)?.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST))
}

/// When the answer was made, by the clock of whoever made it; in whole seconds.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok().map(|at| at.timestamp())
}

/// The rate limit's headers; `None` unless limit, remaining and reset are all there.
pub(super) fn rate_limit(headers: &HeaderMap) -> Option<Told> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    Some(Told::Limited {
        limit: Duration::from_micros(number("x-ratelimit-limit")?),
        remaining: Duration::from_micros(number("x-ratelimit-remaining")?),
        reset: Duration::from_secs(number("x-ratelimit-reset")?).min(LONGEST),
        used: number("x-ratelimit-used").map(|micros| Duration::from_micros(micros).min(LONGEST)),
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn seconds_and_dates() {
        let after = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
        assert_eq!(after(&[("retry-after", " 17 ")]), Some(Duration::from_secs(17)));
        let date = ("date", "Sun, 22 Nov 2026 06:38:27 GMT");
        assert_eq!(after(&[date, ("retry-after", "Sun, 22 Nov 2026 06:39:27 GMT")]), Some(Duration::from_secs(60)));
        assert_eq!(after(&[date, ("retry-after", "Sun, 22 Nov 2026 06:00:00 GMT")]), Some(Duration::ZERO));
    }

    #[test]
    fn absurd_values_do_no_harm() {
        let after = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
        assert_eq!(after(&[("retry-after", "18446744073709551615")]), Some(LONGEST));
        assert_eq!(after(&[("retry-after", "soon")]), None);
        assert_eq!(after(&[("retry-after", "-3")]), None);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn the_limit_needs_its_three_headers() {
        let full =
            [("x-ratelimit-limit", "600000000"), ("x-ratelimit-remaining", "599000000"), ("x-ratelimit-reset", "1800")];
        let Some(Told::Limited { limit, remaining, reset, used }) = rate_limit(&headers(&full)) else {
            panic!("all three were there")
        };
        assert_eq!((limit, remaining), (Duration::from_secs(600), Duration::from_secs(599)));
        assert_eq!((reset, used), (Duration::from_secs(1800), None));
        assert_eq!(rate_limit(&headers(&full[..2])), None);
    }
}
