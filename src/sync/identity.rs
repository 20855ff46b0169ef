//! Whose row is this document? The rules, as pure functions; `sync::moves` asks ERPNext where they need more facts.
//!
//! Invariant: a row is recognised by its (name, `creation`) pair. A name alone can be reused and a `creation` alone can
//! be shared by an import, so only a pair that is left over exactly once on both sides moves a row to another name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::customer::CustomerId;
use crate::store::Held;

/// A document's identity in ERPNext.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// ERPNext's name of the document.
    pub name: String,
    /// ERPNext's `creation`, exactly as given.
    pub creation: String,
}

/// Above so many rows of one `creation` (an import that set it) no pairing by `creation` is tried: only history decides.
pub const CROWD: usize = 20;

/// What the rows that we hold say about one document.
#[derive(Debug)]
pub enum Whose<'a> {
    /// Same name and same `creation`, or same name and ours not known yet.
    Row(&'a Held),
    /// Nothing of ours has its name or its `creation`.
    New,
    /// A row has its name but another `creation`, or its `creation` under another name: ERPNext must be asked.
    Contested,
}

/// Rules 2, 3 and 5 of the design, as far as they need no further question.
#[must_use]
pub fn whose<'a>(document: &Pair, held: &'a [Held]) -> Whose<'a> {
    let named = held.iter().find(|row| row.seen.erpnext_id.as_deref() == Some(&document.name));
    match named {
        Some(row) if row.seen.creation.as_ref().is_none_or(|creation| *creation == document.creation) => {
            Whose::Row(row)
        }
        Some(_) => Whose::Contested,
        None if held.iter().any(|row| row.seen.creation.as_ref() == Some(&document.creation)) => Whose::Contested,
        None => Whose::New,
    }
}

/// What is left of each side after equal pairs were struck.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leftover {
    /// Exactly one row and one name left for a `creation`: that row moves to that name.
    pub moves: BTreeMap<CustomerId, String>,
    /// Rows whose `creation` ERPNext has under no name at all any more.
    pub gone: BTreeSet<CustomerId>,
    /// For each `creation` with more left on either side: rows and names that only history can pair.
    pub unclear: Vec<(Vec<CustomerId>, Vec<String>)>,
}

/// Strikes the pairs that are equal in (name, `creation`) and pairs what is left.
///
/// `theirs` must hold every name that ERPNext has for each `creation` of `ours`.
#[must_use]
pub fn strike(ours: &[Held], theirs: &[Pair]) -> Leftover {
    let mut sides: HashMap<&str, (Vec<CustomerId>, Vec<String>)> = HashMap::new();
    let is_theirs =
        |name: &str, creation: &str| theirs.iter().any(|pair| pair.name == name && pair.creation == creation);
    for row in ours {
        let Some(creation) = row.seen.creation.as_deref() else { continue };
        let struck = row.seen.erpnext_id.as_deref().is_some_and(|name| is_theirs(name, creation));
        if !struck {
            sides.entry(creation).or_default().0.push(row.seen.id);
        }
    }
    for pair in theirs {
        let struck = ours.iter().any(|row| {
            row.seen.erpnext_id.as_ref() == Some(&pair.name) && row.seen.creation.as_ref() == Some(&pair.creation)
        });
        if !struck {
            sides.entry(&pair.creation).or_default().1.push(pair.name.clone());
        }
    }
    let mut left = Leftover::default();
    for (rows, names) in sides.into_values() {
        match (rows.as_slice(), names.as_slice()) {
            ([], _) => {}
            (_, []) => left.gone.extend(rows),
            ([row], [name]) => {
                left.moves.insert(*row, name.clone());
            }
            _ => left.unclear.push((rows, names)),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::Unknown;
    use crate::domain::plan::Seen;

    fn row(id: CustomerId, name: &str, creation: &str) -> Held {
        Held {
            seen: Seen {
                id,
                erpnext_id: (!name.is_empty()).then(|| name.to_owned()),
                creation: (!creation.is_empty()).then(|| creation.to_owned()),
                hash: None,
            },
            modified: None,
            document_hash: None,
            deleted: false,
            filtered: false,
            merged: false,
            unknown: Unknown::default(),
            has_problems: false,
        }
    }

    fn pair(name: &str, creation: &str) -> Pair {
        Pair { name: name.to_owned(), creation: creation.to_owned() }
    }

    #[test]
    fn a_row_is_known_by_name_and_creation_and_an_adopted_one_by_name() {
        let held = [row(1, "A", "1"), row(2, "B", "")];
        assert!(matches!(whose(&pair("A", "1"), &held), Whose::Row(held) if held.seen.id == 1));
        assert!(matches!(whose(&pair("B", "9"), &held), Whose::Row(held) if held.seen.id == 2));
        assert!(matches!(whose(&pair("A", "2"), &held), Whose::Contested));
        assert!(matches!(whose(&pair("C", "1"), &held), Whose::Contested));
        assert!(matches!(whose(&pair("C", "3"), &held), Whose::New));
    }

    #[test]
    fn a_rename_moves_the_one_row_left_to_the_one_name_left() {
        let left = strike(&[row(1, "Old", "1")], &[pair("New", "1")]);
        assert_eq!(left.moves, BTreeMap::from([(1, "New".to_owned())]));
    }

    #[test]
    fn a_swap_moves_both() {
        let left = strike(&[row(1, "A", "1"), row(2, "B", "2")], &[pair("B", "1"), pair("A", "2")]);
        assert_eq!(left.moves, BTreeMap::from([(1, "B".to_owned()), (2, "A".to_owned())]));
    }

    #[test]
    fn a_reused_name_leaves_the_old_row_gone() {
        let left = strike(&[row(1, "A", "1")], &[pair("A", "2")]);
        assert_eq!(left.gone, BTreeSet::from([1]));
        assert!(left.moves.is_empty());
    }

    #[test]
    fn an_import_that_shares_a_creation_moves_nothing_by_itself() {
        let ours = [row(1, "A", "1"), row(2, "B", "1"), row(3, "C", "1")];
        let left = strike(&ours, &[pair("A", "1"), pair("X", "1"), pair("Y", "1")]);
        assert!(left.moves.is_empty());
        assert_eq!(left.unclear, [(vec![2, 3], vec!["X".to_owned(), "Y".to_owned()])]);
        let one = strike(&ours, &[pair("A", "1"), pair("B", "1"), pair("Y", "1")]);
        assert_eq!(one.moves, BTreeMap::from([(3, "Y".to_owned())]));
    }
}
