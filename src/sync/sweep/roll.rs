//! Who was listed: what a sweep remembers of ERPNext's names until it has looked at all of ours.
//!
//! Invariant: eight bytes per name, however long it is. Names are kept as hashes under a key that is new for each sweep; two
//! names that share one (a chance of one in ten million for a million names) hide a deletion only until the next sweep.

use std::hash::{BuildHasher, RandomState};

/// The names that are being collected.
#[derive(Debug, Default)]
pub(super) struct Roll {
    keys: RandomState,
    names: Vec<u64>,
    newcomers: Vec<u64>,
}

impl Roll {
    /// ERPNext has this name.
    pub(super) fn note_name(&mut self, name: &str) {
        self.names.push(self.keys.hash_one(name));
    }

    /// ERPNext has this `creation` under a name that we do not hold: a new customer, or one of ours under a new name.
    pub(super) fn note_newcomer(&mut self, creation: &str) {
        self.newcomers.push(self.keys.hash_one(creation));
    }

    /// All of them were listed.
    pub(super) fn close(mut self) -> Closed {
        self.names.sort_unstable();
        self.newcomers.sort_unstable();
        Closed(self)
    }
}

/// Everybody who was listed.
#[derive(Debug)]
pub(super) struct Closed(Roll);

impl Closed {
    /// How many names were listed.
    pub(super) fn len(&self) -> usize {
        self.0.names.len()
    }

    /// Whether ERPNext has that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.names.binary_search(&self.0.keys.hash_one(name)).is_ok()
    }

    /// Whether a name that we do not hold has that `creation`.
    pub(super) fn has_newcomer(&self, creation: &str) -> bool {
        self.0.newcomers.binary_search(&self.0.keys.hash_one(creation)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_listed_is_known() {
        let mut roll = Roll::default();
        for name in ["C", "A", "B"] {
            roll.note_name(name);
        }
        roll.note_newcomer("2026-01-31 12:00:00");
        let roll = roll.close();
        assert_eq!(roll.len(), 3);
        assert!(["A", "B", "C"].iter().all(|name| roll.has(name)));
        assert!(!roll.has("a") && !roll.has("2026-01-31 12:00:00"));
        assert!(roll.has_newcomer("2026-01-31 12:00:00") && !roll.has_newcomer("A"));
    }
}
