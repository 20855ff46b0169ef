//! What the user's configuration says about which customers are kept and how they are recognised.
//!
//! Invariant: fixed for the life of the process; what changes at run time (pauses, permissions) is in `sync::site`.

use crate::domain::filter::Filter;

use crate::domain::matching::MatchKey;

/// The rules; the default keeps everything and links nothing by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Customers that do not match are left out.
    pub filter: Option<Filter>,
    /// Share of all living rows, in percent, that a sweep may remove without asking a person.
    pub max_removed_percent: u32,
    /// What must be equal for a local row and a document to be linked, the strongest first.
    pub matching: Vec<MatchKey>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { filter: None, max_removed_percent: 5, matching: Vec::new() }
    }
}
