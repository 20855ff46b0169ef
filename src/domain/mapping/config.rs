//! The `[mapping]` section as the user writes it.
//!
//! Invariant: plain text, not yet checked; `Mapping::compile` turns it into something that can be run or says what is
//! wrong. An empty one means the default mapping.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the user wants differently from the default mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct MappingConfig {
    /// The company whose credit limit counts; without it, the only credit limit there is.
    pub company: Option<String>,
    /// Column of `customers` to its sources in order, instead of the default ones.
    pub fields: BTreeMap<String, Vec<String>>,
    /// Name in `customers.extra` to the Customer field that is copied there.
    pub extra: BTreeMap<String, String>,
}
