//! What differs: from rows as they are and writes as they are wished to the rows to write and the history to keep.
//!
//! Invariant: pure, and the only place that decides whether anything changes: an unchanged row gets no write in the
//! public tables, no new `updated_at` and no history. Effects are counted here, never from affected rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::tables::{ADDRESSES, CONTACTS, CUSTOMERS};
use super::super::transact::Fault;
use super::present::{Linked, Present};
use super::stale::gives_up_name;
use crate::domain::change::{ChangeKind, FieldChange};
use crate::domain::customer::{CustomerId, Record};
use crate::domain::fields::{diff, flatten};
use crate::domain::job::Claim;
use crate::domain::plan::{Effect, Gone, LeaveOut, State, Unit, Upsert, Write};
use crate::domain::suggestion::Suggestion;

type Rows = Vec<Map<String, Value>>;

/// A change to keep in the history.
pub(super) struct Change<'a> {
    /// The row; 0 until a new row has its id.
    pub(super) customer: CustomerId,
    pub(super) kind: ChangeKind,
    pub(super) changes: Vec<FieldChange>,
    pub(super) claim: &'a Claim,
    /// Index into `inserts` for a new row.
    pub(super) insert: Option<usize>,
}

/// A row to insert.
pub(super) struct Insert<'a> {
    pub(super) upsert: &'a Upsert,
    pub(super) row: Map<String, Value>,
    /// Where its effect stands in `written`.
    slot: usize,
}

/// All that has to be written for the living units.
#[derive(Default)]
pub(super) struct Effects<'a> {
    pub(super) release: Rows,
    pub(super) inserts: Vec<Insert<'a>>,
    pub(super) updates: Rows,
    pub(super) renames: Rows,
    pub(super) tombstones: Rows,
    pub(super) stamps: Rows,
    pub(super) addresses: Rows,
    pub(super) addresses_gone: Rows,
    pub(super) contacts: Rows,
    pub(super) contacts_gone: Rows,
    pub(super) states: Vec<StateRow<'a>>,
    pub(super) notes: Vec<StateRow<'a>>,
    pub(super) unknown: Rows,
    pub(super) aliases: BTreeMap<(String, String), CustomerId>,
    pub(super) changes: Vec<Change<'a>>,
    pub(super) suggestions: Vec<&'a Suggestion>,
    /// Documents that get their row, and rows that get their document: nothing is asked about them any longer.
    pub(super) answered: Vec<(&'a str, Option<CustomerId>)>,
    written: Vec<(CustomerId, Effect)>,
}

/// Works out the effects of the living units.
pub(super) fn work_out<'a>(
    alive: &[(usize, &'a Unit)],
    present: &BTreeMap<CustomerId, Present>,
    linked: &Linked,
) -> Result<Effects<'a>, Fault> {
    let mut effects = Effects::default();
    for (_, unit) in alive {
        for write in &unit.writes {
            effects.leave_name(write);
            match write {
                Write::Upsert(upsert) => {
                    effects.answer(upsert);
                    match upsert.target.as_ref().and_then(|seen| Some((seen.id, present.get(&seen.id)?))) {
                        Some((id, before)) => effects.update(&unit.claim, upsert, id, before, linked)?,
                        None => effects.insert(&unit.claim, upsert)?,
                    }
                }
                Write::Note { seen, state } => {
                    effects.notes.push(StateRow::new(seen.id, state, None)?);
                    effects.written.push((seen.id, Effect::Unchanged));
                }
                Write::MarkUnknown { seen, unknown } => {
                    effects.unknown.push(object(json!({ "id": seen.id, "unknown": unknown.stored() })));
                    effects.written.push((seen.id, Effect::Unchanged));
                }
                Write::Rename { seen, to } => {
                    effects.renames.push(object(json!({ "id": seen.id, "erpnext_id": to })));
                    effects.changed(
                        &unit.claim,
                        seen.id,
                        ChangeKind::Renamed,
                        vec![name_change(seen.erpnext_id.as_deref(), Some(to))],
                    );
                    effects.written.push((seen.id, Effect::Updated));
                }
                Write::Tombstone { seen, gone, release_name } => {
                    if let Some(before) = present.get(&seen.id) {
                        effects.tombstone(&unit.claim, seen.id, before, *gone, *release_name);
                    }
                }
                Write::LeaveOut(left) => {
                    if let Some(before) = present.get(&left.seen.id) {
                        effects.leave_out(&unit.claim, left, before);
                    }
                }
                Write::Suggest(suggestion) => effects.suggestions.push(suggestion),
            }
        }
    }
    Ok(effects)
}

impl<'a> Effects<'a> {
    /// A row that loses its name gives it up before anybody else gets it, and leaves an alias.
    fn leave_name(&mut self, write: &Write) {
        let Some((id, seen)) = gives_up_name(write).zip(write.seen()) else {
            return;
        };
        if let Some(name) = &seen.erpnext_id {
            self.release.push(object(json!({ "id": id })));
            self.aliases.insert((name.clone(), seen.creation.clone().unwrap_or_default()), id);
        }
    }

    fn answer(&mut self, upsert: &'a Upsert) {
        let target = upsert.target.as_ref();
        if let Some(name) = upsert.record.customer.erpnext_id.as_deref()
            && target.is_none_or(|seen| seen.creation.is_none())
        {
            self.answered.push((name, target.map(|seen| seen.id)));
        }
    }

    fn insert(&mut self, claim: &'a Claim, upsert: &'a Upsert) -> Result<(), Fault> {
        let changes = diff(&Map::new(), &flatten(&upsert.record)?);
        self.changes.push(Change {
            customer: 0,
            kind: ChangeKind::Created,
            changes,
            claim,
            insert: Some(self.inserts.len()),
        });
        let row = CUSTOMERS.row(&upsert.record.customer)?;
        self.inserts.push(Insert { upsert, row, slot: self.written.len() });
        self.written.push((0, Effect::Created));
        Ok(())
    }

    fn update(
        &mut self,
        claim: &'a Claim,
        upsert: &'a Upsert,
        id: CustomerId,
        before: &Present,
        linked: &Linked,
    ) -> Result<(), Fault> {
        let old = Record {
            customer: before.customer.clone(),
            addresses: linked.addresses.get(&id).cloned().unwrap_or_default(),
            contacts: linked.contacts.get(&id).cloned().unwrap_or_default(),
        };
        let old_fields = flatten(&old)?;
        let mut new_fields = upsert.fields_over(&old_fields)?;
        let changes = diff(&old_fields, &new_fields);
        self.states.push(StateRow::new(id, &upsert.state, Some(&upsert.record))?);
        if changes.is_empty() && !before.deleted {
            self.written.push((id, Effect::Unchanged));
            return Ok(());
        }
        new_fields.remove("addresses");
        new_fields.remove("contacts");
        let mut row = CUSTOMERS.row(&new_fields)?;
        row.insert("id".to_owned(), id.into());
        self.updates.push(row);
        let record = &upsert.record;
        self.link(id, &record.addresses, &old.addresses, Part::Addresses)?;
        self.link(id, &record.contacts, &old.contacts, Part::Contacts)?;
        let mut changes = changes;
        let linked = upsert.matched_by.as_ref().map(|by| FieldChange {
            field: "matched_by".to_owned(),
            old: Value::Null,
            new: by.to_string().into(),
        });
        let is_linked = linked.is_some();
        changes.extend(linked);
        let kind = if is_linked {
            ChangeKind::Linked
        } else if before.deleted {
            ChangeKind::Restored
        } else if before.customer.erpnext_id != record.customer.erpnext_id && before.customer.erpnext_id.is_some() {
            ChangeKind::Renamed
        } else {
            ChangeKind::Updated
        };
        self.changed(claim, id, kind, changes);
        self.written.push((id, if is_linked { Effect::Linked } else { Effect::Updated }));
        Ok(())
    }

    fn tombstone(&mut self, claim: &'a Claim, id: CustomerId, before: &Present, gone: Gone, release_name: bool) {
        let merged_into = gone.merged_into();
        let name = before.customer.erpnext_id.as_deref();
        let loses_name = release_name && name.is_some();
        if before.deleted
            && before.gone.as_deref() == Some(gone.as_str())
            && before.merged_into == merged_into
            && !loses_name
        {
            self.written.push((id, Effect::Unchanged));
            return;
        }
        let mut changes = Vec::new();
        if loses_name {
            changes.push(name_change(name, None));
        }
        changes.extend(merge_change(before.merged_into, merged_into));
        self.tombstones.push(object(json!({
            "id": id,
            "merged_into": merged_into,
            "gone": gone.as_str(),
        })));
        let kind = match gone {
            Gone::Deleted => ChangeKind::Deleted,
            Gone::Merged(_) => ChangeKind::Merged,
            Gone::Filtered => ChangeKind::Filtered,
        };
        self.changed(claim, id, kind, changes);
        self.written.push((id, Effect::Tombstoned));
    }

    fn leave_out(&mut self, claim: &'a Claim, left: &LeaveOut, before: &Present) {
        let id = left.seen.id;
        let name = before.customer.erpnext_id.as_deref();
        let is_renamed = name != Some(&left.name);
        let is_out = before.deleted && before.gone.as_deref() == Some(Gone::Filtered.as_str());
        self.stamps.push(object(json!({ "id": id, "creation": left.creation, "modified": left.modified })));
        if is_out && !is_renamed {
            self.written.push((id, Effect::Unchanged));
            return;
        }
        let mut changes = Vec::new();
        if is_renamed {
            self.renames.push(object(json!({ "id": id, "erpnext_id": left.name })));
            changes.push(name_change(name, Some(&left.name)));
        }
        if !is_out {
            self.tombstones.push(object(json!({ "id": id, "gone": Gone::Filtered.as_str() })));
            changes.extend(merge_change(before.merged_into, None));
        }
        self.changed(claim, id, if is_out { ChangeKind::Renamed } else { ChangeKind::Filtered }, changes);
        self.written.push((id, if before.deleted { Effect::Updated } else { Effect::Tombstoned }));
    }

    fn changed(&mut self, claim: &'a Claim, customer: CustomerId, kind: ChangeKind, changes: Vec<FieldChange>) {
        self.changes.push(Change { customer, kind, changes, claim, insert: None });
    }

    /// Linked documents: those that differ are written, those that are no longer linked are deleted.
    fn link<T: Linkable>(&mut self, id: CustomerId, new: &[T], old: &[T], part: Part) -> Result<(), Fault> {
        let (table, upserts, deletes) = match part {
            Part::Addresses => (&ADDRESSES, &mut self.addresses, &mut self.addresses_gone),
            Part::Contacts => (&CONTACTS, &mut self.contacts, &mut self.contacts_gone),
        };
        for document in new {
            if !old.contains(document) {
                let mut row = table.row(document)?;
                row.insert("customer_id".to_owned(), id.into());
                upserts.push(row);
            }
        }
        for document in old {
            if !new.iter().any(|other| other.erpnext_id() == document.erpnext_id()) {
                deletes.push(object(json!({ "customer_id": id, "erpnext_id": document.erpnext_id() })));
            }
        }
        Ok(())
    }

    /// Takes the ids of inserted rows (in the order of `inserts`) to everything that refers to them.
    pub(super) fn number_inserts(&mut self, ids: &[CustomerId]) -> Result<(), Fault> {
        for (index, id) in ids.iter().enumerate() {
            let Insert { upsert, slot, .. } = &self.inserts[index];
            let (upsert, slot) = (*upsert, *slot);
            self.written[slot].0 = *id;
            self.states.push(StateRow::new(*id, &upsert.state, Some(&upsert.record))?);
            self.link(*id, &upsert.record.addresses, &[], Part::Addresses)?;
            self.link(*id, &upsert.record.contacts, &[], Part::Contacts)?;
        }
        for change in &mut self.changes {
            if let Some(id) = change.insert.and_then(|index| ids.get(index)) {
                change.customer = *id;
            }
        }
        Ok(())
    }

    /// The ids of new rows, and of those that got their document just now.
    pub(super) fn new_rows(&self) -> BTreeSet<CustomerId> {
        let inserted = self.inserts.iter().map(|insert| self.written[insert.slot].0);
        inserted.chain(self.answered.iter().filter_map(|(_name, row)| *row)).collect()
    }

    /// Per living unit, what was written, in the order of its writes.
    pub(super) fn written(&self, alive: &[(usize, &Unit)]) -> Vec<(usize, Vec<(CustomerId, Effect)>)> {
        let mut written = self.written.iter().copied();
        alive.iter().map(|(index, unit)| (*index, written.by_ref().take(rows_of(unit)).collect())).collect()
    }
}

#[derive(Clone, Copy)]
enum Part {
    Addresses,
    Contacts,
}

trait Linkable: PartialEq + serde::Serialize {
    fn erpnext_id(&self) -> &str;
}

impl Linkable for crate::domain::customer::Address {
    fn erpnext_id(&self) -> &str {
        &self.erpnext_id
    }
}

impl Linkable for crate::domain::customer::Contact {
    fn erpnext_id(&self) -> &str {
        &self.erpnext_id
    }
}

/// Writes of a unit that have an effect on a row.
fn rows_of(unit: &Unit) -> usize {
    unit.writes.iter().filter(|write| !matches!(write, Write::Suggest(_))).count()
}

fn name_change(old: Option<&str>, new: Option<&str>) -> FieldChange {
    FieldChange { field: "erpnext_id".to_owned(), old: old.into(), new: new.into() }
}

fn merge_change(old: Option<CustomerId>, new: Option<CustomerId>) -> Option<FieldChange> {
    let change = || FieldChange { field: "merged_into".to_owned(), old: old.into(), new: new.into() };
    (old != new).then(change)
}

/// A row of `sync_state`. The documents are most of what a batch weighs, so they are borrowed.
#[derive(Serialize)]
pub(super) struct StateRow<'a> {
    pub(super) id: CustomerId,
    document: &'a str,
    hash: &'a str,
    document_hash: &'a str,
    /// Only where the public values were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    creation: &'a str,
    modified: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<&'a str>,
}

impl<'a> StateRow<'a> {
    fn new(id: CustomerId, state: &'a State, base: Option<&Record>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id,
            document: &state.document,
            hash: &state.hash,
            document_hash: &state.document_hash,
            base: base.map(serde_json::to_string).transpose()?,
            creation: &state.creation,
            modified: &state.modified,
            unknown: state.unknown.stored(),
            problems: state.problems.as_deref(),
        })
    }
}

/// An object without its nulls: a missing key is null in a batch.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut map) => {
            map.retain(|_, value| !value.is_null());
            map
        }
        _ => Map::new(),
    }
}
