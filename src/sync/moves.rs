//! Finds the rows of a batch's documents, following renames, swaps, chains and reused names through ERPNext.
//!
//! Invariant: at most one unit of a batch touches a row; a document whose rows another one already took is done again
//! afterwards. ERPNext is asked once per batch (and once more per further link of a chain), never per document.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::concealed::concealed;
use super::identity::{CROWD, Leftover, Pair, Whose, strike, whose};
use super::{Context, SyncError, erase};
use crate::domain::customer::CustomerId;
use crate::domain::document::Doc;
use crate::domain::erasure::Forget;
use crate::domain::hint::Doctype;
use crate::domain::plan::{Gone, Write};
use crate::erpnext::{Error, List, Work};
use crate::store::Held;

/// How many links of a chain of renames are followed at once; a longer one is retried after these were written.
const LONGEST_CHAIN: usize = 8;

/// How many histories are read to pair rows and names that share a `creation`.
const HISTORIES: usize = 20;

/// Where a document goes.
#[derive(Debug)]
pub enum Place {
    /// Into this row (or a new one), with these writes for the rows that make way and names that need a look.
    Found {
        /// The row; `None` for a new one.
        target: Option<Box<Held>>,
        /// Renames and tombstones of displaced rows.
        displaced: Vec<Write>,
        /// Names to put: those that rows left or moved to.
        puts: Vec<String>,
        /// Rows that have its `creation` too; one that appears later says that somebody else stored it meanwhile.
        namesakes: BTreeSet<CustomerId>,
    },
    /// Rows of it were taken by another document of the batch.
    Again,
    /// The renames hang together in a way that needs another look.
    Tangled,
    /// ERPNext has the document under that name no more: what was read is out of date.
    Outdated,
    /// A row of ours has its name whose own document the key may not see, so nobody can say where that row belongs.
    Concealed,
    /// Nowhere: it belongs to a customer that was erased.
    Erased(Box<Forget>),
}

/// Finds a place for each document, in the same order.
///
/// # Errors
/// What ERPNext or the database answered; then nothing is known about any of them.
pub async fn places(context: &Context, documents: &[Pair], work: Work) -> Result<Vec<Place>, SyncError> {
    let names: Vec<String> = documents.iter().map(|pair| pair.name.clone()).collect();
    let mut held = context.store.held(&names, &[]).await?;
    // A document that has its row needs no second look: most of them, all but always.
    let placeless = documents.iter().filter(|pair| !matches!(whose(pair, &held), Whose::Row(_)));
    let creations: Vec<String> = placeless.map(|pair| pair.creation.clone()).collect();
    if !creations.is_empty() {
        let named: HashSet<CustomerId> = held.iter().map(|row| row.seen.id).collect();
        let namesakes = context.store.held(&[], &creations).await?;
        held.extend(namesakes.into_iter().filter(|row| !named.contains(&row.seen.id)));
        held.sort_unstable_by_key(|row| row.seen.id);
    }
    let unsettled: Vec<Pair> = documents.iter().filter(|pair| !is_settled(pair, &held)).cloned().collect();
    let mut erased = erase::known::erased(context, &unsettled, work).await?;
    let contested: Vec<&Pair> = documents
        .iter()
        .filter(|pair| matches!(whose(pair, &held), Whose::Contested) && !erased.contains_key(*pair))
        .collect();
    let contest = if contested.is_empty() {
        Contest::default()
    } else {
        Contest::resolve(context, &contested, &held, work).await?
    };

    let mut taken: HashSet<CustomerId> = documents
        .iter()
        .filter_map(|pair| match whose(pair, &held) {
            Whose::Row(row) => Some(row.seen.id),
            Whose::New | Whose::Contested => None,
        })
        .collect();
    Ok(documents
        .iter()
        .map(|pair| match whose(pair, &held) {
            _ if erased.contains_key(pair) => erased.remove(pair).map_or(Place::Again, Place::Erased),
            Whose::Row(row) => Place::plain(Some(row)),
            Whose::New => Place::plain(None),
            Whose::Contested => contest.place(pair, &held, &mut taken),
        })
        .collect())
}

/// Whether a row has both its name and its `creation`: nobody else can have it.
fn is_settled(document: &Pair, held: &[Held]) -> bool {
    matches!(whose(document, held), Whose::Row(row) if row.seen.creation.is_some())
}

impl Place {
    fn plain(target: Option<&Held>) -> Self {
        Self::Found {
            target: target.cloned().map(Box::new),
            displaced: Vec::new(),
            puts: Vec::new(),
            namesakes: BTreeSet::new(),
        }
    }
}

/// All that is known about the contested rows and names of one batch.
#[derive(Debug, Default)]
struct Contest {
    rows: HashMap<CustomerId, Held>,
    /// Every (name, `creation`) that ERPNext has for the creations in question, crowded ones aside.
    theirs: HashSet<Pair>,
    crowded: HashSet<String>,
    left: Leftover,
    /// Rows whose documents are hidden from the key: nobody knows their names.
    concealed: HashSet<CustomerId>,
    /// Documents whose deletion was undone: they live on under their name with a new `creation`.
    restored: HashSet<Pair>,
}

impl Contest {
    async fn resolve(context: &Context, contested: &[&Pair], held: &[Held], work: Work) -> Result<Self, SyncError> {
        let mut rows: BTreeMap<CustomerId, Held> = BTreeMap::new();
        let mut creations: BTreeSet<String> = contested.iter().map(|pair| pair.creation.clone()).collect();
        let crowded = crowds(held);
        creations.retain(|creation| !crowded.contains(creation));
        let mut fresh: Vec<Held> = held
            .iter()
            .filter(|row| {
                let creation = row.seen.creation.as_ref().filter(|creation| !crowded.contains(*creation));
                contested
                    .iter()
                    .any(|pair| row.seen.erpnext_id.as_ref() == Some(&pair.name) || creation == Some(&pair.creation))
            })
            .cloned()
            .collect();
        let mut left = Leftover::default();
        let mut theirs = Vec::new();
        for _link in 0..LONGEST_CHAIN {
            creations.extend(fresh.iter().filter_map(|row| row.seen.creation.clone()));
            rows.extend(fresh.drain(..).map(|row| (row.seen.id, row)));
            let all: Vec<String> = creations.iter().cloned().collect();
            theirs = names_created_at(context, &all, work).await?;
            // Rows elsewhere with one of these creations are part of the contest too.
            for row in context.store.held(&[], &all).await? {
                rows.entry(row.seen.id).or_insert(row);
            }
            let ours: Vec<Held> = rows.values().cloned().collect();
            left = strike(&ours, &theirs);
            pair_by_history(context, &mut left, &rows).await?;
            let targets: Vec<String> = left.moves.values().cloned().collect();
            fresh = context.store.held(&targets, &[]).await?;
            fresh.retain(|row| !rows.contains_key(&row.seen.id));
            if fresh.is_empty() {
                break;
            }
        }
        // The end of a chain that is too long: rows that are in the way, and nobody knows yet where they go.
        rows.extend(fresh.into_iter().map(|row| (row.seen.id, row)));
        let crowd: Vec<&Pair> = contested.iter().copied().filter(|pair| crowded.contains(&pair.creation)).collect();
        pair_crowd(context, &mut left, &mut rows, &crowd).await?;
        let concealed = concealed_rows(context, &mut left, &rows, &theirs).await?;
        let gone: HashSet<&str> = left.gone.iter().filter_map(|id| rows.get(id)?.seen.erpnext_id.as_deref()).collect();
        let doubtful: Vec<&Pair> = contested.iter().copied().filter(|pair| gone.contains(pair.name.as_str())).collect();
        let restored = restored(context, &doubtful, work).await?;
        let (rows, theirs) = (rows.into_iter().collect(), theirs.into_iter().collect());
        Ok(Self { rows, theirs, crowded, left, concealed, restored })
    }

    /// The place of one contested document; marks the rows that it takes.
    fn place(&self, document: &Pair, held: &[Held], taken: &mut HashSet<CustomerId>) -> Place {
        if !self.crowded.contains(&document.creation) && !self.theirs.contains(document) {
            return Place::Outdated;
        }
        let mut ids = Vec::new();
        let mut displaced = Vec::new();
        let mut puts = Vec::new();
        let target = self.left.moves.iter().find(|(id, to)| **to == document.name && self.has_creation(**id, document));
        let mut target = target.and_then(|(id, _)| self.rows.get(id));
        let mut at_name = self.row_at(&document.name);
        if let Some(row) = target {
            ids.push(row.seen.id);
            puts.extend(row.seen.erpnext_id.clone());
        } else if let Some(row) = at_name
            && self.left.gone.contains(&row.seen.id)
            && self.was_restored(row)
        {
            ids.push(row.seen.id);
            target = at_name.take();
        }
        // Whoever holds the name makes way; whoever holds the name that this one moves to makes way too, and so on.
        while let Some(row) = at_name {
            if ids.contains(&row.seen.id) {
                break;
            }
            ids.push(row.seen.id);
            if let Some(to) = self.left.moves.get(&row.seen.id) {
                displaced.push(Write::Rename { seen: row.seen.clone(), to: to.clone() });
                puts.push(to.clone());
                at_name = self.row_at(to);
            } else if self.left.gone.contains(&row.seen.id) {
                displaced.push(Write::Tombstone { seen: row.seen.clone(), gone: Gone::Deleted, release_name: true });
                break;
            } else if self.concealed.contains(&row.seen.id) {
                return Place::Concealed;
            } else {
                return Place::Tangled;
            }
        }
        if ids.iter().any(|id| taken.contains(id)) {
            return Place::Again;
        }
        taken.extend(ids);
        puts.retain(|name| *name != document.name);
        let same_creation = |row: &&Held| row.seen.creation.as_ref() == Some(&document.creation);
        let namesakes =
            self.rows.values().chain(held).filter(same_creation).map(|row| row.seen.id).collect::<BTreeSet<_>>();
        Place::Found { target: target.cloned().map(Box::new), displaced, puts, namesakes }
    }

    fn has_creation(&self, id: CustomerId, document: &Pair) -> bool {
        self.rows.get(&id).is_some_and(|row| row.seen.creation.as_ref() == Some(&document.creation))
    }

    fn was_restored(&self, row: &Held) -> bool {
        let Some((name, creation)) = row.seen.erpnext_id.clone().zip(row.seen.creation.clone()) else { return false };
        self.restored.contains(&Pair { name, creation })
    }

    fn row_at(&self, name: &str) -> Option<&Held> {
        self.rows.values().find(|row| row.seen.erpnext_id.as_deref() == Some(name))
    }
}

/// Every (name, `creation`) that ERPNext has for these creations, but for erased customers: they have no rows to compare with.
pub(super) async fn names_created_at(
    context: &Context,
    creations: &[String],
    work: Work,
) -> Result<Vec<Pair>, SyncError> {
    let mut pairs = all_created_at(context, creations, work).await?;
    let erased = erase::known::erased_pairs(context, &pairs).await?;
    pairs.retain(|pair| !erased.contains_key(pair));
    Ok(pairs)
}

/// The same with erased customers. Listings are never filtered by anything else.
pub(super) async fn all_created_at(
    context: &Context,
    creations: &[String],
    work: Work,
) -> Result<Vec<Pair>, SyncError> {
    let list = List {
        doctype: Doctype::Customer.as_str(),
        parent: None,
        fields: &["name", "creation"],
        filters: json!([["creation", "in", creations]]),
        or_filters: Value::Null,
        order_by: "name asc",
        limit: 0,
    };
    let rows = context.client.list(&list, work).await?;
    let text = |row: &Doc, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(rows
        .iter()
        .filter_map(|row| Some(Pair { name: text(row, "name")?, creation: text(row, "creation")? }))
        .collect())
}

/// Rows and names that share a `creation` are paired by ERPNext's own "renamed from A to B" comments.
async fn pair_by_history(
    context: &Context,
    left: &mut Leftover,
    rows: &BTreeMap<CustomerId, Held>,
) -> Result<(), SyncError> {
    for (ids, names) in &left.unclear {
        for name in names.iter().take(HISTORIES) {
            let history = history(context, name).await?;
            let former = ids.iter().find(|id| {
                let row_name = rows.get(id).and_then(|row| row.seen.erpnext_id.as_deref());
                row_name.is_some_and(|row_name| history.iter().any(|comment| mentions(comment, row_name)))
            });
            if let Some(id) = former
                && !left.moves.contains_key(id)
            {
                left.moves.insert(*id, name.clone());
            }
        }
        if names.iter().all(|name| left.moves.values().any(|taken| taken == name)) {
            // Each name has found its row: the other rows' documents are nowhere any more.
            left.gone.extend(ids.iter().filter(|id| !left.moves.contains_key(id)));
        }
    }
    Ok(())
}

/// Takes the rows out of those that are gone whose documents are only hidden.
async fn concealed_rows(
    context: &Context,
    left: &mut Leftover,
    rows: &BTreeMap<CustomerId, Held>,
    theirs: &[Pair],
) -> Result<HashSet<CustomerId>, SyncError> {
    let creation_of = |id: &CustomerId| rows.get(id).and_then(|row| row.seen.creation.clone());
    let creations: HashSet<String> = left.gone.iter().filter_map(creation_of).collect();
    let hidden = concealed(context, &creations, theirs).await?;
    let is_hidden = |id: &CustomerId| creation_of(id).is_some_and(|creation| hidden.contains(&creation));
    let concealed: HashSet<CustomerId> = left.gone.iter().copied().filter(is_hidden).collect();
    left.gone.retain(|id| !concealed.contains(id));
    Ok(concealed)
}

/// Each `creation` that too many of these rows share.
fn crowds(held: &[Held]) -> HashSet<String> {
    let mut counts: HashMap<&String, usize> = HashMap::new();
    for creation in held.iter().filter_map(|row| row.seen.creation.as_ref()) {
        *counts.entry(creation).or_default() += 1;
    }
    counts.into_iter().filter(|(_creation, rows)| *rows > CROWD).map(|(creation, _rows)| creation.clone()).collect()
}

/// A document of an import is a renamed row of ours only if its own history says so.
async fn pair_crowd(
    context: &Context,
    left: &mut Leftover,
    rows: &mut BTreeMap<CustomerId, Held>,
    crowd: &[&Pair],
) -> Result<(), SyncError> {
    for document in crowd {
        let history = history(context, &document.name).await?;
        let former: Vec<String> = history.iter().flat_map(|comment| named_in(comment)).collect();
        let former = context.store.held(&former, &[]).await?.into_iter().find(|row| {
            row.seen.creation.as_ref() == Some(&document.creation)
                && row.seen.erpnext_id.as_ref() != Some(&document.name)
        });
        if let Some(row) = former {
            left.moves.insert(row.seen.id, document.name.clone());
            rows.insert(row.seen.id, row);
        }
    }
    Ok(())
}

/// A document's history; none where the key may not read it.
pub(super) async fn history(context: &Context, name: &str) -> Result<Vec<String>, SyncError> {
    match context.client.history(Doctype::Customer.as_str(), name).await {
        Ok(history) => Ok(history),
        Err(Error::Forbidden { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The names that a history comment mentions.
pub(super) fn named_in(comment: &str) -> Vec<String> {
    comment
        .split("<strong>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</strong>"))
        .map(|(name, _rest)| html_escape::decode_html_entities(name).into_owned())
        .collect()
}

/// Whether one of ERPNext's history comments names that document; names stand there in `<strong>`, HTML-escaped.
#[must_use]
pub fn mentions(comment: &str, name: &str) -> bool {
    named_in(comment).iter().any(|mentioned| mentioned == name)
}

/// Which of these documents are restored ones, by name and the `creation` that they had before their deletion. The newest
/// deletion of a name has the last word: what was deleted once more is not back. Nor is a document restored that is older
/// than the deletion, or that got its name by a rename.
/// Without permission on Deleted Document: none, so that the old row becomes a tombstone and a new one is made.
pub(super) async fn restored(context: &Context, documents: &[&Pair], work: Work) -> Result<HashSet<Pair>, SyncError> {
    if documents.is_empty() {
        return Ok(HashSet::new());
    }
    let names: Vec<&str> = documents.iter().map(|pair| pair.name.as_str()).collect();
    let list = List {
        doctype: "Deleted Document",
        parent: None,
        fields: &["name", "deleted_name", "restored", "new_name", "creation", "data"],
        filters: json!([["deleted_doctype", "=", Doctype::Customer.as_str()], ["deleted_name", "in", names]]),
        or_filters: Value::Null,
        order_by: "creation asc, name asc",
        limit: 0,
    };
    let rows = match context.client.list(&list, work).await {
        Ok(rows) => rows,
        Err(Error::Forbidden { .. }) => return Ok(HashSet::new()),
        Err(error) => return Err(error.into()),
    };
    // Oldest first: a later one of the same name takes its place.
    let newest: HashMap<&str, &Doc> =
        rows.iter().filter_map(|row| Some((row.get("deleted_name")?.as_str()?, row))).collect();
    let mut restored = HashSet::new();
    for document in documents {
        let before = newest.get(document.name.as_str()).and_then(|deleted| before_deletion(document, deleted));
        if let Some(before) = before
            && !came_by_rename(context, &document.name).await?
        {
            restored.insert(before);
        }
    }
    Ok(restored)
}

/// What the document was before, if that Deleted Document says that it was restored.
fn before_deletion(document: &Pair, deleted: &Doc) -> Option<Pair> {
    // Where its name was taken by then, it came back under another one.
    let is_restored = deleted.get("restored").and_then(Value::as_i64) == Some(1)
        && deleted.get("new_name").and_then(Value::as_str) == Some(&document.name);
    let is_younger = deleted.get("creation")?.as_str()? < document.creation.as_str();
    let data: Value = serde_json::from_str(deleted.get("data")?.as_str()?).ok()?;
    let creation = data.get("creation")?.as_str()?.to_owned();
    (is_restored && is_younger).then(|| Pair { name: document.name.clone(), creation })
}

/// Whether its history names another document: it was renamed, and whoever was restored under its name is elsewhere.
async fn came_by_rename(context: &Context, name: &str) -> Result<bool, SyncError> {
    let history = history(context, name).await?;
    Ok(history.iter().flat_map(|comment| named_in(comment)).any(|other| other != name))
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_comment_names_a_document_only_whole_and_escaped() {
        let comment = "renamed from <strong>A &amp; B</strong> to <strong>C</strong>";
        assert!(mentions(comment, "A & B"));
        assert!(mentions(comment, "C"));
        assert!(!mentions(comment, "A"));
    }
}
