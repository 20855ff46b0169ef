//! A batch of 1 to 200 customers, from ERPNext's lists to decisions: the one read path.
//!
//! Invariant: a customer is decided only from what this batch read and what identity saw of its row; anything that the
//! key could not read keeps what we have and is marked. Who asked (hint, person, later a run) makes no difference.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

use super::filtering::{self, Filtering};
use super::hidden::{Hidden, Incomplete};
use super::identity::Pair;
use super::linked::{LinkedDocuments, Part, Subject};
use super::matching::Meeting;
use super::moves::{Place, places};
use super::{Context, Decision, SyncError, absence, erase, hidden, linked, matching, parking};
use crate::domain::customer::{CustomerId, Record};
use crate::domain::document::{Doc, Document, Unknown};
use crate::domain::fields::{content_hash, document_hash};
use crate::domain::hint::Doctype;
use crate::domain::job::{Claim, DocKey, Put};
use crate::domain::mapping::{Mapped, Unmappable};
use crate::domain::plan::{State, Upsert, Write};
use crate::erpnext::{Batch, Canaries, Error, Work};
use crate::store::Held;

/// Decides every claim of the batch, in the same order. Missing documents are looked into one by one: from `enough` on no
/// further one is begun and its job is due again, so that the lease still lasts for what was decided.
///
/// # Errors
/// What concerns the whole batch: ERPNext or the database could not answer, or the site is paused.
pub async fn decide(
    context: &Context,
    claims: &[Claim],
    work: Work,
    enough: Instant,
) -> Result<Vec<Decision>, SyncError> {
    let names: Vec<String> = claims.iter().map(|claim| claim.key.name.clone()).collect();
    let canaries = linked::canaries(context).await?;
    let mut batch = match context.client.read_customers(&names, &canaries, context.rules.filter.as_ref(), work).await {
        Ok(batch) => batch,
        Err(error @ (Error::Forbidden { .. } | Error::Unauthorized { .. })) => {
            return Err(absence::pause(context, error));
        }
        Err(error) => return Err(error.into()),
    };
    let listed: HashSet<String> = batch.customers.iter().filter_map(name).map(str::to_owned).collect();
    let mut found = Found::gather(context, claims, &mut batch, &canaries, work).await?;
    let filtering = Filtering::of(context, &batch, found.iter().filter_map(Found::row)).await?;
    meet(context, &mut found, &filtering, work).await?;
    let absent: Vec<String> = names.iter().filter(|name| !listed.contains(name.as_str())).cloned().collect();
    let (absent, mut erased) = if absent.is_empty() {
        (Vec::new(), HashMap::new())
    } else {
        (
            context.store.held(&absent, &[]).await?,
            erase::known::erased_names(context, Doctype::Customer, &absent).await?,
        )
    };
    let rows: Vec<CustomerId> = found.iter().filter_map(Found::row).map(|(_name, held)| held.seen.id).collect();
    let mut decisions = Vec::with_capacity(claims.len());
    let mut looked_into = 0_usize;
    let mut found = found.into_iter().map(|found| (found.pair.name.clone(), found)).collect::<HashMap<_, _>>();
    for claim in claims {
        decisions.push(match found.remove(&claim.key.name) {
            Some(found) => found.decide(&filtering, claim).unwrap_or_else(Decision::Failed),
            None if listed.contains(claim.key.name.as_str()) => {
                Decision::Failed(SyncError::Unmappable("ERPNext's answer has no creation or modified".to_owned()))
            }
            // Without a row there is nothing to find out about it.
            None if !absent.iter().any(|row| row.seen.erpnext_id.as_ref() == Some(&claim.key.name))
                && erased.contains_key(&claim.key.name) =>
            {
                erased.remove(&claim.key.name).map_or(Decision::Skipped, Decision::Erased)
            }
            // One is always looked into: otherwise slow lists could make the same batch go round for ever.
            None if looked_into > 0 && Instant::now() >= enough => Decision::Again,
            None => {
                looked_into += 1;
                let held = absent.iter().find(|row| row.seen.erpnext_id.as_ref() == Some(&claim.key.name));
                absence::decide(context, claim, held, work).await
            }
        });
    }
    parking::park(context, claims, &mut decisions, &rows).await?;
    Ok(decisions)
}

/// A customer that the batch found, with all that its decision needs.
struct Found {
    pair: Pair,
    modified: String,
    document: Document,
    addresses: Part,
    contacts: Part,
    unknown: Unknown,
    place: Place,
    /// The document as it is stored, and its hash.
    text: String,
    hash: String,
    /// What the mapping makes of the document; `None` where that is what it made last time.
    mapped: Option<Result<Mapped, Unmappable>>,
    /// What a document without a row is.
    meeting: Meeting,
}

impl Found {
    /// Takes the documents out of the batch as soon as they have been understood: they are most of its memory.
    async fn gather(
        context: &Context,
        claims: &[Claim],
        batch: &mut Batch,
        canaries: &Canaries,
        work: Work,
    ) -> Result<Vec<Self>, SyncError> {
        let customers = std::mem::take(&mut batch.customers);
        let mut listed: HashMap<String, Doc> =
            customers.into_iter().filter_map(|document| Some((name(&document)?.to_owned(), document))).collect();
        let documents = claims.iter().filter_map(|claim| listed.remove(&claim.key.name));
        let (documents, stamps): (Vec<Doc>, Vec<(Pair, String)>) =
            documents.filter_map(|document| stamps(&document).map(|stamps| (document, stamps))).unzip();
        let pairs: Vec<Pair> = stamps.iter().map(|(pair, _modified)| pair.clone()).collect();
        let places = places(context, &pairs, work).await?;
        let rows: Vec<Option<CustomerId>> = places.iter().map(target_id).collect();
        let ids: Vec<CustomerId> = rows.iter().flatten().copied().collect();
        let read = (std::mem::take(&mut batch.addresses), std::mem::take(&mut batch.contacts));
        let ours = context.store.linked(&ids).await?;
        let subjects: Vec<Subject<'_>> = documents
            .iter()
            .zip(&pairs)
            .zip(&rows)
            .map(|((customer, pair), row)| Subject { customer, name: &pair.name, row: *row })
            .collect();
        let addresses = linked::parts(
            context,
            Doctype::Address,
            &subjects,
            LinkedDocuments::addresses(batch, read.0),
            &ours,
            canaries.address.as_deref(),
            work,
        );
        let contacts = linked::parts(
            context,
            Doctype::Contact,
            &subjects,
            LinkedDocuments::contacts(batch, read.1),
            &ours,
            canaries.contact.as_deref(),
            work,
        );
        let (addresses, contacts) = futures_util::try_join!(addresses, contacts)?;
        let hidden = Hidden::of(context, batch).await?;

        let mut found: Vec<Self> = Vec::with_capacity(documents.len());
        let parts = addresses.into_iter().zip(contacts);
        for (((customer, (pair, modified)), place), (mut addresses, mut contacts)) in
            documents.into_iter().zip(stamps).zip(places).zip(parts)
        {
            let mut unknown = hidden.unknown();
            mark(&mut unknown, "address", &addresses);
            mark(&mut unknown, "contact", &contacts);
            let credit_limits = batch.credit_limits.remove(&pair.name).unwrap_or_default();
            found.push(Self {
                pair,
                modified,
                document: Document {
                    customer,
                    credit_limits,
                    addresses: std::mem::take(&mut addresses.documents).into_values().collect(),
                    contacts: std::mem::take(&mut contacts.documents).into_values().collect(),
                },
                addresses,
                contacts,
                unknown: Unknown(unknown),
                place,
                text: String::new(),
                hash: String::new(),
                mapped: None,
                meeting: Meeting::default(),
            });
        }
        let incomplete = found.iter_mut().filter_map(Self::incomplete).collect();
        hidden::keep_what_we_have(context, &hidden, incomplete).await?;
        // A document without a row is compared with those of all the others.
        let all_have_rows = found.iter().all(|found| found.row().is_some());
        for found in &mut found {
            found.document = std::mem::take(&mut found.document).canonical();
            found.text = found.document.text()?;
            found.hash = document_hash(context.mapping.fingerprint(), &found.text);
            if all_have_rows && found.is_as_it_was() {
                (found.document, found.text) = Default::default();
            } else {
                found.mapped = Some(context.mapping.map(&found.document));
            }
        }
        Ok(found)
    }

    /// What the document may lack, where we have a row to take it from.
    fn incomplete(&mut self) -> Option<Incomplete<'_>> {
        let row = target_id(&self.place)?;
        Some(Incomplete { row, document: &mut self.document, addresses: &self.addresses, contacts: &self.contacts })
    }

    /// The row that it belongs to, as far as that is known.
    fn row(&self) -> Option<(&str, &Held)> {
        match &self.place {
            Place::Found { target, .. } => target.as_deref().map(|held| (self.pair.name.as_str(), held)),
            Place::Again | Place::Tangled | Place::Outdated | Place::Concealed | Place::Erased(_) => None,
        }
    }

    /// Its values, where they were worked out.
    fn record(&self) -> Option<&Record> {
        self.mapped.as_ref()?.as_ref().ok().map(|mapped| &mapped.record)
    }

    /// Whether the same document was mapped in the same way before, and its row is as it should be.
    fn is_as_it_was(&self) -> bool {
        self.row().is_some_and(|(name, held)| {
            !held.deleted
                && held.seen.erpnext_id.as_deref() == Some(name)
                && held.seen.creation.as_ref() == Some(&self.pair.creation)
                && held.seen.hash.as_ref().is_some_and(|hash| !hash.is_empty())
                && held.modified.as_ref() == Some(&self.modified)
                && held.document_hash.as_ref() == Some(&self.hash)
                && held.unknown == self.unknown
        })
    }

    fn decide(self, filtering: &Filtering, claim: &Claim) -> Result<Decision, SyncError> {
        let (target, displaced, puts, namesakes) = match self.place {
            Place::Found { target, displaced, puts, namesakes } => (target, displaced, puts, namesakes),
            Place::Again => return Ok(Decision::Again),
            Place::Tangled => return Err(SyncError::TangledNames),
            Place::Outdated => return Err(SyncError::Outdated),
            Place::Concealed => return Err(SyncError::NameConcealed),
            Place::Erased(forget) => return Ok(Decision::Erased(forget)),
        };
        let mut puts: Vec<Put> = puts.into_iter().map(|name| claim.inherit(DocKey::customer(name))).collect();
        if filtering.leaves_out(claim, &self.pair.name, target.as_deref()) {
            let out = target.and_then(|held| filtering::leave_out(*held, self.pair, self.modified));
            let writes: Vec<Write> = displaced.into_iter().chain(out).collect();
            let is_nothing = writes.is_empty() && puts.is_empty();
            return Ok(if is_nothing { Decision::Skipped } else { Decision::Write { writes, puts } });
        }
        let Some(mapped) = self.mapped else {
            return Ok(Decision::Write { writes: displaced, puts });
        };
        let mapped = mapped.map_err(|unmappable| SyncError::Unmappable(unmappable.to_string()))?;
        let state = State {
            hash: content_hash(&(&mapped.record, &mapped.keep))?,
            document_hash: self.hash,
            document: self.text,
            creation: self.pair.creation,
            modified: self.modified,
            unknown: self.unknown,
            problems: (!mapped.problems.is_empty()).then(|| mapped.problems.join("\n")),
        };
        let mut writes = displaced;
        let (target, matched_by) = match (target, self.meeting) {
            (Some(held), _) if is_same(&held, &self.pair.name, &state) => {
                if is_stale(&held, &state) {
                    writes.push(Write::Note { seen: held.seen, state });
                }
                return Ok(Decision::Write { writes, puts });
            }
            (Some(held), _) => (Some(held.seen), None),
            (None, Meeting::New) => (None, None),
            (None, Meeting::Row { seen, matched_by, puts: others }) => {
                puts.extend(others.into_iter().map(|name| claim.inherit(DocKey::customer(name))));
                (Some(seen), matched_by)
            }
            (None, Meeting::Ask(questions)) => {
                writes.extend(questions.into_iter().map(Write::Suggest));
                return Ok(Decision::Write { writes, puts });
            }
            (None, Meeting::Waits) if writes.is_empty() => return Ok(Decision::Skipped),
            (None, Meeting::Waits) => return Ok(Decision::Write { writes, puts }),
        };
        let Mapped { record, keep, .. } = mapped;
        writes.push(Write::Upsert(Box::new(Upsert { target, namesakes, matched_by, record, keep, state })));
        Ok(Decision::Write { writes, puts })
    }
}

/// Looks whether documents without a row are customers that we had before.
async fn meet(context: &Context, found: &mut [Found], filtering: &Filtering<'_>, work: Work) -> Result<(), SyncError> {
    let indices: Vec<usize> = (0..found.len()).filter(|index| found[*index].record().is_some()).collect();
    let subject = |index: &usize| {
        let Found { pair, document, place, .. } = &found[*index];
        let customer = &found[*index].record()?.customer;
        let is_new = matches!(place, Place::Found { target: None, .. }) && filtering.lets_in(&pair.name);
        Some(matching::Subject { pair, document, customer, is_new })
    };
    let subjects: Vec<matching::Subject<'_>> = indices.iter().filter_map(subject).collect();
    let meetings = matching::meet(context, &subjects, work).await?;
    for (index, meeting) in indices.into_iter().zip(meetings) {
        found[index].meeting = meeting;
    }
    Ok(())
}

fn name(document: &Doc) -> Option<&str> {
    document.get("name").and_then(Value::as_str)
}

/// Identity and `modified` of a listed document; `None` for an answer that lacks one of them.
fn stamps(document: &Doc) -> Option<(Pair, String)> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_owned);
    Some((Pair { name: text("name")?, creation: text("creation")? }, text("modified")?))
}

fn target_id(place: &Place) -> Option<CustomerId> {
    match place {
        Place::Found { target, .. } => target.as_ref().map(|held| held.seen.id),
        Place::Again | Place::Tangled | Place::Outdated | Place::Concealed | Place::Erased(_) => None,
    }
}

fn mark(unknown: &mut BTreeSet<String>, name: &str, part: &Part) {
    if part.is_unknown() {
        unknown.insert(name.to_owned());
    }
}

/// Whether nothing of `customers` would change.
fn is_same(held: &Held, name: &str, state: &State) -> bool {
    !held.deleted
        && held.seen.erpnext_id.as_deref() == Some(name)
        && held.seen.creation.as_ref() == Some(&state.creation)
        && held.seen.hash.as_ref() == Some(&state.hash)
}

/// Whether our bookkeeping would change.
fn is_stale(held: &Held, state: &State) -> bool {
    held.modified.as_ref() != Some(&state.modified)
        || held.document_hash.as_ref() != Some(&state.document_hash)
        || held.unknown != state.unknown
        || held.has_problems != state.problems.is_some()
}
