//! Settings that say when something runs by itself.
//!
//! Invariant: what they mean is `domain::schedule`'s business; here is only how they are written.

use super::value::{Value, quoted};
use crate::domain::schedule::{Schedule, Zone};

impl Value for Schedule {
    const EXPECTED: &'static str =
        "an interval from 100ms like \"30s\" or \"1h\", a cron pattern of five fields like \"0 3 * * *\", or \"off\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn render(&self) -> Option<String> {
        Some(quoted(self.to_string()))
    }
}

impl Value for Zone {
    const EXPECTED: &'static str = "the name of a time zone like \"UTC\" or \"Europe/Berlin\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn render(&self) -> Option<String> {
        Some(quoted(self.to_string()))
    }
}
