//! Types that only settings have: secrets, sizes, log format and filter, lists and tables.
//!
//! Invariant: a [`Secret`] never shows its text through `Debug`, so a whole configuration can be logged.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::raw::Raw;
use super::value::{Value, quoted};
use crate::domain::filter::Filter;
use crate::domain::matching::MatchKey;
use crate::domain::webhook::Instance;

/// A text that must not be seen. [`Secret::expose`] is the only way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl Value for Secret {
    const EXPECTED: &'static str = "a text in quotes";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn render(&self) -> Option<String> {
        None
    }
}

/// Several secrets: any of them is accepted, so that one can replace another without a gap.
impl Value for Vec<Secret> {
    const EXPECTED: &'static str = "a list of texts like [\"new\", \"old\"], in a variable separated by commas";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.split([',', '\n']).map(str::trim).filter(|secret| !secret.is_empty()).map(Secret::new).collect())
    }

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => items.iter().map(Secret::from_raw).collect(),
            single => single.scalar().ok_or_else(|| "is a table".to_owned()).and_then(|text| Self::from_text(&text)),
        }
    }

    fn render(&self) -> Option<String> {
        self.is_empty().then(|| "[]".to_owned())
    }
}

/// Sources of one field, in order.
impl Value for Vec<String> {
    const EXPECTED: &'static str =
        "a list like [\"contact.email_id\", \"customer.email_id\"], in a variable separated by |";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.split('|').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
    }

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => items.iter().map(String::from_raw).collect(),
            single => single.scalar().ok_or_else(|| "is a table".to_owned()).and_then(|text| Self::from_text(&text)),
        }
    }

    fn render(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().map(quoted).collect::<Vec<_>>().join(", ")))
    }
}

/// Networks, each as CIDR or a single address.
impl Value for Vec<IpNet> {
    const EXPECTED: &'static str =
        "a list of networks like [\"10.0.0.0/8\", \"127.0.0.1\"], in a variable separated by commas";

    fn from_text(text: &str) -> Result<Self, String> {
        let network = |text: &str| {
            let alone = text.parse::<IpAddr>().map(IpNet::from);
            alone.or_else(|_no_address| text.parse()).map_err(|_no_network| format!("has \"{text}\" in it"))
        };
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(network).collect()
    }

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => {
                let texts: Vec<String> = items.iter().map(String::from_raw).collect::<Result<_, _>>()?;
                Self::from_text(&texts.join(","))
            }
            single => single.scalar().ok_or_else(|| "is a table".to_owned()).and_then(|text| Self::from_text(&text)),
        }
    }

    fn render(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().map(|network| quoted(network.to_string())).collect::<Vec<_>>().join(", ")))
    }
}

/// Keys of the matching, the strongest first, each once.
impl Value for Vec<MatchKey> {
    const EXPECTED: &'static str =
        "a list of \"email\", \"tax_number\" and \"id:customer.FIELD\", in a variable separated by commas";

    fn from_text(text: &str) -> Result<Self, String> {
        let mut keys = Self::new();
        for written in text.split(',').map(str::trim).filter(|written| !written.is_empty()) {
            let key = MatchKey::parse(written)?;
            if keys.contains(&key) {
                return Err(format!("has \"{key}\" twice"));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => {
                let texts: Vec<String> = items.iter().map(String::from_raw).collect::<Result<_, _>>()?;
                Self::from_text(&texts.join(","))
            }
            single => single.scalar().ok_or_else(|| "is a table".to_owned()).and_then(|text| Self::from_text(&text)),
        }
    }

    fn render(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().map(|key| quoted(key.to_string())).collect::<Vec<_>>().join(", ")))
    }
}

/// Names with values: a TOML table, or `name=value, name=value` in a variable.
pub type Pairs<V> = BTreeMap<String, V>;

impl<V: Value> Value for Pairs<V> {
    const EXPECTED: &'static str = "a table like { name = \"value\" }, in a variable name=value separated by commas";
    const SECRET: bool = V::SECRET;

    fn from_text(text: &str) -> Result<Self, String> {
        let pairs = text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').ok_or("has an entry without \"=\"")?;
                Ok((name.trim().to_owned(), V::from_text(value.trim())?))
            })
            .collect()
    }

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Table(entries) => entries
                .iter()
                .map(|(name, raw)| {
                    let value = V::from_raw(raw).map_err(|why| format!("\"{name}\" {why}"))?;
                    Ok((name.clone(), value))
                })
                .collect(),
            Raw::Text(text) => Self::from_text(text),
            _ => Err("is no table".to_owned()),
        }
    }

    fn render(&self) -> Option<String> {
        if self.is_empty() {
            return Some("{}".to_owned());
        }
        let pair = |(name, value): (&String, &V)| Some(format!("{} = {}", quoted(name.as_str()), value.render()?));
        Some(format!("{{ {} }}", self.iter().map(pair).collect::<Option<Vec<_>>>()?.join(", ")))
    }
}

/// A number of bytes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(usize);

impl ByteSize {
    /// So many mebibytes.
    #[must_use]
    pub const fn mebibytes(count: usize) -> Self {
        Self(count << 20)
    }

    /// Reads `64KiB`, `1MiB` or a number of bytes: for a flag.
    ///
    /// # Errors
    /// What to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::from_text(text).map_err(|_| format!("write {}", Self::EXPECTED))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Value for ByteSize {
    const EXPECTED: &'static str = "a size above 0 like \"64KiB\", \"1MiB\" or a number of bytes";

    fn from_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: usize = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "kib" | "k" => 1 << 10,
            "mb" => 1_000_000,
            "mib" | "m" => 1 << 20,
            "gb" => 1_000_000_000,
            "gib" | "g" => 1 << 30,
            _ => return Err(String::new()),
        };
        let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(factor));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(String::new)
    }

    fn render(&self) -> Option<String> {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let exact = units.into_iter().find(|(length, _)| self.0.is_multiple_of(*length));
        Some(exact.map_or_else(|| self.0.to_string(), |(length, unit)| quoted(format!("{}{unit}", self.0 / length))))
    }
}

/// Which customers are kept; JSON also in the file, as Frappe writes it.
impl Value for Filter {
    const EXPECTED: &'static str = "Frappe filters as JSON in quotes like '[[\"customer_group\", \"=\", \"Retail\"]]'";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn render(&self) -> Option<String> {
        Some(quoted(self.fingerprint()))
    }
}

/// The name of this installation.
impl Value for Instance {
    const EXPECTED: &'static str = "at most 40 letters, digits, -, _ and ., like \"customer-sync\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn render(&self) -> Option<String> {
        Some(quoted(self.as_str()))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// Whether lines are JSON; `None` leaves it to whether the log goes to a terminal.
    #[must_use]
    pub const fn json(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Human => Some(false),
            Self::Json => Some(true),
        }
    }
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "\"auto\", \"human\" or \"json\"";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(String::new()),
        }
    }

    fn render(&self) -> Option<String> {
        Some(quoted(match self {
            Self::Auto => "auto",
            Self::Human => "human",
            Self::Json => "json",
        }))
    }
}

/// What is logged: a level, or directives of `tracing_subscriber::EnvFilter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    const LEVELS: [&'static str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

    /// The checked directives.
    #[must_use]
    pub fn directives(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl Value for LogFilter {
    const EXPECTED: &'static str = "error, warn, info, debug or trace, or directives like \"info,customer_sync=debug\"";

    fn from_text(text: &str) -> Result<Self, String> {
        // The filter itself would take a misspelt level for the name of a module and then log nothing.
        for directive in text.split(',').map(str::trim) {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
            if !directive.contains("::") && !Self::LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
                return Err(format!("has no level in \"{directive}\""));
            }
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.trim().to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn render(&self) -> Option<String> {
        Some(quoted(self.0.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_secret() {
        let shown = format!("{:?}", Vec::<Secret>::from_text("one, two").unwrap());
        assert_eq!(shown, "[[secret], [secret]]");
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("1MiB", 1 << 20), ("64 KiB", 65_536), ("1mb", 1_000_000), ("42", 42)] {
            assert_eq!(ByteSize::from_text(text).map(ByteSize::bytes), Ok(bytes), "{text}");
        }
        for wrong in ["", "0", "-1", "1.5MiB", "99999999999GiB", "much"] {
            assert!(ByteSize::from_text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(ByteSize::mebibytes(16).render().as_deref(), Some("\"16MiB\""));
        assert_eq!(ByteSize(1_000).render().as_deref(), Some("1000"));
    }

    #[test]
    fn pairs_come_from_text_too() {
        let pairs = Pairs::<String>::from_text("a=1, b = x=y\n").unwrap();
        assert_eq!(pairs, Pairs::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x=y".to_owned())]));
        assert!(Pairs::<String>::from_text("a").is_err());
        let sources = Pairs::<Vec<String>>::from_text("email=contact.email_id|customer.email_id").unwrap();
        assert_eq!(sources["email"], ["contact.email_id", "customer.email_id"]);
    }

    #[test]
    fn a_misspelt_level_is_no_module() {
        assert!(LogFilter::from_text("inof").is_err());
        for right in ["info", "WARN", "info,customer_sync=debug", "customer_sync::web=trace", "customer_sync::store"] {
            assert!(LogFilter::from_text(right).is_ok(), "{right}");
        }
    }
}
