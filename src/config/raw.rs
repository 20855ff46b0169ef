//! A value as somebody wrote it, before its setting gives it a type.
//!
//! Invariant: a flag or variable is always [`Raw::Text`]; only TOML has the other shapes.

use std::collections::BTreeMap;

/// A written value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// A variable, a flag, a TOML string or date.
    Text(String),
    /// A TOML number, in its own spelling without underscores.
    Number(String),
    /// A TOML boolean.
    Bool(bool),
    /// A TOML array.
    List(Vec<Raw>),
    /// A TOML table.
    Table(BTreeMap<String, Raw>),
}

impl Raw {
    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text.clone()),
            Self::Bool(value) => Some(value.to_string()),
            Self::List(_) | Self::Table(_) => None,
        }
    }
}
