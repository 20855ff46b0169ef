//! Which documents of ERPNext belong to customers that were erased.
//!
//! Invariant: only reads, and like `sync::identity` it goes by the (name, `creation`) pair. A document with another name and
//! an erased `creation` was renamed only if its history says so, or if it is the one that is left over on both sides; one
//! with an erased name and another `creation` is somebody else, unless ERPNext restored it. As long as nobody was erased,
//! each question here is one short read.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::identity::{CROWD, Pair};
use super::super::moves::{all_created_at, history, named_in, restored};
use super::super::{Context, SyncError};
use crate::domain::customer::CustomerId;
use crate::domain::erasure::{Forget, MarkKey};
use crate::domain::hint::Doctype;
use crate::domain::job::{Claim, DocKey};
use crate::domain::plan::Write;
use crate::erpnext::Work;
use crate::store::StoreError;

/// Those of the documents that belong to erased customers, with what is to be forgotten and marked.
///
/// # Errors
/// ERPNext's, where it has to be asked, and the database's.
pub async fn erased(
    context: &Context,
    documents: &[Pair],
    work: Work,
) -> Result<HashMap<Pair, Box<Forget>>, SyncError> {
    let Some(marks) = Marks::of(context, documents).await? else { return Ok(HashMap::new()) };
    let mut erased: HashMap<&Pair, CustomerId> = HashMap::new();
    for document in documents {
        if let Some(customer) = marks.owner(document) {
            erased.insert(document, customer);
        }
    }
    let open = |erased: &HashMap<&Pair, CustomerId>| -> Vec<&Pair> {
        documents.iter().filter(|document| !erased.contains_key(*document)).collect()
    };
    let renamed: Vec<&Pair> = open(&erased).into_iter().filter(|document| marks.has_creation(document)).collect();
    if !renamed.is_empty() {
        erased.extend(renamed_ones(context, &marks, &renamed, work).await?);
    }
    let named: Vec<&Pair> = open(&erased).into_iter().filter(|document| marks.has_name(document)).collect();
    if !named.is_empty() {
        erased.extend(restored_ones(context, &marks, &named, work).await?);
    }
    Ok(erased.into_iter().map(|(document, customer)| (document.clone(), marks.forget(document, customer))).collect())
}

/// Those of the (name, `creation`) pairs that are erased customers', without asking ERPNext.
///
/// # Errors
/// The database's.
pub async fn erased_pairs(context: &Context, pairs: &[Pair]) -> Result<HashMap<Pair, CustomerId>, StoreError> {
    let Some(marks) = Marks::of(context, pairs).await? else { return Ok(HashMap::new()) };
    Ok(pairs.iter().filter_map(|pair| Some((pair.clone(), marks.owner(pair)?))).collect())
}

/// Those of the names that an erased customer had, or an Address or Contact of one.
///
/// # Errors
/// The database's.
pub async fn erased_names(
    context: &Context,
    doctype: Doctype,
    names: &[String],
) -> Result<HashMap<String, Box<Forget>>, StoreError> {
    let Some(key) = context.store.mark_key().await? else { return Ok(HashMap::new()) };
    let document = |name: &String| DocKey { doctype, name: name.clone() };
    let marks: BTreeSet<String> = names.iter().map(|name| key.document(&document(name))).collect();
    let marked = context.store.erased_by_mark(&marks).await?;
    let forget = |name: &String| {
        let customer = *marked.get(&key.document(&document(name)))?.first()?;
        Some((name.clone(), Box::new(Forget { customer, key: document(name), marks: Vec::new() })))
    };
    Ok(names.iter().filter_map(forget).collect())
}

/// The marks of those names that an erased customer had, or an Address or Contact of one; none of other doctypes.
///
/// # Errors
/// The database's.
pub async fn marks_of_erased(
    context: &Context,
    doctype: &str,
    names: &[String],
) -> Result<HashMap<String, String>, StoreError> {
    let Some(doctype) = Doctype::parse(doctype) else { return Ok(HashMap::new()) };
    let Some(key) = context.store.mark_key().await? else { return Ok(HashMap::new()) };
    let erased = erased_names(context, doctype, names).await?;
    Ok(erased.into_iter().map(|(name, forget)| (name, key.document(&forget.key))).collect())
}

/// What is to be forgotten of an Address or Contact that is linked to these customers: all that came in about it, if one of
/// them was erased.
///
/// # Errors
/// The database's.
pub async fn forget_linked(context: &Context, claim: &Claim, customers: &[String]) -> Result<Vec<Write>, StoreError> {
    let mut erased = erased_names(context, Doctype::Customer, customers).await?;
    if erased.is_empty() {
        erased = erased_names(context, claim.key.doctype, std::slice::from_ref(&claim.key.name)).await?;
    }
    let Some(forget) = erased.into_values().next() else { return Ok(Vec::new()) };
    let Some(key) = context.store.mark_key().await? else { return Ok(Vec::new()) };
    let marks = vec![key.document(&claim.key)];
    Ok(vec![Write::Forget(Box::new(Forget { customer: forget.customer, key: claim.key.clone(), marks }))])
}

/// The marks that some documents share with erased customers.
struct Marks {
    key: MarkKey,
    marked: HashMap<String, BTreeSet<CustomerId>>,
}

impl Marks {
    /// `None` where nobody was ever erased.
    async fn of(context: &Context, documents: &[Pair]) -> Result<Option<Self>, StoreError> {
        if documents.is_empty() {
            return Ok(None);
        }
        let Some(key) = context.store.mark_key().await? else { return Ok(None) };
        let marks = documents.iter().flat_map(|Pair { name, creation }| {
            [
                key.pair(name, creation),
                key.pair(name, ""),
                key.creation(creation),
                key.document(&DocKey::customer(name.clone())),
            ]
        });
        let marked = context.store.erased_by_mark(&marks.collect()).await?;
        Ok(Some(Self { key, marked }))
    }

    fn first(&self, mark: &str) -> Option<CustomerId> {
        self.marked.get(mark)?.first().copied()
    }

    /// The erased customer that has this very pair, or that had the name and was never read.
    fn owner(&self, document: &Pair) -> Option<CustomerId> {
        let unread = || self.first(&self.key.pair(&document.name, ""));
        self.first(&self.key.pair(&document.name, &document.creation)).or_else(unread)
    }

    fn has_creation(&self, document: &Pair) -> bool {
        self.marked.contains_key(&self.key.creation(&document.creation))
    }

    fn has_name(&self, document: &Pair) -> bool {
        self.marked.contains_key(&self.key.document(&DocKey::customer(document.name.clone())))
    }

    /// What is to be forgotten and marked, once the document is known to be that customer's.
    fn forget(&self, document: &Pair, customer: CustomerId) -> Box<Forget> {
        let key = DocKey::customer(document.name.clone());
        let marks = [
            self.key.pair(&document.name, &document.creation),
            self.key.creation(&document.creation),
            self.key.document(&key),
        ];
        let is_new = |mark: &String| self.marked.get(mark).is_none_or(|owners| !owners.contains(&customer));
        Box::new(Forget { customer, key, marks: marks.into_iter().filter(is_new).collect() })
    }
}

/// Documents with the `creation` of an erased customer that are this customer under another name.
async fn renamed_ones<'a>(
    context: &Context,
    marks: &Marks,
    documents: &[&'a Pair],
    work: Work,
) -> Result<HashMap<&'a Pair, CustomerId>, SyncError> {
    let mut found = HashMap::new();
    for document in documents {
        let mut former: Vec<Pair> = Vec::new();
        for comment in history(context, &document.name).await? {
            former
                .extend(named_in(&comment).into_iter().map(|name| Pair { name, creation: document.creation.clone() }));
        }
        if let Some(customer) = erased_pairs(context, &former).await?.into_values().next() {
            found.insert(*document, customer);
        }
    }
    let left: Vec<&'a Pair> = documents.iter().copied().filter(|document| !found.contains_key(document)).collect();
    if !left.is_empty() {
        found.extend(left_over(context, marks, &left, work).await?);
    }
    Ok(found)
}

/// Of each `creation`: if one document of ERPNext is nobody's, and one erased customer has no document, they are the same.
async fn left_over<'a>(
    context: &Context,
    marks: &Marks,
    documents: &[&'a Pair],
    work: Work,
) -> Result<HashMap<&'a Pair, CustomerId>, SyncError> {
    let creations: BTreeSet<String> = documents.iter().map(|document| document.creation.clone()).collect();
    let creations: Vec<String> = creations.into_iter().collect();
    let theirs = all_created_at(context, &creations, work).await?;
    let ours = context.store.held(&[], &creations).await?;
    let ours: HashSet<Pair> = ours
        .into_iter()
        .filter_map(|row| Some(Pair { name: row.seen.erpnext_id?, creation: row.seen.creation? }))
        .collect();
    let erased = erased_pairs(context, &theirs).await?;
    let mut found = HashMap::new();
    for document in documents {
        let same = |pair: &&Pair| pair.creation == document.creation;
        let free: Vec<&Pair> =
            theirs.iter().filter(same).filter(|pair| !erased.contains_key(*pair) && !ours.contains(*pair)).collect();
        let lost = ours.iter().filter(same).any(|pair| !theirs.contains(pair));
        let still_there: BTreeSet<CustomerId> =
            theirs.iter().filter(same).filter_map(|pair| erased.get(pair).copied()).collect();
        let owners = marks.marked.get(&marks.key.creation(&document.creation)).cloned().unwrap_or_default();
        let gone: Vec<CustomerId> = owners.difference(&still_there).copied().collect();
        if let ([only], [customer]) = (free.as_slice(), gone.as_slice())
            && *only == *document
            && !lost
            && theirs.iter().filter(same).count() <= CROWD
        {
            found.insert(*document, *customer);
        }
    }
    Ok(found)
}

/// Documents with the name of an erased customer that are this customer, deleted and restored by ERPNext.
async fn restored_ones<'a>(
    context: &Context,
    marks: &Marks,
    documents: &[&'a Pair],
    work: Work,
) -> Result<HashMap<&'a Pair, CustomerId>, SyncError> {
    let before: Vec<Pair> = restored(context, documents, work).await?.into_iter().collect();
    let erased = erased_pairs(context, &before).await?;
    let of_name = |document: &&'a Pair| {
        let (_before, customer) = erased.iter().find(|(before, _customer)| before.name == document.name)?;
        marks.has_name(document).then_some((*document, *customer))
    };
    Ok(documents.iter().filter_map(of_name).collect())
}
