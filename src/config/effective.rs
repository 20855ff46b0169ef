//! Every setting as it counts, with where it was written: for people who ask why something is as it is.
//!
//! Invariant: the value of a secret is not in here, so that all of it may be shown to whoever may see the configuration.

use std::fmt;

use serde_json::Value as Json;

use super::problem::Source;
use super::setting::Setting;
use super::value::Value;

/// A setting with the value that counts.
#[derive(Clone, PartialEq)]
pub struct Effective {
    /// Which one.
    pub setting: Setting,
    /// Its value; `None` for a secret, and where there is none.
    pub value: Option<Json>,
    /// Where it was written; [`Source::Nowhere`] for a default.
    pub source: Source,
}

impl Effective {
    pub(super) fn new<T: Value>(setting: Setting, value: &T, source: Source) -> Self {
        let value = if setting.secret { None } else { value.render().as_deref().and_then(json) };
        Self { setting, value, source }
    }

    /// The default, where there is one.
    #[must_use]
    pub fn default(&self) -> Option<Json> {
        self.setting.default.as_deref().and_then(json)
    }
}

/// Without explanation and examples.
impl fmt::Debug for Effective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} = {:?} ({})", self.setting.name(), self.value, self.source)
    }
}

/// The value of a TOML literal.
fn json(literal: &str) -> Option<Json> {
    let mut table: toml::Table = toml::from_str(&format!("value = {literal}")).ok()?;
    serde_json::to_value(table.remove("value")?).ok()
}
