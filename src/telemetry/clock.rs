//! The clock of this machine, for logs, metrics and identifiers.
//!
//! Invariant: the only reading of the system's time. Times that two processes compare (leases, due times) are the
//! database's and are made in SQL; durations are measured with `Instant`.

use std::time::{SystemTime, UNIX_EPOCH};

/// The present time.
#[must_use]
pub fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    SystemTime::now()
}

/// Milliseconds since 1970 UTC; 0 for a clock that is set before then.
#[must_use]
pub fn unix_millis() -> i64 {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_milliseconds() {
        let first = unix_millis();
        assert!(first > 1_700_000_000_000, "{first} is no count of milliseconds in this decade");
        assert!(unix_millis() >= first);
    }
}
