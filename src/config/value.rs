//! How a written value becomes a typed one, and how a default is shown.
//!
//! Invariant: what [`Value::render`] gives is valid TOML for the same setting and reads back as the same value.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::raw::Raw;

/// A type that settings can have.
pub(super) trait Value: Sized {
    /// Shown in problems: `write {EXPECTED}`.
    const EXPECTED: &'static str;
    /// Its text is never shown, and a `…_FILE` variant of the setting exists.
    const SECRET: bool = false;

    /// Reads text. The error says what is wrong with it, without repeating it; may be empty.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Reads any shape. By default scalars, through their text.
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw.scalar() {
            Some(text) => Self::from_text(&text),
            None => Err("is a list or a table".to_owned()),
        }
    }

    /// The TOML literal; `None` where there is none to show.
    fn render(&self) -> Option<String>;
}

/// The TOML string literal of a text.
pub(super) fn quoted(text: impl Into<String>) -> String {
    toml::Value::String(text.into()).to_string()
}

/// Values that parse and print through the standard traits.
macro_rules! plain {
    ($($type:ty, $expected:literal, $render:expr;)+) => {$(
        impl Value for $type {
            const EXPECTED: &'static str = $expected;

            fn from_text(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| String::new())
            }

            fn render(&self) -> Option<String> {
                let render: fn(&Self) -> String = $render;
                Some(render(self))
            }
        }
    )+};
}

plain! {
    SocketAddr, "an address and port like \"127.0.0.1:8080\", \"0.0.0.0:8080\" or \"[::]:8080\"", |value| quoted(value.to_string());
    NonZeroU32, "a whole number from 1", ToString::to_string;
    NonZeroUsize, "a whole number from 1", ToString::to_string;
    PathBuf, "a path", |value| quoted(value.display().to_string());
    String, "a text", |value| quoted(value.as_str());
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(String::new()),
        }
    }

    fn render(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Rates: finite and above zero.
impl Value for f64 {
    const EXPECTED: &'static str = "a number above 0 like 0.5";

    fn from_text(text: &str) -> Result<Self, String> {
        text.trim().parse().ok().filter(|number: &Self| number.is_finite() && *number > 0.0).ok_or_else(String::new)
    }

    fn render(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
}

/// Longer than zero, in the friendly or ISO form that jiff reads.
impl Value for Duration {
    const EXPECTED: &'static str = "a duration above 0 with its unit like \"500ms\", \"10s\", \"2min\" or \"1h 30min\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let signed: jiff::SignedDuration = text.trim().parse().map_err(|_| String::new())?;
        Self::try_from(signed).ok().filter(|duration| !duration.is_zero()).ok_or_else(String::new)
    }

    fn render(&self) -> Option<String> {
        let millis = self.as_millis();
        let units = [(3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
        let (length, unit) = units.into_iter().find(|(length, _)| millis.is_multiple_of(*length))?;
        Some(quoted(format!("{}{unit}", millis / length)))
    }
}

/// The root of an http or https site.
impl Value for Url {
    const EXPECTED: &'static str = "scheme and host only, like \"https://erp.example.com\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let url = Self::parse(text.trim()).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => "has no https:// in front".to_owned(),
            other => format!("is no address: {other}"),
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("is no http or https address".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name or password in it".to_owned());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("has a path behind the host".to_owned());
        }
        Ok(url)
    }

    fn render(&self) -> Option<String> {
        Some(quoted(self.as_str()))
    }
}

/// Empty text means "not set", as composed environments often have it.
impl<T: Value> Value for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const SECRET: bool = T::SECRET;

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        if matches!(raw, Raw::Text(text) if text.trim().is_empty()) { Ok(None) } else { T::from_raw(raw).map(Some) }
    }

    fn render(&self) -> Option<String> {
        self.as_ref().and_then(Value::render)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_read_back() {
        for (text, millis) in
            [("10s", 10_000), ("2min", 120_000), ("500ms", 500), ("1h 30m", 5_400_000), ("PT5S", 5_000)]
        {
            assert_eq!(Duration::from_text(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["10", "", "-1s", "0s", "fast", "1 fortnight"] {
            assert!(Duration::from_text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Duration::from_secs(5_400).render().as_deref(), Some("\"90min\""));
        assert_eq!(Duration::from_millis(1_500).render().as_deref(), Some("\"1500ms\""));
    }

    #[test]
    fn site_addresses_are_roots() {
        assert!(Url::from_text(" https://erp.example.com/ ").is_ok());
        assert!(Url::from_text("http://localhost:8000").is_ok());
        for wrong in
            ["erp.example.com", "ftp://erp.example.com", "https://a:b@erp.example.com", "https://x.example/app"]
        {
            assert!(Url::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn empty_means_not_set() {
        assert_eq!(Option::<Url>::from_text("  "), Ok(None));
        assert_eq!(Option::<Url>::from_raw(&Raw::Text(String::new())), Ok(None));
    }

    #[test]
    fn numbers_have_bounds() {
        assert!(NonZeroU32::from_text("0").is_err());
        assert!(NonZeroU32::from_text("4294967296").is_err());
        assert!(f64::from_text("0").is_err() && f64::from_text("NaN").is_err() && f64::from_text("inf").is_err());
        assert_eq!(f64::from_raw(&Raw::Number("0.5".to_owned())), Ok(0.5));
    }
}
