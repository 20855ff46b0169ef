//! The rows of one doctype, found by name and by `modified`.
//!
//! Invariant: both indexes know exactly the stored rows; names are looked up as the collation compares them,
//! and a row's true name is the one stored in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::clock::Moment;
use super::collation::fold;
use super::packed::{Packed, View};
use super::schema::standard;

/// A folded name.
pub(super) type Key = Arc<str>;

/// One doctype's rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Key, Packed>,
    by_modified: BTreeSet<(Moment, Key)>,
}

impl Table {
    /// The row of that name, whatever its case and accents.
    pub(super) fn find(&self, name: &str) -> Option<(&Key, View<'_>)> {
        self.find_folded(&fold(name))
    }

    /// The row of that folded name.
    pub(super) fn find_folded(&self, name: &str) -> Option<(&Key, View<'_>)> {
        self.rows.get_key_value(name).map(|(key, row)| (key, row.view()))
    }

    pub(super) fn get(&self, key: &str) -> Option<View<'_>> {
        self.rows.get(key).map(Packed::view)
    }

    /// Inserts a row or replaces the one of that name; gives its key and the replaced one.
    pub(super) fn put(&mut self, row: Packed) -> (Key, Option<Packed>) {
        let key: Key = fold(row.view().text(standard::NAME).unwrap_or_default()).into();
        let modified = row.view().time(standard::MODIFIED);
        let old = self.rows.insert(key.clone(), row);
        if let Some(old) = &old {
            self.by_modified.remove(&(old.view().time(standard::MODIFIED), key.clone()));
        }
        self.by_modified.insert((modified, key.clone()));
        (key, old)
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Packed> {
        let (key, row) = self.rows.remove_entry(fold(name).as_str())?;
        self.by_modified.remove(&(row.view().time(standard::MODIFIED), key));
        Some(row)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows by name.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, View<'_>)> {
        self.rows.iter().map(|(key, row)| (key, row.view()))
    }

    /// Rows by name, from that folded name on.
    pub(super) fn rows_from_name(&self, from: &str) -> impl DoubleEndedIterator<Item = (&Key, View<'_>)> {
        self.rows.range::<str, _>((Bound::Included(from), Bound::Unbounded)).map(|(key, row)| (key, row.view()))
    }

    /// Rows by `modified`, then name, from that moment on.
    pub(super) fn rows_from_modified(&self, from: Moment) -> impl DoubleEndedIterator<Item = (&Key, View<'_>)> {
        let first: Key = "".into();
        self.by_modified.range((from, first)..).filter_map(|(_, key)| self.rows.get(key).map(|row| (key, row.view())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed::Packer;
    use super::*;

    fn row(name: &str, modified: Moment) -> Packed {
        Packer::default().text(standard::NAME, name).time(standard::MODIFIED, modified).finish()
    }

    #[test]
    fn rows_move_in_the_index_when_they_are_replaced_and_leave_it_when_removed() {
        let mut table = Table::default();
        table.put(row("Acme", 5));
        table.put(row("Zoë", 3));
        assert!(table.put(row("ACME", 1)).1.is_some());
        let order: Vec<_> = table.rows_from_modified(0).map(|(_, row)| row.text(standard::NAME).unwrap()).collect();
        assert_eq!(order, ["ACME", "Zoë"]);
        assert_eq!(table.find("zoe").unwrap().1.text(standard::NAME), Some("Zoë"));
        assert!(table.remove("acme").is_some());
        assert_eq!(table.rows_from_modified(0).count(), 1);
        assert_eq!(table.len(), 1);
    }
}
